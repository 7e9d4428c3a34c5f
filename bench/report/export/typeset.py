"""Any text -> LaTeX that compiles: ASCII alone, every special character escaped."""

from __future__ import annotations

import unicodedata

SPECIAL = {
    **{each: f"\\{each}" for each in "{}$&#%_"},
    **{each: f"{{{each}}}" for each in "-[]*"},  # -- is a dash, [ and * at a row's end are options
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",  # babel makes it a command of its own
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "\N{MINUS SIGN}": r"$-$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{MIDDLE DOT}": r"$\cdot$",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
    "\N{LEFT SINGLE QUOTATION MARK}": "`",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
    "\N{NO-BREAK SPACE}": "~",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{LESS-THAN OR EQUAL TO}": r"$\le$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\ge$",
    "\N{CHECK MARK}": r"$\surd$",
    "\N{BALLOT X}": r"$\times$",
}
ACCENTS = {  # combining character -> the command that puts it on a letter
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "\N{COMBINING TILDE}": "~",
    "\N{COMBINING DIAERESIS}": '"',
    "\N{COMBINING MACRON}": "=",
    "\N{COMBINING DOT ABOVE}": ".",
    "\N{COMBINING BREVE}": "u",
    "\N{COMBINING CARON}": "v",
    "\N{COMBINING CEDILLA}": "c",
    "\N{COMBINING DOUBLE ACUTE ACCENT}": "H",
}


def escaped(text: str) -> str:
    """The text for the inside of a paragraph or a cell.

    A character that is neither ASCII, nor a sign above, nor a letter with one accent is told by
    its number, for a plain LaTeX would stop at it.
    """
    return "".join(_character(each) for each in " ".join(text.split()))


def _character(each: str) -> str:
    if each in SPECIAL:
        return SPECIAL[each]
    if " " <= each <= "~":
        return each
    base, *marks = list(unicodedata.normalize("NFD", each))
    if len(marks) == 1 and marks[0] in ACCENTS and base.isascii() and base.isalpha():
        letter = {"i": r"\i{}", "j": r"\j{}"}.get(base, base)
        return f"{{\\{ACCENTS[marks[0]]}{{{letter}}}}}"
    return f"{{[}}U+{ord(each):04X}{{]}}"
