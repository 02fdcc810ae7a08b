"""A sheet to draw one product on, piece upon piece, in design coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.palette import Colorway, ink

# A layer is a list of outlines and the share of the accent color that they carry;
# layers add up, so crossing bars of one half make the full color of a check.
Layer = tuple[tuple[np.ndarray, ...], float]

_EXTENT = 60.0  # Beyond the photo on every side, so that a turned sleeve is covered.


def _bars(period: float, width: float, vertical: bool) -> tuple[np.ndarray, ...]:
    steps = np.arange(-np.ceil(_EXTENT / period), np.ceil(_EXTENT / period) + 1)
    bars = []
    for middle in steps * period:
        bar = curves.rectangle(-_EXTENT, middle, _EXTENT, middle + width)
        bar = bar[:, ::-1] if vertical else bar
        bars.append(curves.densified(bar, closed=True, spacing=8.0))
    return tuple(bars)


def _dots(period: float, radius: float) -> tuple[np.ndarray, ...]:
    dots = []
    for row in np.arange(-_EXTENT, _EXTENT, period):
        offset = period / 2 if round(row / period) % 2 else 0.0
        for column in np.arange(-_EXTENT, _EXTENT, period):
            dots.append(curves.ellipse((column + offset, row), radius, radius, 10))
    return tuple(dots)


def _diamonds(period: float) -> tuple[np.ndarray, ...]:
    diamonds = []
    for row in np.arange(-_EXTENT, _EXTENT, period * 1.4):
        for column in np.arange(-_EXTENT, _EXTENT, period):
            diamonds.append(curves.ellipse((column, row), period / 2, period * 0.7, 4))
    return tuple(diamonds)


@cache
def layers(pattern: str) -> tuple[Layer, ...]:
    """The layers of a named pattern, about the origin, `_EXTENT` to each side."""
    if pattern.startswith("stripes"):
        period, share = {
            "stripes_fine": (3.2, 0.4),
            "stripes_medium": (5.6, 0.5),
            "stripes_wide": (10.0, 0.5),
            "stripes_spaced": (10.0, 0.2),
        }[pattern]
        return ((_bars(period, period * share, vertical=False), 1.0),)
    if pattern.startswith("pinstripes"):
        period = {"pinstripes_fine": 2.8, "pinstripes_wide": 5.6}[pattern]
        return ((_bars(period, 0.9, vertical=True), 1.0),)
    if pattern.startswith("checks"):
        period = {"checks_small": 4.0, "checks_large": 8.0}[pattern]
        half = period / 2
        return tuple((_bars(period, half, vertical), 0.5) for vertical in (False, True))
    if pattern == "windowpane":
        return tuple((_bars(8.0, 1.0, vertical), 1.0) for vertical in (False, True))
    if pattern.startswith("dots"):
        period, radius = {"dots_small": (4.0, 0.85), "dots_large": (7.5, 1.9)}[pattern]
        return ((_dots(period, radius), 1.0),)
    if pattern == "diamonds":
        return ((_diamonds(8.0), 1.0),)
    raise ValueError(f"Unknown pattern {pattern!r}.")


WIDTH, HEIGHT = 192, 256
OVERSAMPLING = 3


@dataclass(frozen=True)
class Pose:
    """A slight displacement of the whole drawing.

    Attributes:
      turn: Rotation about the photo's center, degrees.
      scale: Horizontal and vertical scale, `[2]`.
      shift: Displacement in percent of the photo's height, `[2]`.
      waves: Warp of the cloth, one row a wave: frequency x and y (radians a
        percent), phase, amplitude x and y (percent); `[waves, 5]`.
      limbs: Spread of sleeves and legs beyond the style's own, degrees.
    """

    turn: float
    scale: np.ndarray
    shift: np.ndarray
    waves: np.ndarray
    limbs: float

    def place(self, outline: np.ndarray) -> np.ndarray:
        """Moves design coordinates `[points, 2]` to where this photo shows them."""
        phase = outline @ self.waves[:, :2].T + self.waves[:, 2]
        warped = outline + np.sin(phase) @ self.waves[:, 3:]
        angle = np.radians(self.turn)
        cosine, sine = np.cos(angle), np.sin(angle)
        turned = (
            (warped - (0.0, 50.0))
            * self.scale
            @ np.array([[cosine, sine], [-sine, cosine]])
        )
        return turned + (0.0, 50.0) + self.shift


def sample_pose(rng: np.random.Generator, zoom: float = 1.0) -> Pose:
    """Draws the pose of one photo, taken from `zoom` times as near."""
    num_waves = 3
    waves = np.empty((num_waves, 5))
    waves[:, :2] = rng.uniform(-0.16, 0.16, (num_waves, 2))
    waves[:, 2] = rng.uniform(0.0, 2 * np.pi, num_waves)
    waves[:, 3:] = rng.uniform(-0.55, 0.55, (num_waves, 2))
    return Pose(
        turn=rng.normal(0.0, 2.2),
        scale=zoom * rng.uniform(0.90, 1.06) * (1 + rng.normal(0.0, 0.012, 2)),
        shift=rng.normal(0.0, 1.6, 2),
        waves=waves,
        limbs=rng.normal(0.0, 2.5),
    )


class Canvas:
    """Draws pieces of cloth, lines and buttons; later ones cover earlier ones.

    Args:
      pose: Where this photo shows the design's coordinates.
      colors: The product's colors by role.
    """

    def __init__(self, pose: Pose, colors: Colorway):
        self.pose = pose
        self._colors = colors
        size = (WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING)
        self._image = Image.new("RGB", size, colors["ink"])
        self._silhouette = Image.new("L", size)
        self._draw = ImageDraw.Draw(self._image)
        self._cover = ImageDraw.Draw(self._silhouette)
        self._prints: dict[tuple, Image.Image] = {}

    def piece(
        self,
        outline: np.ndarray,
        fill: str = "base",
        pattern: str = "plain",
        pattern_turn: float = 0.0,
        pattern_center: curves.Point = (0.0, 50.0),
        edge: float = 0.45,
        within: np.ndarray | None = None,
    ) -> None:
        """Lays a piece of cloth.

        Args:
          outline: Closed outline `[points, 2]`.
          fill: Role of its color.
          pattern: A pattern's name, or "plain".
          pattern_turn: Turn of the pattern's grain, degrees.
          pattern_center: Where the pattern starts.
          edge: Width of the seam around it, percent; 0 for none.
          within: Outline of a larger piece that this one is cut off at.
        """
        before = self._image.copy() if within is not None else None
        polygon = self._pixels(outline, closed=True)
        self._draw.polygon(polygon, fill=self._colors[fill])
        if pattern != "plain":
            printed = self._print(pattern, pattern_turn, pattern_center)
            mask = ImageChops.multiply(self._mask(polygon), printed)
            self._image.paste(self._colors["accent"], mask=mask)
        if edge:
            rim = curves.points(outline, outline[:1])
            self.line(rim, edge, on=fill, cover=within is None)
        if within is None:
            self._cover.polygon(polygon, fill=255)
        else:
            inside = self._mask(self._pixels(within, closed=True))
            self._image.paste(before, mask=ImageChops.invert(inside))

    def line(
        self,
        path: np.ndarray,
        width: float = 0.4,
        fill: str | None = None,
        on: str = "base",
        cover: bool = True,
    ) -> None:
        """Draws a line, in the color `fill` or as a seam on cloth of color `on`.

        With `cover`, the line is part of the product also where it leaves its cloth.
        """
        color = self._colors[fill] if fill else ink(self._colors[on])
        pixels = self._pixels(path, closed=False)
        thickness = max(1, round(width * HEIGHT * OVERSAMPLING / 100))
        self._draw.line(pixels, fill=color, width=thickness, joint="curve")
        if cover:
            self._cover.line(pixels, fill=255, width=thickness, joint="curve")

    def stitches(self, path: np.ndarray, on: str = "base") -> None:
        """Draws a dashed seam: every second bit of the path."""
        dense = curves.densified(path, closed=False, spacing=0.8)
        for start in range(0, len(dense) - 1, 2):
            self.line(dense[start : start + 2], 0.4, on=on)

    def dot(self, center: curves.Point, radius: float, fill: str | None = None) -> None:
        """Draws a round button, in the color `fill` or as a tone of the base."""
        self.piece(curves.ellipse(center, radius, radius, 14), fill or "ink", edge=0.3)

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """The drawing at the photo's size.

        Returns:
          Colors float32 `[height, width, 3]`, 0 to 255, and how much of each pixel
          the product covers, float32 `[height, width]`, 0 to 1.
        """
        image = np.asarray(self._image.reduce(OVERSAMPLING), np.float32)
        cover = np.asarray(self._silhouette.reduce(OVERSAMPLING), np.float32)
        return image, cover / 255.0

    def _pixels(self, outline: np.ndarray, closed: bool) -> list[float]:
        placed = self.pose.place(curves.densified(outline, closed))
        return self._to_pixels(placed).ravel().tolist()

    def _to_pixels(self, placed: np.ndarray) -> np.ndarray:
        return (placed + (37.5, 0.0)) * (HEIGHT * OVERSAMPLING / 100.0)

    def _mask(self, polygon: list[float]) -> Image.Image:
        mask = Image.new("L", self._image.size)
        ImageDraw.Draw(mask).polygon(polygon, fill=255)
        return mask

    def _print(self, pattern: str, turn: float, center: curves.Point) -> Image.Image:
        """How much of the accent color a pattern puts on every pixel of the sheet."""
        key = (pattern, turn, center)
        if key not in self._prints:
            sheet = Image.new("L", self._image.size)
            for outlines, share in layers(pattern):
                layer = Image.new("L", self._image.size)
                draw = ImageDraw.Draw(layer)
                every = np.concatenate(outlines) + center
                placed = self.pose.place(curves.rotated(every, turn, center))
                ends = np.cumsum([len(outline) for outline in outlines])[:-1]
                for outline in np.split(self._to_pixels(placed), ends):
                    draw.polygon(outline.ravel().tolist(), fill=round(255 * share))
                sheet = ImageChops.add(sheet, layer)
            self._prints[key] = sheet
        return self._prints[key]
