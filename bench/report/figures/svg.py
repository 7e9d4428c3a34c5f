"""Figures -> SVG text whose colours are CSS variables and whose marks can speak."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from typing import Any

import matplotlib
from markupsafe import escape
from matplotlib.artist import Artist
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from bench.report.figures.canvas import STAND_INS, STYLE


def mark(artist: Artist, says: str | Sequence[str], series: str = "") -> None:
    """Lets a reader ask an artist what it is.

    Args:
        artist: A line, a patch; or markers of one line or scatter, in the order of the points; or
            the cells of a mesh, row by row.
        says: Plain text for the whole artist, or one a marker or cell; "" for one that is silent.
        series: The architecture that it belongs to, so that it can be hidden with it.
    """
    tag = "path" if isinstance(artist, QuadMesh) else "use"
    told = {"says": says if isinstance(says, str) else list(says), "series": series, "tag": tag}
    artist.set_gid("mark-" + json.dumps(told).encode().hex())


def svg(figure: Figure, name: str) -> str:
    """The figure as one `<svg>` element whose colours are CSS variables.

    Args:
        figure: One of this module's.
        name: Goes before every id, so that figures can share a page.
    """
    stream = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(stream, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    return _compact(text[text.index("<svg") :], name)


def _compact(text: str, name: str) -> str:
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(
        r' id="(?:figure|axes|patch|line2d|text|matplotlib\.axis|xtick|ytick|PathCollect'
        r'ion|LineCollection|FillBetweenPolyCollection)_\d+"',
        "",
        text,
    )
    text = re.sub(r' id="([^"]+)"', rf' id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"font: ([\d.]+px) [^;\"]+", r"font-size: \1", text)  # matplotlib before 3.11
    text = re.sub(r"font-family: [^;\"]+; ?", "", text)  # the page's own face
    text = re.sub(r' transform="rotate\(-0 [^)]*\)"', "", text)
    text = re.sub(r"<[^>]+>", _rounded, text)
    for role, stand_in in STAND_INS.items():
        text = text.replace(stand_in, f"var(--{role})")
    text = re.sub(r"<style[^>]*>.*?</style>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r">\s+<", "><", text).replace("<defs></defs>", "").strip()
    return _with_marks(text, name)


def _rounded(tag: re.Match[str]) -> str:
    """Positions to a hundredth of a point; what is written stays as it is."""
    return re.sub(r"(-?\d+\.\d{2})\d+", r"\1", tag[0])


def _with_marks(text: str, name: str) -> str:
    """Turns the ids that `mark` left into attributes, of the group or of each marker in it."""
    parts = re.split(rf' id="{re.escape(name)}-mark-([0-9a-f]+)"', text)
    done = [parts[0]]
    for code, rest in zip(parts[1::2], parts[2::2], strict=True):
        told = json.loads(bytes.fromhex(code))
        says = told["says"]
        if isinstance(says, str):
            done.append(_attributes(says, told["series"]) + rest)
            continue
        markers = re.split(rf"(?<=<{told['tag']})(?= )", rest, maxsplit=len(says))
        assert len(markers) == len(says) + 1, "a marker lies out of the figure"
        spoken = (_attributes(each, told["series"]) for each in says)
        done.append(markers[0] + "".join(a + b for a, b in zip(spoken, markers[1:], strict=True)))
    return "".join(done)


def _attributes(says: str, series: str) -> str:
    if not says:
        return ""
    owner = f' data-series="{escape(series)}"' if series else ""
    return f' class="mark"{owner} data-tip="{escape(says)}"'
