"""Two suites, architectures or recipes against each other: distributions, verdict, drift.

`matching` says which arms stand against each other, `drift` what differs between them and whether
equal specs gave equal bits, `outcome` compares, `show` shows it. No torch, no files written.
"""
