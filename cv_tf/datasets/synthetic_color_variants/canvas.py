"""A sheet to draw one product on, piece upon piece, in design coordinates."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from cv_tf.datasets.synthetic_color_variants import curves, patterns
from cv_tf.datasets.synthetic_color_variants.palette import Colorway, ink
from cv_tf.datasets.synthetic_color_variants.pose import Pose

WIDTH, HEIGHT = 192, 256
OVERSAMPLING = 3


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
            for outlines, share in patterns.layers(pattern):
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
