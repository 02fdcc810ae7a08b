"""Reads images of more than 8 bits a channel, scaled to 8 bits.

PNG and JPEG 2000 say how many bits they use. A TIFF file of 16 or 32 bits may use only
some, as cameras and scanners do with 10, 12 or 14, and its floats may have any scale.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, cast

import numpy as np
from PIL import Image, ImageFile

from cv_tf.pipeline.file_formats import BadImageError

_BITS, _COMPRESSION, _PHOTOMETRIC = 258, 259, 262  # Tags of TIFF.
_MAX_VALUE, _PLANES, _NUMBERS = 281, 284, 339
_SEPARATE, _UNSIGNED, _UNCOMPRESSED, _WHITE_IS_ZERO = 2, 1, 1, 0
_AT_ONCE = 2**22  # Numbers that are converted at a time.
_DARK = 16  # A file whose brightest value is smaller would look black.
_ADVICE = "Save it with 8 bits."


def load_eight_bits(image: ImageFile.ImageFile) -> Image.Image:
    """Reads the pixels of an opened image; those of more than 8 bits are scaled.

    Integers of TIFF are scaled by the smallest of 8, 10, 12, ... bits that holds the
    largest. Floats are taken for 0 to 1 or for 0 to 255, or else as integers are.

    Raises:
      BadImageError: If it cannot be told which numbers of a TIFF file are black and
        white.
    """
    if image.format == "TIFF":
        return _load_tiff(image)
    file, tiles = image.fp, image.tile
    image.load()
    clear: Any = image.info.get("transparency")  # One level or color, of as many bits.
    is_color = image.mode == "RGB" and isinstance(clear, tuple)
    if is_color and file is not None and tiles[0][3] == "RGB;16B":
        low = np.asarray(_low_bytes(file, "PNG", "RGB;16L"))
        is_opaque = _by_rows(
            lambda high, low: _differs(_joined(high, low), clear),
            np.asarray(image),
            low,
        )
        return _with_opacity(image, is_opaque)
    if not image.mode.startswith("I"):
        return image
    pixels = np.asarray(image)
    grey = Image.fromarray(
        _by_rows(lambda rows: (rows.clip(0, 65535) >> 8).astype(np.uint8), pixels)
    )
    return grey if clear is None else _with_opacity(grey, pixels != clear)


def _by_rows(convert: Callable[..., np.ndarray], *arrays: np.ndarray) -> np.ndarray:
    """What a function of pixels makes of some rows at a time, to need little memory."""
    height = len(arrays[0])
    step = max(1, _AT_ONCE * height // arrays[0].size)
    parts = (slice(start, start + step) for start in range(0, height, step))
    return np.concatenate([convert(*(each[part] for each in arrays)) for part in parts])


def _differs(pixels: np.ndarray, color: Sequence[int]) -> np.ndarray:
    """Which pixels, [rows, width] bool, have another color: `any` is slow for three."""
    red, green, blue = (pixels[..., i] != color[i] for i in range(3))
    return red | green | blue


def _joined(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Numbers of 16 bits, of their high and their low bytes."""
    return high.astype(np.uint16) * 256 + low


def _with_opacity(image: Image.Image, is_opaque: np.ndarray) -> Image.Image:
    """An image that is transparent where [height, width] bool is false."""
    opacity = Image.fromarray(is_opaque.astype(np.uint8) * 255)
    return Image.merge(f"{image.mode}A", (*image.split(), opacity))


def _load_tiff(image: ImageFile.ImageFile) -> Image.Image:
    tags = dict(image.tag_v2)  # type: ignore[attr-defined]  # TIFF has them.
    file, bits = image.fp, _first(tags, _BITS, 1)
    image.load()
    if image.mode == "F":
        grey = _scaled_floats(np.asarray(image))
    elif image.mode.startswith("I"):
        pixels = np.asarray(image)
        if image.mode == "I" and _first(tags, _NUMBERS, _UNSIGNED) == _UNSIGNED:
            pixels = pixels.view(np.uint32)
        largest = _first(tags, _MAX_VALUE, 0)
        if largest >= 0xFFFF:  # What is true of all such files says nothing.
            largest = 0
        grey = _scaled(pixels, largest, bits if bits < 16 else 0)
    elif bits == 16 and file is not None:
        return _load_deep_colors(image, file, tags)
    else:
        return image
    is_negative = _first(tags, _PHOTOMETRIC, _WHITE_IS_ZERO) == _WHITE_IS_ZERO
    return Image.fromarray(255 - grey if is_negative else grey)


