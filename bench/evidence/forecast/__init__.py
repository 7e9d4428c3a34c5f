"""How many seeds: for a margin from a pilot's spread, for a verdict on a rate.

`questions` computes, `show` shows them. No torch, no files written.
"""
