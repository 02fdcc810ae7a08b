"""Opens images of many formats with Pillow: checked, upright, 8 bits, on white.

TensorFlow is not imported here, because pages show photos without it.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cv_tf.errors import UserError

_MAX_PIXELS = 100_000_000
Image.init()
_WANTED = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
_FORMATS = [name for name in _WANTED if name in Image.OPEN]  # Some lack AVIF.


class BadImageError(UserError):
    """A photo that cannot be used; the message says why in plain words."""


def open_image(file: BinaryIO) -> Image.Image:
    """Opens the content of an image file, without reading its pixels.

    Raises:
      UnidentifiedImageError: If the file is not an image of a known format.
      BadImageError: If the image is damaged or has more than 100 million pixels.
    """
    try:
        image = Image.open(file, formats=_FORMATS)
    except UnidentifiedImageError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large("more pixels than any photo") from error
    except Exception as error:  # Pillow's plugins raise nearly anything.
        raise BadImageError(f"damaged or truncated ({error})") from error
    if image.width * image.height > _MAX_PIXELS:
        raise _too_large(f"{image.width} x {image.height} pixels")
    return image


def plain_rgb(image: Image.Image, largest_side: int) -> Image.Image:
    """Reads the pixels of an image: 8-bit RGB, turned upright by EXIF, on white.

    Those with a longer side than `largest_side` are shrunk; BadImageError if damaged.
    """
    try:
        image.draft("RGB", (largest_side, largest_side))
        image.load()
        image = to_eight_bits(_upright(image))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
        image = image.convert("RGB")
    except Exception as error:  # Pillow's plugins raise nearly anything.
        raise BadImageError(f"damaged or truncated ({error})") from error
    image.thumbnail((largest_side, largest_side), Image.Resampling.BOX)
    return image


def to_eight_bits(image: Image.Image) -> Image.Image:
    """Scales 16-bit grey to 8 bits, which Pillow would clip."""
    if not image.mode.startswith("I"):
        return image
    pixels = np.asarray(image).astype(np.int64)
    return Image.fromarray((pixels.clip(0, 65535) >> 8).astype(np.uint8))


def _too_large(how_large: str) -> BadImageError:
    return BadImageError(
        f"too large: {how_large}, at most {_MAX_PIXELS // 10**6} million are read"
    )


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Damaged EXIF data does not make a damaged photo.
        return image
