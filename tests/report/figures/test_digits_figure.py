"""The sheet of digits: every tile in its place, words that do not run into each other."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from bench.report.figures.digits import Digit, digits
from bench.report.figures.svg import svg

BLANK = bytes(784)


def tiles(n: int) -> list[Digit]:
    lines = ("200 of 200", "as 5 (10), 3 (2)")
    return [Digit(BLANK, "9", f"#{k}", lines, f"digit {k}") for k in range(n)]


def test_tiles_fill_rows() -> None:
    figure = digits(tiles(10))
    (axes,) = figure.axes
    corners = [image.get_extent() for image in axes.images]
    assert len(corners) == 10
    assert len({round(left, 6) for left, *_ in corners}) == 5
    assert len({round(top, 6) for *_, top in corners}) == 2
    for left, right, bottom, top in corners:
        assert right - left == pytest.approx(bottom - top)  # square, and rows run down
        assert 0 <= left < right <= figure.get_figwidth()
        assert 0 <= top < bottom <= figure.get_figheight()


def test_words_stay_in_their_tile() -> None:
    figure = digits(tiles(8))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [text.get_window_extent() for text in axes.texts]
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:number])


def test_tiles_speak_and_the_svg_is_the_same_every_time() -> None:
    text = svg(digits(tiles(3)), "d")
    assert re.findall(r'class="mark" data-tip="([^"]+)"', text) == ["digit 0", "digit 1", "digit 2"]
    assert text == svg(digits(tiles(3)), "d")
    ElementTree.fromstring(text)
    assert "#0" not in re.sub(r"base64,[^\"]+|#d-|>#\d", "", text)  # no colour is fixed
