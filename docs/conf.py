"""The site of the documentation: Sphinx, read by `make docs`. It imports the package, not torch."""

from __future__ import annotations

import sys
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.highlighting import lexers

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from bench import __version__  # noqa: E402 - the checkout's, whatever is installed

project = "manyseeds"
copyright = "manyseeds contributors"
html_title = f"manyseeds {__version__}"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "reference"]

# Markdown as a code host shows it: the anchors of headings, and a picture given as <img>.
myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]

# The docstrings are Markdown in this respect: `words` are code.
default_role = "code"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
toc_object_entries = False  # else the contents of a page list each field

html_theme = "furo"
html_show_sphinx = False
html_copy_source = False  # no second copy of the pages' Markdown
html_show_search_summary = False  # a browser would fetch pages, which it refuses without a server
html_theme_options = {"footer_icons": []}
highlight_language = "text"  # a fence without a language is no Python
lexers["csv"] = TextLexer()  # a code host knows this language
