"""Draws a folder of images: discs, squares and triangles in three colours, on noise.

usage: python draw_shapes.py      writes datasets/shapes/
"""

from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parent / "datasets" / "shapes"
SIDE = 20  # pixels
IMAGES = {"train": 400, "test": 100}  # of each class


def mask(shape: str, row: int, column: int, radius: int) -> np.ndarray:
    """(SIDE, SIDE) booleans: the pixels of a shape around its centre."""
    y, x = np.mgrid[:SIDE, :SIDE] - np.array([row, column])[:, None, None]
    if shape == "disc":
        return x**2 + y**2 <= radius**2
    if shape == "square":
        return np.maximum(abs(x), abs(y)) <= radius
    return (abs(y) <= radius) & (2 * abs(x) <= y + radius)


def draw(shape: str, random: np.random.Generator) -> np.ndarray:
    """(SIDE, SIDE, 3) levels of red, green and blue: one shape on noise."""
    image = random.integers(0, 120, (SIDE, SIDE, 3), dtype=np.uint8)
    row, column = random.integers(6, SIDE - 6, 2)
    pixels = mask(shape, row, column, random.integers(3, 6))
    image[pixels, random.integers(3)] += 100
    return image


def main() -> None:
    """Always draws the same images: the generator has a fixed seed."""
    random = np.random.default_rng(0)
    for part, n_images in IMAGES.items():
        for shape in ("disc", "square", "triangle"):
            folder = FOLDER / part / shape
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(n_images):
                Image.fromarray(draw(shape, random)).save(folder / f"{number:03}.png")
    print(f"drew {3 * sum(IMAGES.values())} images: {FOLDER}")


if __name__ == "__main__":
    main()
