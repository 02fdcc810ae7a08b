"""Photos behind addresses, downloaded for a catalogue."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from absl import logging

import cv_tf
from cv_tf.catalog.table import Catalog, objects
from cv_tf.config import DownloadSettings
from cv_tf.files import expanded, is_web_address

if TYPE_CHECKING:
    from cv_tf.downloads import Downloaded, DownloadLimits

# Failures, and when: a command reads its catalogue more than once, and should neither
# wait for the same servers again nor find other products.
_failed: dict[tuple[Path, DownloadLimits, str], tuple[float, Downloaded]] = {}
_REMEMBERED = 900.0  # Seconds.


def fetch_photos(catalog: Catalog, settings: DownloadSettings | None = None) -> Catalog:
    """Downloads the photos of a catalogue that are behind addresses, unless it has.

    Args:
      catalog: The products.
      settings: Where photos are kept, and the limits; None for the defaults.

    Returns:
      The catalogue with the paths of downloaded photos, and their addresses in
      `address`. Where none of a product's photos could be downloaded, `unusable` says
      why, and `image` stays as it is. A box is that of a product's first photo: where
      another takes its place, there is none.
    """
    if catalog.more_images is None and not any(map(is_web_address, catalog.image)):
        return catalog
    photos = [_photos(catalog, row) for row in range(len(catalog))]
    wanted = list(dict.fromkeys(it for of in photos for it in of if is_web_address(it)))
    if not wanted:
        return catalog
    found = _download(wanted, settings or DownloadSettings())
    chosen = [_usable(of, found) for of in photos]
    _say_left_out(catalog, photos, chosen, found)
    reasons = [
        found[of[0]].reason if of and not good else ""
        for of, good in zip(photos, chosen, strict=True)
    ]
    paths = [
        [_path(photo, found) for photo in good or of[:1] or [""]]
        for of, good in zip(photos, chosen, strict=True)
    ]
    first = [(good or of or [""])[0] for of, good in zip(photos, chosen, strict=True)]
    addresses = objects([photo if is_web_address(photo) else "" for photo in first])
    links = {"image_link": addresses} | _further_addresses(chosen, first)
    more = [tuple(dict.fromkeys(of[1:])) for of in paths]
    box = catalog.box
    if box is not None:
        is_other = [it != photo for it, photo in zip(first, catalog.image, strict=True)]
        box = np.where(np.array(is_other)[:, None], np.float32(np.nan), box)
    return replace(
        catalog,
        box=box,
        image=objects([of[0] for of in paths]),
        more_images=objects(more) if any(more) else None,
        address=addresses,
        unusable=objects(reasons) if any(reasons) else None,
        extras=links | dict(catalog.extras),
    )


def _further_addresses(
    photos: Sequence[Sequence[str]], first: Sequence[str]
) -> dict[str, np.ndarray]:
    """The addresses of each product's further photos, if any, as a column.

    Commas separate them, and are percent-encoded within, as in Google's feeds.
    """
    further = (
        [photo for photo in of if photo != one and is_web_address(photo)]
        for of, one in zip(photos, first, strict=True)
    )
    more = [",".join(it.replace(",", "%2C") for it in of) for of in further]
    return {"additional_image_link": objects(more)} if any(more) else {}


def _download(
    wanted: Sequence[str], settings: DownloadSettings
) -> Mapping[str, Downloaded]:
    """What became of each photo; what has just failed is not asked for again."""
    limits = cv_tf.downloads.DownloadLimits(
        at_once=settings.downloads_at_once,
        per_second=settings.downloads_per_second,
        seconds=settings.download_seconds,
        megabytes=settings.download_megabytes,
        allow_http=settings.allow_http,
        allow_private=settings.allow_private_addresses,
    )
    given = Path(expanded(settings.photo_cache) or cv_tf.downloads.default_cache())
    cache = given.absolute()
    since = time.monotonic() - _REMEMBERED
    known = {}
    for address in wanted:
        when, photo = _failed.get((cache, limits, address), (0.0, None))
        if photo is not None and when > since:
            known[address] = photo
    asked = [it for it in wanted if it not in known]
    refresh = settings.refresh_photos
    found = cv_tf.downloads.download_photos(asked, cache, limits, refresh)
    now = time.monotonic()
    found = {
        it: photo._replace(reason=_with_flag(photo.reason))
        for it, photo in found.items()
    }
    for address, photo in found.items():
        _failed.pop((cache, limits, address), None)
        if not photo.path:
            _failed[cache, limits, address] = (now, photo)
    return found | known


def _with_flag(reason: str) -> str:
    """Why a photo was not downloaded, with the flag by which it would be."""
    if reason.endswith("which is not encrypted"):
        return f"{reason} (--allow_http takes it)"
    is_private = reason.startswith("the host '") and " is at " in reason
    if is_private or reason.startswith("the port "):
        return f"{reason} (--allow_private_addresses takes it, if you trust the table)"
    return reason


def _say_left_out(
    catalog: Catalog,
    photos: Sequence[Sequence[str]],
    chosen: Sequence[Sequence[str]],
    found: Mapping[str, Downloaded],
) -> None:
    """Says how many photos are missing of products that have others."""
    left_out = [
        (it, found[it].reason)
        for of, good in zip(photos, chosen, strict=True)
        if good and len(good) < len(of)
        for it in of
        if it not in good
    ]
    if left_out:
        logging.warning(
            "%s: %s photos of products that have others could not be downloaded, such "
            "as %s: %s. These products are used without them.",
            catalog.name,
            f"{len(left_out):,}",
            *left_out[0],
        )


def _photos(catalog: Catalog, row: int) -> list[str]:
    more = () if catalog.more_images is None else catalog.more_images[row]
    return [photo for photo in (catalog.image[row], *more) if photo]


def _usable(photos: Sequence[str], found: Mapping[str, Downloaded]) -> list[str]:
    """The photos that are there, as far as is known."""
    return [it for it in photos if it not in found or found[it].path]


def _path(photo: str, found: Mapping[str, Downloaded]) -> str:
    return found[photo].path or photo if photo in found else photo
