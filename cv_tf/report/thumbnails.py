"""Photos made small enough to lie inside a page."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cv_tf.errors import UserError
from cv_tf.files import is_remote, open_binary
from cv_tf.report.page import PageSettings

SIDE = 160

_MAX_PIXELS = 100_000_000
_QUALITY = 80
_NUM_THREADS = 4  # Each may hold a photo of the largest size.
Image.init()
_FORMATS = tuple(
    name
    for name in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
    if name in Image.OPEN  # Not every build of Pillow reads AVIF.
)


class Thumbnail(NamedTuple):
    """A small photo, or why there is none.

    Attributes:
      uri: `data:image/jpeg;base64,...`; "" if there is no photo.
      width: In pixels.
      height: In pixels.
      reason: Why there is no photo, in plain words; "" if there is one.
    """

    uri: str = ""
    width: int = 0
    height: int = 0
    reason: str = ""


class NoThumbnailError(UserError):
    """A photo that cannot be shown; the message says why in plain words."""


def thumbnails(
    images: Iterable[str | bytes], side: int = SIDE
) -> dict[str | bytes, Thumbnail]:
    """Makes the thumbnails of photos, each once, several at a time.

    Args:
      images: Paths, URIs of object storage (which load TensorFlow), or what is in the
        files.
      side: Pixels of the longer side, at most.

    Returns:
      The thumbnail of each image; one that cannot be shown has a reason.
    """
    distinct = tuple(dict.fromkeys(images))
    # Filters of warnings are the whole process's, so threads must not set them.
    with warnings.catch_warnings(), ThreadPoolExecutor(_NUM_THREADS) as pool:
        # Pillow's, of large photos and of damaged notes in good ones.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        made = pool.map(lambda image: thumbnail(image, side), distinct)
        return dict(zip(distinct, made, strict=True))


def thumbnail(image: str | bytes, side: int = SIDE) -> Thumbnail:
    """Makes the thumbnail of one photo: upright, on white, without its notes.

    Args:
      image: As in `thumbnails`; "" if there is none.
      side: As in `thumbnails`.

    Returns:
      The thumbnail, or the reason why there is none; it never raises for a photo.
    """
    try:
        small = small_photo(image, side)
    except NoThumbnailError as error:
        return Thumbnail(reason=str(error))
    return as_thumbnail(small)


def as_thumbnail(image: Image.Image, quality: int = _QUALITY) -> Thumbnail:
    """Puts a picture into a page as it is, in its size, without its notes.

    Args:
      image: RGB.
      quality: Of the JPEG, from 0 to 95; letters and lines want a high one.
    """
    file = io.BytesIO()
    # Pillow would carry the comment of the photo over.
    image.save(file, "JPEG", quality=quality, optimize=True, comment=b"")
    code = base64.b64encode(file.getvalue()).decode()
    return Thumbnail(f"data:image/jpeg;base64,{code}", image.width, image.height)


def small_photo(image: str | bytes, side: int = SIDE) -> Image.Image:
    """Reads one photo: RGB, upright, on white.

    Args:
      image: As in `thumbnails`; "" if there is none.
      side: As in `thumbnails`.

    Raises:
      NoThumbnailError: If it cannot be shown.
    """
    if not image:
        raise NoThumbnailError("no image given")
    if isinstance(image, bytes):
        return _decode(io.BytesIO(image), side)
    try:
        # Opening a pipe or a device could wait forever.
        if not is_remote(image) and Path(image).exists() and not Path(image).is_file():
            raise NoThumbnailError("not a file")
        with open_binary(image) as stream:
            return _decode(stream, side)
    except NoThumbnailError:
        raise
    except FileNotFoundError as error:
        raise NoThumbnailError("the file is missing") from error
    except OSError as error:
        why = error.strerror or error
        raise NoThumbnailError(f"the file cannot be read ({why})") from error
    except Exception as error:  # Each object store raises its own.
        raise NoThumbnailError(f"the file cannot be read ({error})") from error


def _decode(stream: BinaryIO, side: int) -> Image.Image:
    try:
        photo = Image.open(stream, formats=_FORMATS)
        if photo.width * photo.height > _MAX_PIXELS:
            raise _too_large(f"{photo.width} x {photo.height} pixels")
        photo.draft("RGB", (2 * side, 2 * side))  # JPEG is read at a fraction.
        photo.load()
        return _on_white(_eight_bits(_upright(photo)), side)
    except NoThumbnailError:
        raise
    except UnidentifiedImageError as error:
        raise NoThumbnailError("not an image") from error
    except Image.DecompressionBombError as error:
        raise _too_large("more pixels than any photo") from error
    except Exception as error:  # Pillow's plugins raise nearly anything.
        raise NoThumbnailError(f"damaged or truncated ({error})") from error


def _too_large(how_large: str) -> NoThumbnailError:
    return NoThumbnailError(
        f"too large: {how_large}, at most {_MAX_PIXELS // 10**6} million are read"
    )


def _upright(photo: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(photo)
    except Exception:  # Damaged notes do not make a damaged photo.
        return photo


def _eight_bits(photo: Image.Image) -> Image.Image:
    """Scales 16-bit grey to 8 bits, which Pillow would clip."""
    if not photo.mode.startswith("I"):
        return photo
    pixels = np.asarray(photo).clip(0, 65535) >> 8
    return Image.fromarray(pixels.astype(np.uint8))


def _on_white(photo: Image.Image, side: int) -> Image.Image:
    """Shrinks, and fills what is transparent."""
    if not photo.has_transparency_data:
        photo = photo.convert("RGB")
        photo.thumbnail((side, side))
        return photo
    photo = photo.convert("RGBA")
    photo.thumbnail((side, side))
    white = Image.new("RGBA", photo.size, "white")
    return Image.alpha_composite(white, photo).convert("RGB")


# Small: a page has thousands.
_SIDE = 112
_AT_ONCE = 256
_MEGABYTE = 10**6


class PagePhotos(NamedTuple):
    """The photos of a page.

    Attributes:
      of: A product's row to `data:image/jpeg;base64,...`, or to the reason why it
        cannot be shown.
      num_left_out: Products that the page has no room for.
    """

    of: dict[int, str]
    num_left_out: int

    def notes(self) -> list[str]:
        """Says what was left out; nothing where nothing was."""
        if not self.num_left_out:
            return []
        return [
            f"Photos left out, of what comes last: {self.num_left_out:,}. "
            "--page_photos and --page_megabytes make room for more."
        ]


def fit_photos(
    rows: Sequence[int],
    photo: Callable[[int], str | bytes],
    settings: PageSettings,
) -> PagePhotos:
    """Makes thumbnails until the page is full.

    Args:
      rows: The products, each once, those that are seen first before the others.
      photo: From a row to where the photo is, or its bytes; "" where there is none.
      settings: How many, and how large together.
    """
    room = settings.page_megabytes * _MEGABYTE
    wanted = rows[: settings.page_photos]
    of: dict[int, str] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = {row: photo(row) for row in wanted[start : start + _AT_ONCE]}
        made = thumbnails(some.values(), _SIDE)
        for row, image in some.items():
            thumbnail = made[image]
            room -= len(thumbnail.uri)
            if room < 0:
                return PagePhotos(of, len(rows) - len(of))
            of[row] = thumbnail.uri or thumbnail.reason
    return PagePhotos(of, len(rows) - len(of))
