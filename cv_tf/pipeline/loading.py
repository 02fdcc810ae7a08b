"""From a checked table to photos that are known to be readable."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cv_tf.catalog import Catalog, CatalogError, check_frame, raise_problems
from cv_tf.config import DataSettings
from cv_tf.errors import UserError
from cv_tf.pipeline.decode import plan
from cv_tf.pipeline.examine import CONVERTED
from cv_tf.pipeline.frames import WHOLE_PHOTO, add_margin
from cv_tf.pipeline.photos import Photos
from cv_tf.pipeline.scan import scan
from cv_tf.pipeline.scan_cache import Reject, ScanCache, Scanned


def load_photos(
    catalog: Catalog,
    image_size: int = 224,
    *,
    frame: str = "auto",
    on_bad_image: str = "fail",
    cache_dir: str | Path | None = None,
    progress: bool = True,
    memory_gigabytes: float = 2.0,
) -> Photos:
    """Looks at every photo once, finds the products' frames, and plans decoding.

    Args:
      catalog: The products.
      image_size: Pixels a side of the squares that batches hold.
      frame: "photo" takes whole photos; "columns" the boxes of the catalogue
        (a row without one: its whole photo); "auto" the boxes where there are
        any, else what is found from a plain background.
      on_bad_image: "fail", or "reject" to go on without unreadable photos.
      cache_dir: Where findings are kept; None for `.cv_tf` beside the data.
      progress: Whether to draw progress bars.
      memory_gigabytes: Decoded photos are held in memory up to this size;
        above it they are decoded for each batch. The pixels are the same.

    Returns:
      The photos that can be used, with those that cannot named in `rejects`.

    Raises:
      CatalogError: With every unreadable photo, if `on_bad_image` is "fail"; or
        if no photo is left.
      ValueError: If an argument is none of those above.
    """
    _check_choice("frame", frame, ("auto", "photo", "columns"))
    _check_choice("on_bad_image", on_bad_image, ("fail", "reject"))
    if image_size < 1:
        raise UserError(f"image_size is {image_size}; it must be 1 or more.")
    check_frame(catalog.name, frame, catalog.box)
    if not len(catalog):
        raise CatalogError(f"{catalog.name}: there are no products in it.")
    photos = scan_photos(catalog, image_size, frame, cache_dir, progress)
    if photos.rejects and (on_bad_image == "fail" or not len(photos)):
        _raise_rejects(catalog, photos.rejects, on_bad_image)
    fits = len(photos) * image_size**2 * 3 <= memory_gigabytes * 1e9
    return photos.in_memory(progress) if fits else photos


def scan_photos(
    catalog: Catalog,
    image_size: int,
    frame: str = "auto",
    cache_dir: str | Path | None = None,
    progress: bool = False,
) -> Photos:
    """Looks at every photo once; unreadable ones are rejects, also if all of them are.

    Args:
      catalog: As for `load_photos`, as are the others.
      image_size: Pixels a side.
      frame: Which part of a photo is the product.
      cache_dir: Where findings are kept.
      progress: Whether to draw a progress bar.

    Returns:
      The photos that can be used, none of them decoded yet.
    """
    cache = ScanCache(catalog, cache_dir)
    scanned = scan(catalog, cache, progress)
    frames, scanned = _choose_frames(catalog, scanned, frame)
    rejects = tuple(
        Reject(catalog.product_id[i], catalog.image[i], row.reason)
        for i, row in enumerate(scanned)
        if row.reason
    )
    usable = np.flatnonzero([not row.reason for row in scanned])
    scanned = [scanned[i] for i in usable]
    catalog = catalog.select(usable)
    return Photos(
        catalog=catalog,
        rejects=rejects,
        image_size=image_size,
        plan=plan(scanned, frames[usable], image_size),
        files=_files(catalog, scanned, cache),
    )


def _choose_frames(
    catalog: Catalog, scanned: list[Scanned], frame: str
) -> tuple[np.ndarray, list[Scanned]]:
    """Each photo's frame, [n, 4]; a box outside its photo becomes a reason."""
    frames = np.tile(np.array(WHOLE_PHOTO), (len(scanned), 1))
    if frame == "auto":
        frames = np.array([row.frame for row in scanned])
    if frame == "photo" or catalog.box is None:
        return frames, scanned
    given = ~np.isnan(catalog.box[:, 0])
    size = np.array([(max(row.height, 1), max(row.width, 1)) for row in scanned])
    x, y, width, height = catalog.box.astype(np.float64).T
    start = np.clip(np.stack([y, x], axis=1) / size, 0.0, 1.0)
    end = np.clip(np.stack([y + height, x + width], axis=1) / size, 0.0, 1.0)
    outside = given & ((end - start) <= 0).any(axis=1)
    boxes = np.concatenate([start, end - start], axis=1).astype(np.float32)
    frames[given] = add_margin(boxes[given]).numpy()
    return frames, [
        row._replace(reason=f"its box lies outside the photo, {row.width}x{row.height}")
        if is_outside and not row.reason
        else row
        for row, is_outside in zip(scanned, outside, strict=True)
    ]


def _raise_rejects(
    catalog: Catalog, rejects: Sequence[Reject], on_bad_image: str
) -> None:
    advice = "Mend them, or pass --on_bad_image=reject to go on without them."
    if on_bad_image == "reject":
        advice = "No photo is left to go on with."
    line = dict(zip(catalog.product_id, catalog.line.tolist(), strict=True))
    problems = [
        (
            line[reject.product_id],
            f"product {reject.product_id!r}, image {reject.image!r}: {reject.reason}",
        )
        for reject in rejects
    ]
    raise_problems(catalog.name, problems, advice)


def _files(
    catalog: Catalog, scanned: Sequence[Scanned], cache: ScanCache
) -> np.ndarray:
    return np.array(
        [
            str(cache.converted_path(row)) if row.kind == CONVERTED else image
            for row, image in zip(scanned, catalog.image, strict=True)
        ],
        object,
    )


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise UserError(f"{name} is {value!r}; choose one of {', '.join(choices)}.")


def photos_of(catalog: Catalog, settings: DataSettings, image_size: int) -> Photos:
    """The photos of a catalogue as squares of some size.

    Raises:
      CatalogError: If photos cannot be used and `--on_bad_image` is "fail".
    """
    return load_photos(
        catalog,
        image_size,
        frame=settings.frame,
        on_bad_image=settings.on_bad_image,
        cache_dir=settings.cache_dir or None,
        memory_gigabytes=settings.memory_gigabytes,
    )
