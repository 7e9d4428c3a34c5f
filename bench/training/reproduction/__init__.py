"""One recorded run, trained again and compared: its bits here, its distribution elsewhere.

`recorded` finds the run, `retraining` rebuilds and trains it, `outcome` compares and tells.
"""
