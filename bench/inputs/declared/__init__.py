"""Data sets that a person declares: `datasets/NAME.toml` or `datasets/NAME.py` in their folder."""
