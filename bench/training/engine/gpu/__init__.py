"""Steps captured as CUDA graphs, of many runs in turns."""
