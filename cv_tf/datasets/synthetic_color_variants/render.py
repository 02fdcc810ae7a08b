"""Renders the photo of a product: drawing, light, background and JPEG encoding."""

from __future__ import annotations

import io
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cv_tf.datasets.synthetic_color_variants.canvas import (
    HEIGHT,
    WIDTH,
    Canvas,
    sample_pose,
)
from cv_tf.datasets.synthetic_color_variants.palette import colorway
from cv_tf.datasets.synthetic_color_variants.styles import GARMENTS, Style

_JPEG_QUALITY = 90


def render_photo(style: Style, color: str, seed: int) -> bytes:
    """Renders the photo of one product, a JPEG file of 192 x 256 pixels.

    Style, color and seed determine pose and light: its bytes are the same in every run.
    """
    key = zlib.crc32(f"{style.style_id}/{color}".encode())
    rng = np.random.default_rng((seed, key))
    garment = GARMENTS[style.category]
    pose = sample_pose(rng, garment.zoom)
    canvas = Canvas(pose, colorway(color, style.scheme, style.metal))
    garment.draw(canvas, style.design)
    photo = _light(*canvas.finish(), rng)
    buffer = io.BytesIO()
    image = Image.fromarray(np.clip(photo + 0.5, 0, 255).astype(np.uint8))
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _light(
    colors: np.ndarray, cover: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Lights the colors of a drawing and puts them on a background, by its cover."""
    # Products are rounded: it gets darker toward their edges.
    folds = _folds(rng) + 0.22 * np.minimum(_blurred(cover, 5.0) - 0.95, 0.0)
    slope = _slope(rng, 0.14)
    shade = rng.uniform(0.86, 1.06) * (1 + slope + folds)[..., None]
    # On black cloth only the sheen of folds is visible: it is added, not multiplied.
    sheen = 26.0 * np.clip(folds + 0.10, -0.2, 0.3)[..., None]
    grain = 1.6 * rng.standard_normal((*cover.shape, 1), np.float32)
    product = colors * shade + sheen + grain
    photo = _background(cover, rng)
    photo += cover[..., None] * (product - photo)
    return photo * rng.normal(1.0, 0.005, 3).astype(np.float32)


def _background(cover: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A nearly white background with the product's shadow, `[height, width, 3]`."""
    level = rng.choice((rng.uniform(240, 250), rng.uniform(226, 240)), p=(0.8, 0.2))
    tint = rng.normal(0.0, 0.8, 3)
    light = 1 + _slope(rng, 0.015)
    shadow = _blurred(cover, rng.uniform(3.0, 6.0))
    dx, dy = rng.integers(-3, 4), rng.integers(1, 6)
    shadow = np.roll(shadow, (dy, dx), axis=(0, 1)) * rng.uniform(0.06, 0.20)
    return ((level + tint) * (light * (1 - shadow))[..., None]).astype(np.float32)


def _slope(rng: np.random.Generator, strength: float) -> np.ndarray:
    """Linear change of brightness in a random direction, `[height, width]`."""
    angle = rng.uniform(0, 2 * np.pi)
    amount = rng.uniform(0, strength)
    x = np.linspace(-1, 1, WIDTH, dtype=np.float32)
    y = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
    slope_x = np.float32(amount * np.cos(angle))
    slope_y = np.float32(amount * np.sin(angle))
    return x * slope_x + y * slope_y


def _folds(rng: np.random.Generator) -> np.ndarray:
    """Change of brightness by soft, mostly vertical folds, `[height, width]`."""
    sheet = Image.new("L", (WIDTH // 2, HEIGHT // 2), 128)
    draw = ImageDraw.Draw(sheet)
    for _ in range(rng.integers(6, 13)):
        x, y = rng.uniform(15, 80), rng.uniform(15, 110)
        angle, length = rng.normal(0.0, 0.5), rng.uniform(8, 26)
        dx, dy = length * np.sin(angle), length * np.cos(angle)
        tone = 128 + int(rng.choice((-1, 1)) * rng.uniform(25, 80))
        width = int(rng.integers(2, 5))
        draw.line((x - dx, y - dy, x + dx, y + dy), fill=tone, width=width)
    sheet = sheet.filter(ImageFilter.GaussianBlur(2.2)).resize((WIDTH, HEIGHT))
    return (np.asarray(sheet, np.float32) - 128.0) / 255.0 * 0.55


def _blurred(mask: np.ndarray, radius: float) -> np.ndarray:
    """Blurs a mask with values from 0 to 1."""
    image = Image.fromarray((mask * 255).astype(np.uint8))
    blurred = image.filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(blurred, np.float32) / 255.0
