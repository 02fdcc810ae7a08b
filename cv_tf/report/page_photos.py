"""As many photos as a page may hold, of what it shows first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cv_tf.report.page_settings import PageSettings
from cv_tf.report.thumbnails import thumbnails

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
