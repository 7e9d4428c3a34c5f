"""Multiply-adds, counted in more than one way."""
