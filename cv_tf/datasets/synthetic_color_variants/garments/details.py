"""Pockets, buttons, zips and logos."""

from __future__ import annotations

import numpy as np

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas

LOGOS = ("ring", "star", "triangle", "cross", "heart", "bars", "moon", "bolt")


def draw_pocket(
    canvas: Canvas,
    kind: str,
    center: curves.Point,
    width: float = 8.0,
    height: float = 9.0,
    pattern: str = "plain",
) -> None:
    """A patch pocket: `patch`, `pointed`, or `flap`, in the pattern around it."""
    x, y = center
    left, right = x - width / 2, x + width / 2
    top, bottom = y - height / 2, y + height / 2
    if kind == "pointed":
        outline = curves.points(
            (left, top),
            (right, top),
            (right, bottom - 2),
            (x, bottom),
            (left, bottom - 2),
        )
    else:
        outline = curves.rectangle(left, top, right, bottom)
    canvas.piece(outline, "base", pattern, edge=0.8)
    if kind == "flap":
        flap = curves.points(
            (left - 0.5, top),
            (right + 0.5, top),
            (right + 0.5, top + 2.6),
            (x, top + 3.8),
            (left - 0.5, top + 2.6),
        )
        canvas.piece(flap, "base", pattern, edge=0.8)
        canvas.dot((x, top + 2.4), 0.7)
    else:
        canvas.line(curves.points((left, top + 1.6), (right, top + 1.6)), 0.6)


def draw_slant_pockets(
    canvas: Canvas, top: float, half_width: float, reach: float = 8.0
) -> None:
    """Two slanted openings below a waistband."""
    for side in (1.0, -1.0):
        path = curves.bezier(
            (side * half_width * 0.55, top),
            (side * half_width * 0.65, top + reach * 0.8),
            (side * half_width, top + reach),
        )
        canvas.line(path, 0.85)


def draw_buttons(
    canvas: Canvas,
    x: float,
    top: float,
    bottom: float,
    count: int,
    radius: float = 0.95,
    fill: str | None = None,
) -> None:
    """A row of buttons down a line."""
    for y in np.linspace(top, bottom, count):
        canvas.dot((x, y), radius, fill)


def draw_zip(canvas: Canvas, start: curves.Point, end: curves.Point) -> None:
    """A metal zip with its puller at the start."""
    path = curves.points(start, end)
    canvas.line(path, 1.7)
    canvas.line(path, 0.7, "metal")
    canvas.dot(start, 0.9, "metal")


def draw_logo(canvas: Canvas, shape: str, center: curves.Point, size: float) -> None:
    """A print in the accent color; `size` is half its height."""
    for outline, fill in _logo(shape, size):
        canvas.piece(outline + center, fill, edge=0.0)


def _logo(shape: str, size: float) -> list[tuple[np.ndarray, str]]:
    if shape == "ring":
        return [
            (curves.ellipse((0, 0), size, size), "accent"),
            (curves.ellipse((0, 0), size * 0.5, size * 0.5), "base"),
        ]
    if shape == "moon":
        return [
            (curves.ellipse((0, 0), size, size), "accent"),
            (
                curves.ellipse((size * 0.45, -size * 0.2), size * 0.8, size * 0.8),
                "base",
            ),
        ]
    if shape == "bars":
        return [
            (
                curves.rectangle(
                    -size * 1.1,
                    y * size - size * 0.2,
                    size * 1.1,
                    y * size + size * 0.2,
                ),
                "accent",
            )
            for y in (-0.7, 0.0, 0.7)
        ]
    if shape == "cross":
        return [
            (curves.rectangle(-size, -size * 0.3, size, size * 0.3), "accent"),
            (curves.rectangle(-size * 0.3, -size, size * 0.3, size), "accent"),
        ]
    if shape == "star":
        angle = np.arange(10) * np.pi / 5 - np.pi / 2
        radius = np.where(np.arange(10) % 2, 0.45, 1.1) * size
        star = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        return [(star, "accent")]
    outlines = {
        "triangle": ((0, -1), (1.1, 0.8), (-1.1, 0.8)),
        "bolt": (
            (0.3, -1.1),
            (-0.7, 0.2),
            (-0.1, 0.2),
            (-0.4, 1.1),
            (0.7, -0.3),
            (0.1, -0.3),
        ),
        "heart": (
            (0, -0.45),
            (0.5, -0.95),
            (1.05, -0.6),
            (1.0, -0.1),
            (0, 1.0),
            (-1.0, -0.1),
            (-1.05, -0.6),
            (-0.5, -0.95),
        ),
    }
    return [(np.array(outlines[shape]) * size, "accent")]
