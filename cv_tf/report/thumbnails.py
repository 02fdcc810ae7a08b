"""Thumbnails of photos, small enough to be part of a page."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from PIL import Image

from cv_tf.pipeline import BadImageError, open_image, photo_content, plain_rgb
from cv_tf.report.page import PageSettings

_SIDE = 160  # Pixels of the longer side.
_QUALITY = 80  # JPEG quality, from 0 to 95.
_NUM_THREADS = 4

_SIDE_OF_MANY = 112  # Smaller, because a page has thousands of photos.
_AT_ONCE = 256


class Thumbnail(NamedTuple):
    """A small photo as `data:image/jpeg;base64,...`; if there is none, the reason."""

    uri: str = ""
    width: int = 0  # Pixels.
    height: int = 0
    reason: str = ""


def thumbnails(
    images: Iterable[str | bytes], side: int = _SIDE
) -> dict[str | bytes, Thumbnail]:
    """Makes the thumbnails of photos in parallel, each photo once.

    Images are paths, URIs (these load TensorFlow), contents of files, or "" for none.
    """
    distinct = tuple(dict.fromkeys(images))
    # Warning filters belong to the process, so threads must not set them.
    with warnings.catch_warnings(), ThreadPoolExecutor(_NUM_THREADS) as pool:
        # Pillow warns of large photos and of damaged metadata in good ones.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        made = pool.map(lambda image: thumbnail(image, side), distinct)
        return dict(zip(distinct, made, strict=True))


def thumbnail(image: str | bytes, side: int = _SIDE) -> Thumbnail:
    """Makes one of `thumbnails`: upright, sRGB, on white, without metadata."""
    try:
        return as_thumbnail(small_photo(image, side))
    except BadImageError as error:
        return Thumbnail(reason=str(error))


def as_thumbnail(image: Image.Image, quality: int = _QUALITY) -> Thumbnail:
    """Encodes an RGB picture in its size; text and lines need a high JPEG quality."""
    file = io.BytesIO()
    # Pillow would keep the comment of the photo.
    image.save(file, "JPEG", quality=quality, optimize=True, comment=b"")
    code = base64.b64encode(file.getvalue()).decode()
    return Thumbnail(f"data:image/jpeg;base64,{code}", image.width, image.height)


def small_photo(image: str | bytes, side: int) -> Image.Image:
    """Reads one photo in RGB, upright, on white, at most `side` pixels a side.

    Raises:
      BadImageError: If there is none, or it cannot be read; the message says why.
    """
    if not image:
        raise BadImageError("no image given")
    if isinstance(image, bytes):
        return _decode(image, side)
    try:
        with photo_content(image) as content:
            return _decode(content, side)
    except (BadImageError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise BadImageError("the file is missing") from error
    except OSError as error:
        why = error.strerror or error
        raise BadImageError(f"the file cannot be read ({why})") from error
    except Exception as error:  # Each object store raises its own errors.
        raise BadImageError(f"the file cannot be read ({error})") from error


def _decode(content: bytes, side: int) -> Image.Image:
    with plain_rgb(open_image(io.BytesIO(content)), 2 * side) as photo:
        photo.thumbnail((side, side))
        return photo


class PagePhotos(NamedTuple):
    """The photos of a page by row number, or the reasons why they cannot be shown."""

    of: dict[int, str]
    num_left_out: int  # Products that exceed the limits of the page.

    def notes(self) -> list[str]:
        """Returns a sentence about photos that are left out, if any are."""
        if not self.num_left_out:
            return []
        return [
            f"Photos left out, of what comes last: {self.num_left_out:,}. "
            "--page_photos and --page_megabytes make room for more."
        ]


def fit_photos(
    rows: Sequence[int], photo: Callable[[int], str | bytes], settings: PageSettings
) -> PagePhotos:
    """Makes thumbnails of products, in their order on a page, up to its limits.

    `photo` maps a row number to the path, URI or content of the photo, "" for none.
    """
    room = settings.page_megabytes * 10**6
    wanted = rows[: settings.page_photos]
    of: dict[int, str] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = {row: photo(row) for row in wanted[start : start + _AT_ONCE]}
        made = thumbnails(some.values(), _SIDE_OF_MANY)
        for row, image in some.items():
            small = made[image]
            room -= len(small.uri)
            if room < 0:
                return PagePhotos(of, len(rows) - len(of))
            of[row] = small.uri or small.reason
    return PagePhotos(of, len(rows) - len(of))
