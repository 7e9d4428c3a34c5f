"""Receptive fields, traced through the graph of a forward pass."""
