"""Loads the photos of a catalogue: scans them, chooses frames and plans decoding."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import Path

import numpy as np
from absl import logging

from cv_tf import choices
from cv_tf.catalog import Catalog, CatalogError, check_frame, objects, raise_problems
from cv_tf.config import DataSettings
from cv_tf.errors import UserError
from cv_tf.pipeline.decode import DecodingPlan, plan
from cv_tf.pipeline.examine import CONVERTED
from cv_tf.pipeline.frame_outcomes import judge
from cv_tf.pipeline.frames import WHOLE_PHOTO, add_margin
from cv_tf.pipeline.fresh_squares import FreshSquares
from cv_tf.pipeline.photos import Photos, Reject
from cv_tf.pipeline.scan import scan
from cv_tf.pipeline.scan_cache import ScanCache, Scanned

# Outcomes of frames, those of the best photos of a product first.
_BEST_FIRST = ("given", "found", "cut", "whole", "declined", "implausible")
_WHOLE = ("given", "found")  # Of photos that show a product whole.


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
    """Scans the photos of a catalogue and decodes them, if they fit in memory.

    Args:
      catalog: The products.
      image_size: Pixels a side of the decoded squares.
      frame: Part of a photo that is used: "photo" for the whole photo; "columns" for
        the box of the catalogue (the whole photo of products without one); "auto" for
        the box if there is one, and otherwise the frame found on a plain background.
      on_bad_image: "fail", or "reject" to leave out photos that cannot be used.
      cache_dir: Folder of the scan's cache; None for `.cv_tf` beside the data.
      progress: Whether to draw progress bars.
      memory_gigabytes: Largest size of decoded photos in memory. If there are more,
        photos are decoded for each batch, to the same pixels.

    Returns:
      The photos that can be used; the others are its `rejects`.

    Raises:
      CatalogError: If there are no products, no photo can be used, or with "fail" any
        cannot. It names all such photos.
      ValueError: If an argument is unknown or out of range.
    """
    choices.check("frame", frame, choices.FRAMES)
    choices.check("on_bad_image", on_bad_image, choices.ON_BAD_IMAGE)
    if image_size < 1:
        raise UserError(f"image_size is {image_size}; it must be 1 or more.")
    check_frame(catalog.name, frame, catalog.box)
    if not len(catalog):
        raise CatalogError(f"{catalog.name}: there are no products in it.")
    fits = len(catalog) * image_size**2 * 3 <= memory_gigabytes * 1e9
    kept = memory_gigabytes * 1e9 if fits else 0
    photos = scan_photos(catalog, image_size, frame, cache_dir, progress, kept)
    if photos.rejects and (on_bad_image == "fail" or not len(photos)):
        _raise_rejects(catalog, photos.rejects, on_bad_image)
    fits = len(photos) * image_size**2 * 3 <= memory_gigabytes * 1e9
    return photos.in_memory(progress) if fits else photos


def photos_of(catalog: Catalog, settings: DataSettings, image_size: int) -> Photos:
    """`load_photos` with the settings of a command."""
    return load_photos(
        catalog,
        image_size,
        frame=settings.frame,
        on_bad_image=settings.on_bad_image,
        cache_dir=settings.cache_dir or None,
        memory_gigabytes=settings.memory_gigabytes,
    )


def scan_photos(
    catalog: Catalog,
    image_size: int,
    frame: str = "auto",
    cache_dir: str | Path | None = None,
    progress: bool = False,
    most_bytes: float = 2**28,
) -> Photos:
    """Scans the photos of a catalogue.

    Photos that no earlier scan has seen are decoded for it. Their squares are kept, as
    many as `most_bytes` of memory hold; others are decoded when they are asked for, to
    the same pixels. The other arguments are those of `load_photos`.

    Of several photos of a product, its packshot is taken: the first one that shows it
    whole on a plain background. The others that do are its `more` photos; where none
    does, all others are.

    Returns:
      The photos that can be used, one a product, possibly none; the others are its
      `rejects`.
    """
    if catalog.more_images is None:
        return _scan_each(catalog, image_size, frame, cache_dir, progress, most_bytes)
    each, product = catalog.by_photo()
    each = replace(each, product_id=objects([str(row) for row in range(len(each))]))
    photos = _scan_each(each, image_size, frame, cache_dir, progress, most_bytes)
    rows = photos.catalog.product_id.astype(int)
    best = find_packshots(product[rows], photos.outcomes)
    kept = product[rows[best]]
    is_whole = np.isin(photos.outcomes, _WHOLE)
    of = np.searchsorted(kept, product[rows])  # The place of each photo's product.
    others = is_whole | ~is_whole[best][of]
    others[best] = False
    chosen = replace(
        photos.select(best),
        more=photos.select(np.flatnonzero(others)) if others.any() else None,
        more_of=of[others] if others.any() else None,
    )
    named = replace(
        chosen.catalog,
        product_id=catalog.product_id[kept],
        more_images=catalog.more_images[kept],
    )
    rejects = _rejected_products(catalog, product, {*kept.tolist()}, photos.rejects)
    return replace(chosen, catalog=named, rejects=rejects)


def _rejected_products(
    catalog: Catalog, product: np.ndarray, kept: Set[int], rejects: Sequence[Reject]
) -> tuple[Reject, ...]:
    """The first reject of each product without a photo; how many others have is said.

    Args:
      catalog: The products.
      product: [n] integers, the product of each photo.
      kept: The products of which a photo can be used.
      rejects: Photos that cannot be used, by their numbers.
    """
    first: dict[int, Reject] = {}
    others = []
    for reject in rejects:
        row = int(product[int(reject.product_id)])
        if row in kept:
            others.append(reject._replace(product_id=catalog.product_id[row]))
        else:
            named = reject._replace(product_id=catalog.product_id[row])
            first.setdefault(row, named)
    if others:
        logging.warning(
            "%s: %s photos of products that have others cannot be used, such as that "
            "of product %r, %s: %s. These products are used without them.",
            catalog.name,
            f"{len(others):,}",
            *others[0],
        )
    return tuple(first.values())


def find_packshots(product: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    """The photo of each product that shows it best, as far as its frame tells.

    A box of the table goes first; then a product that was found whole on a plain
    background, one that an edge of the photo cuts, and any other. Of equally good
    photos, the first is taken.

    Args:
      product: [n] integers, the product of each photo, ascending.
      outcomes: [n] str, what each frame is, a name of `frame_outcomes.OUTCOMES`.

    Returns:
      [m] int64, the numbers of the photos, ascending.

    Example:
      >>> find_packshots(np.array([0, 0, 1]), np.array(["declined", "found", "cut"]))
      array([1, 2])
    """
    rank = np.array([_BEST_FIRST.index(outcome) for outcome in outcomes], int)
    order = np.lexsort([np.arange(len(rank)), rank, product])
    return order[np.diff(product[order], prepend=-1) > 0]


def _scan_each(
    catalog: Catalog,
    image_size: int,
    frame: str,
    cache_dir: str | Path | None,
    progress: bool,
    most_bytes: float,
) -> Photos:
    """As `scan_photos`, of the first photo of each product."""
    cache = ScanCache(catalog, cache_dir)
    is_box = np.zeros(len(catalog), bool)
    if frame != "photo" and catalog.box is not None:
        is_box = ~np.isnan(catalog.box[:, 0])

    def plan_of(rows: Sequence[int], scanned: Sequence[Scanned]) -> DecodingPlan:
        places = np.array(rows)
        frames, _ = _choose_frames(catalog.select(places), list(scanned), frame)
        return plan(scanned, frames, image_size, is_box[places])

    fresh = FreshSquares(len(catalog), image_size, most_bytes, plan_of)
    scanned = scan(catalog, cache, progress, fresh.keep)
    frames, scanned = _choose_frames(catalog, scanned, frame)
    rejects = tuple(
        Reject(catalog.product_id[i], catalog.image[i], row.reason)
        for i, row in enumerate(scanned)
        if row.reason
    )
    usable = np.flatnonzero([not row.reason for row in scanned])
    scanned = [scanned[i] for i in usable]
    is_kept = bool((fresh.places[usable] >= 0).any())
    frames, is_box = frames[usable], is_box[usable]
    catalog = catalog.select(usable)
    files = [
        str(cache.converted_path(row)) if row.kind == CONVERTED else image
        for row, image in zip(scanned, catalog.image, strict=True)
    ]
    return Photos(
        catalog=catalog,
        rejects=rejects,
        image_size=image_size,
        plan=plan(scanned, frames, image_size, is_box),
        files=np.array(files, object),
        outcomes=_outcomes(scanned, frames, is_box, frame == "auto"),
        digests=np.array([row.digest for row in scanned], object),
        pixels=fresh.pixels if is_kept else None,
        places=fresh.places[usable] if is_kept else None,
    )


def _outcomes(
    scanned: list[Scanned], frames: np.ndarray, is_box: np.ndarray, searched: bool
) -> np.ndarray:
    """What each frame is, a name of `frame_outcomes.OUTCOMES`, [n] str."""
    outcomes: np.ndarray | str = "whole"
    if searched:
        found = np.array([row.found for row in scanned], bool)
        sides = np.array([row.sides for row in scanned], int)
        outcomes = judge(frames, found, sides)
    return np.where(is_box, "given", outcomes)


def _choose_frames(
    catalog: Catalog, scanned: list[Scanned], frame: str
) -> tuple[np.ndarray, list[Scanned]]:
    """The frame of each photo, [n, 4]; photos whose box lies outside get a reason."""
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
    frames[given] = add_margin(boxes[given])
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
        advice = "No photo is left that can be used."
    line = dict(zip(catalog.product_id, catalog.line.tolist(), strict=True))
    problems = [
        (line[product], f"product {product!r}, image {image!r}: {reason}")
        for product, image, reason in rejects
    ]
    raise_problems(catalog.name, problems, advice)