def _first(tags: Mapping[int, Any], tag: int, default: int) -> int:
    """The value of a tag, or the first of several."""
    value = tags.get(tag, default)
    return value[0] if isinstance(value, tuple) else value


def _scaled(pixels: np.ndarray, largest: int = 0, num_bits: int = 0) -> np.ndarray:
    """Integers in 8 bits.

    Of `num_bits` bits; if that is 0, of the smallest even number that holds all pixels
    and `largest`.
    """
    darkest, brightest = int(pixels.min()), int(pixels.max())
    if darkest < 0 or brightest < _DARK:
        raise BadImageError(
            f"its values are {darkest} to {brightest}, and it cannot be told which is "
            f"white. {_ADVICE}"
        )
    length = max(brightest, largest).bit_length()
    num_bits = num_bits or max(8, length + length % 2)
    shift = num_bits - 8
    return _by_rows(
        lambda rows: (rows.astype(np.int64) >> shift).clip(0, 255).astype(np.uint8),
        pixels,
    )


def _scaled_floats(pixels: np.ndarray) -> np.ndarray:
    """Floats in 8 bits; what is a little outside of the range is clipped."""
    if not np.isfinite(pixels).all():
        raise BadImageError(f"it has values that are no numbers. {_ADVICE}")
    darkest, brightest = float(pixels.min()), float(pixels.max())
    white = 1.0 if brightest <= 1.1 else 255.0
    is_sensible = white / 32 < brightest < 72_000 and darkest > -white / 10
    if not is_sensible:
        raise BadImageError(
            f"its values are {darkest:.4g} to {brightest:.4g}, and it cannot be told "
            f"which is white. {_ADVICE}"
        )
    if brightest > 1.1 * white:
        return _scaled(_by_rows(lambda r: r.clip(0, 65535).astype(np.uint16), pixels))
    return _by_rows(
        lambda rows: (rows * (255.0 / white) + 0.5).clip(0, 255).astype(np.uint8),
        pixels,
    )


def _load_deep_colors(
    image: ImageFile.ImageFile, file: IO[bytes], tags: Mapping[int, Any]
) -> Image.Image:
    """Colors of 16 bits, of which Pillow has read the high bytes."""
    separate = _first(tags, _PLANES, 1) == _SEPARATE
    if separate and _first(tags, _COMPRESSION, _UNCOMPRESSED) == _UNCOMPRESSED:
        raise BadImageError(f"its channels of 16 bits are stored apart. {_ADVICE}")
    high = np.asarray(image)
    num_colors = 4 if image.mode == "CMYK" else 3
    if high[..., :num_colors].max() >= 64:  # They use 15 or 16 bits.
        return image
    file.seek(0)
    tiles: Any = Image.open(file, formats=["TIFF"]).tile
    raw_mode = tiles[0][3][0]
    if separate or raw_mode.startswith("RGBa") or raw_mode[-3:-1] != "16":
        raise BadImageError(f"its colors use few of their 16 bits. {_ADVICE}")
    order = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
    low = _low_bytes(file, "TIFF", raw_mode[:-1] + order[raw_mode[-1]])
    pixels = _by_rows(_joined, high, np.asarray(low))
    del high, low
    bands = [_scaled(pixels[..., :num_colors])]
    if image.mode == "RGBA":
        opacity = pixels[..., 3:]
        bands.append(_scaled(opacity) if opacity.max() >= _DARK else opacity * 0)
    del pixels
    scaled = np.concatenate(bands, axis=-1).astype(np.uint8)
    return Image.frombuffer(image.mode, image.size, scaled, "raw", image.mode, 0, 1)


def _low_bytes(file: IO[bytes], file_format: str, raw_mode: str) -> Image.Image:
    """An image of 16 bits, of which Pillow reads the high bytes, in its low bytes.

    `raw_mode` has the bytes in the other order than the file.
    """
    file.seek(0)
    image = Image.open(file, formats=[file_format])
    tiles: Any = image.tile
    # Tiles are tuples, whose fields have names in later versions of Pillow.
    make = getattr(tiles[0], "_make", tuple)
    image.tile = cast(
        Any,
        [
            make((*place, (raw_mode, *how[1:]) if isinstance(how, tuple) else raw_mode))
            for *place, how in tiles
        ],
    )
    image.load()
    return image
