"""Statistics of few runs: pure functions over counts and arrays, numpy and scipy only.

The unit is one training run. Arrays have shape (n_runs,) or (n_runs, n_epochs), tables of right
answers (n_runs, n_images). What cannot be said, for want of runs or of spread, is None. Every
function that draws takes its seed as an argument.
"""
