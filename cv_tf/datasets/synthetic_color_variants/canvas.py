"""The canvas that one product is drawn on, and the pose that it is shown in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from cv_tf.datasets.synthetic_color_variants import curves
from cv_tf.datasets.synthetic_color_variants.palette import Colorway, ink

WIDTH, HEIGHT = 192, 256  # Size of a photo in pixels.
OVERSAMPLING = 3  # Pixels that are drawn per pixel of the photo, per axis.
_PIXELS_PER_PERCENT = HEIGHT * OVERSAMPLING / 100.0


@dataclass(frozen=True)
class Pose:
    """A small displacement of the whole drawing.

    Attributes:
      turn: Rotation about the photo's center in degrees.
      scale: Horizontal and vertical scale, `[2]`.
      shift: Displacement in percent of the photo's height, `[2]`.
      waves: Warp of the cloth, one wave per row, `[waves, 5]`: frequency in x and y
        (radians per percent), phase (radians), amplitude in x and y (percent).
      limbs: Angle that is added to that of sleeves and legs, in degrees.
    """

    turn: float
    scale: np.ndarray
    shift: np.ndarray
    waves: np.ndarray
    limbs: float

    def place(self, outline: np.ndarray) -> np.ndarray:
        """Transforms design coordinates `[points, 2]` to coordinates in the photo."""
        phase = outline @ self.waves[:, :2].T + self.waves[:, 2]
        warped = outline + np.sin(phase) @ self.waves[:, 3:]
        angle = np.radians(self.turn)
        cosine, sine = np.cos(angle), np.sin(angle)
        rotation = np.array([[cosine, sine], [-sine, cosine]])
        return (warped - (0.0, 50.0)) * self.scale @ rotation + (0.0, 50.0) + self.shift


def sample_pose(rng: np.random.Generator, zoom: float = 1.0) -> Pose:
    """Samples the pose of one photo, at a scale of about `zoom`."""
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
      pose: Pose that the product is shown in.
      colors: Colors of the product by role.
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
        """Draws a piece of cloth with a closed outline, `[points, 2]`.

        `fill` is the role of its color; the pattern is turned by degrees about its
        center. `edge` is the width of the seam around it in percent; `within` clips it
        to the outline of a larger piece.
        """
        before = None if within is None else self._image.copy()
        polygon = self._pixels(outline, closed=True)
        self._draw.polygon(polygon, fill=self._colors[fill])
        if pattern != "plain":
            printed = self._print(pattern, pattern_turn, pattern_center)
            mask = ImageChops.multiply(self._mask(polygon), printed)
            self._image.paste(self._colors["accent"], mask=mask)
        if edge:
            rim = curves.points(outline, outline[:1])
            self.line(rim, edge, on=fill, cover=within is None)
        if within is None or before is None:
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
        """Draws a line along an open path, `[points, 2]`; its width is in percent.

        Without `fill`, it is a seam on cloth of color `on`. With `cover`, it is part of
        the product where it leaves the cloth.
        """
        color = self._colors[fill] if fill else ink(self._colors[on])
        pixels = self._pixels(path, closed=False)
        thickness = max(1, round(width * _PIXELS_PER_PERCENT))
        self._draw.line(pixels, fill=color, width=thickness, joint="curve")
        if cover:
            self._cover.line(pixels, fill=255, width=thickness, joint="curve")

    def pieces(
        self, outline: np.ndarray, fill: str = "base", *, edge: float = 0.45
    ) -> None:
        """Draws a piece, and its mirror image at the middle line."""
        for side in curves.both_sides(outline):
            self.piece(side, fill, edge=edge)

    def lines(self, path: np.ndarray, width: float, fill: str | None = None) -> None:
        """Draws a line, and its mirror image at the middle line."""
        for side in curves.both_sides(path):
            self.line(side, width, fill)

    def stitches(self, path: np.ndarray, on: str = "base") -> None:
        """Draws a dashed seam along a path."""
        dense = curves.densified(path, closed=False, spacing=0.8)
        for start in range(0, len(dense) - 1, 2):
            self.line(dense[start : start + 2], 0.4, on=on)

    def dot(self, center: curves.Point, radius: float, fill: str | None = None) -> None:
        """Draws a round button, in the color `fill` or that of seams on the base."""
        self.piece(curves.ellipse(center, radius, radius, 14), fill or "ink", edge=0.3)

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Shrinks the drawing to the photo's size, `[height, width]`, in float32.

        Returns:
          The RGB colors, 0 to 255, and the share of each pixel that is covered, 0 to 1.
        """
        image = np.asarray(self._image.reduce(OVERSAMPLING), np.float32)
        cover = np.asarray(self._silhouette.reduce(OVERSAMPLING), np.float32)
        return image, cover / 255.0

    def _pixels(self, outline: np.ndarray, closed: bool) -> list[float]:
        placed = self.pose.place(curves.densified(outline, closed))
        return self._to_pixels(placed).ravel().tolist()

    def _to_pixels(self, placed: np.ndarray) -> np.ndarray:
        return (placed + (37.5, 0.0)) * _PIXELS_PER_PERCENT

    def _mask(self, polygon: list[float]) -> Image.Image:
        mask = Image.new("L", self._image.size)
        ImageDraw.Draw(mask).polygon(polygon, fill=255)
        return mask

    def _print(self, pattern: str, turn: float, center: curves.Point) -> Image.Image:
        """Opacity of a pattern's accent color, an 8-bit image of the canvas's size."""
        key = (pattern, turn, center)
        if key not in self._prints:
            sheet = Image.new("L", self._image.size)
            for outlines, share in curves.pattern_layers(pattern):
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
