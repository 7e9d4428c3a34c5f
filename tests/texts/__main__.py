"""Renews the list of texts: `python -m tests.texts`."""

from tests.texts.listing import LISTING, listing

LISTING.write_text(listing(), "utf-8")
