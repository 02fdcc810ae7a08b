"""Examines every photo of a catalogue once, in parallel."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from cv_tf.catalog import Catalog, FolderNames, is_elsewhere
from cv_tf.files import READS_AT_ONCE, is_remote, is_web_address, kind_of_mode
from cv_tf.pipeline.examine import CONVERTED, NO_BOXES, Examined, copy_side, examine
from cv_tf.pipeline.file_formats import BadImageError
from cv_tf.pipeline.frames import border_colors, find_frames
from cv_tf.pipeline.memory_budget import FILES
from cv_tf.pipeline.photo_files import NOT_DOWNLOADED, photo_content
from cv_tf.pipeline.scan_cache import ScanCache, Scanned, digest_of_bytes, is_digest
from cv_tf.progress import Progress
from cv_tf.stores import stat_in_store

_CHUNK = 64
# Photos that a thread examines at a time. Of fewer, finding the frames takes half as
# long again; more are no longer in the processor's cache.
_TOGETHER = 4
_UNKNOWN = -1  # Size of a photo that could not be read; it is never cached.
_MISSING = "the file is missing"
_NO_MEMORY = "this machine has too little free memory to decode it"
_UNREADABLE = "the file cannot be read"
_ELSEWHERE = (
    "a path of another machine; copy the photo to this one, and give its path from the "
    "table's folder, with slashes"
)


# What to do with photos that were just examined: their rows, what was found out, their
# pixels (`Examined.pixels`), and threads to do it.
Use = Callable[
    [Sequence[int], Sequence[Scanned], Sequence[np.ndarray | None], Executor], None
]


def scan(
    catalog: Catalog, cache: ScanCache, progress: bool = True, use: Use | None = None
) -> list[Scanned]:
    """What is known of each photo of a catalogue; those new or changed are examined.

    The cache of earlier scans is updated. With `progress`, a bar is drawn. `use` is
    called for some photos after others, in the order of their rows.
    """
    known = cache.read()
    with _pool(catalog) as pool, warnings.catch_warnings():
        # `examine` checks the number of pixels itself.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        identify = partial(_identify, catalog, FolderNames(), _stamp(catalog))
        rows = list(pool.map(identify, range(len(catalog))))
        boxes = _boxes_by_key(catalog, rows)
        recall = partial(_recall, catalog, known, cache, boxes)
        rows = list(pool.map(recall, range(len(catalog)), rows))
        unknown = [i for i, row in enumerate(rows) if not row.kind and not row.reason]
        if not unknown:
            _keep(cache, known, rows)
            return rows
        # Products may share a photo: it is looked at once.
        looked_at = {rows[i].key: i for i in reversed(unknown)}
        new = sorted(looked_at.values())
        bar = Progress("Looking at photos", len(new), "photos", shown=progress)
        try:
            for start in range(0, len(new), _CHUNK):
                chunk = new[start : start + _CHUNK]
                task = partial(_examine_rows, catalog, cache, boxes)
                known_of = [(i, rows[i]) for i in chunk]
                groups = [
                    known_of[i : i + _TOGETHER] for i in range(0, len(chunk), _TOGETHER)
                ]
                results = list(chain.from_iterable(pool.map(task, groups)))
                for i, (row, _) in zip(chunk, results, strict=True):
                    rows[i] = row
                if use is not None:
                    decoded = [pixels for _, pixels in results]
                    use(chunk, [rows[i] for i in chunk], decoded, pool)
                bar.update(len(chunk))
        finally:  # So that an interrupted scan can be continued.
            bar.close()
            _keep(cache, known, rows)
    for i in unknown:
        rows[i] = rows[looked_at[rows[i].key]]
    return rows


def _keep(
    cache: ScanCache, known: Mapping[str, Scanned], rows: Sequence[Scanned]
) -> None:
    """Updates the cache, if there is anything new."""
    found = {r.key: r for r in rows if r.size != _UNKNOWN and (r.kind or r.reason)}
    if any(known.get(key) != row for key, row in found.items()):
        cache.write((dict(known) | found).values())


def photo_digests(catalog: Catalog, cache_dir: str | Path | None = None) -> list[str]:
    """The digest of each photo's bytes; of one that cannot be read, the reason.

    Several photos of a product have one digest. No photo is decoded, and those that a
    scan with the cache in `cache_dir` has looked at are not even read.
    """
    if catalog.more_images is not None:
        each, product = catalog.by_photo()
        return _joined(photo_digests(each, cache_dir), product)
    known = ScanCache(catalog, cache_dir).read()
    with _pool(catalog) as pool:
        identify = partial(_identify, catalog, FolderNames(), _stamp(catalog))
        rows = pool.map(identify, range(len(catalog)))
        digest_of = partial(_digest, catalog, known)
        return list(pool.map(digest_of, range(len(catalog)), rows))


def _joined(digests: Sequence[str], product: np.ndarray) -> list[str]:
    """The digest of all photos of each product; of one without any, the reason."""
    of: dict[int, list[str]] = defaultdict(list)
    for row, digest in zip(product.tolist(), digests, strict=True):
        of[row].append(digest)
    return [
        digest_of_bytes(" ".join(some).encode())
        if len(some) > 1 and any(map(is_digest, some))
        else some[0]
        for some in of.values()
    ]


def remember_digests(catalog: Catalog, folder: str | Path) -> list[str]:
    """What `photo_digests` returns; what had to be read is kept for the next time.

    The cache in `folder` is of these photos alone afterwards: what is no longer in the
    catalogue is forgotten. Photos whose size and times are as they were are not read.
    """
    if catalog.more_images is not None:
        each, product = catalog.by_photo()
        return _joined(remember_digests(each, folder), product)
    cache = ScanCache(catalog, folder)
    known = cache.read()
    folders, stamp = FolderNames(), _stamp(catalog)

    def identify(rows: range) -> list[tuple[Scanned, str]]:
        found = [(i, _identify(catalog, folders, stamp, i)) for i in rows]
        return [(row, _digest(catalog, known, i, row)) for i, row in found]

    starts = range(0, len(catalog), _CHUNK)
    with _pool(catalog) as pool:
        pieces = pool.map(
            identify, [range(s, min(s + _CHUNK, len(catalog))) for s in starts]
        )
        rows = list(chain.from_iterable(pieces))
    kept = {
        row.key: row._replace(digest=digest)
        for row, digest in rows
        if is_digest(digest)
    }
    if kept.keys() != known.keys() or any(
        not known[key].is_stamped_as(row) or known[key].digest != row.digest
        for key, row in kept.items()
    ):
        cache.write(kept.values())
    return [digest for _, digest in rows]


def _pool(catalog: Catalog) -> ThreadPoolExecutor:
    """Threads that read photos, of which most wait where these are in a bucket."""
    # No more than there are cores: they would wait for each other, a tenth of the time.
    num_threads = READS_AT_ONCE if catalog.is_remote else os.cpu_count() or 1
    return ThreadPoolExecutor(num_threads)


def _digest(
    catalog: Catalog, known: Mapping[str, Scanned], i: int, row: Scanned
) -> str:
    old = known.get(row.key)
    if row.reason:
        return row.reason
    if old is not None and old.is_stamped_as(row):
        return old.digest
    try:
        with _read(catalog, i) as content:
            return digest_of_bytes(content)
    except Exception as error:  # Each object store raises its own.
        return _why_unreachable(error)


def _stamp(catalog: Catalog) -> int:
    """When a data set was prepared, in nanoseconds; 0 for photos in files."""
    if catalog.record is None:
        return 0
    try:
        return tf.io.gfile.stat(f"{catalog.folder}/dataset_info.json").mtime_nsec
    except tf.errors.OpError:  # It is of a builder that keeps no such file.
        return 0


def _identify(catalog: Catalog, folders: FolderNames, stamp: int, i: int) -> Scanned:
    """Finds the key, size and times of a photo, without reading it."""
    if catalog.record is not None:
        return Scanned(f"record {catalog.record[i]}", 0, stamp, "")
    image = catalog.image[i]
    key = image.removeprefix(f"{catalog.folder}/") if catalog.folder else image
    reason = "" if catalog.unusable is None else catalog.unusable[i]
    if reason := reason or _why_out_of_reach(image):
        return Scanned(key, _UNKNOWN, 0, reason)
    try:
        if is_remote(image):
            return Scanned(key, *stat_in_store(image), "")
        stat = Path(image).stat()
        if kind := kind_of_mode(stat.st_mode):
            return Scanned(key, _UNKNOWN, 0, f"is {kind}, not a file")
        row = Scanned(key, stat.st_size, stat.st_mtime_ns, "")
        return row._replace(changed=stat.st_ctime_ns)
    except Exception as error:  # Each object store raises its own.
        reason = _why_unreachable(error)
        if reason == _MISSING and not is_remote(image):
            similar = folders.similar(image, catalog.folder)
            reason += f"; there is {' and '.join(map(repr, similar))}" * bool(similar)
        return Scanned(key, _UNKNOWN, 0, reason)


def _why_out_of_reach(image: str) -> str:
    """Why a path of a photo is not even looked up; "" if it is."""
    if not image:
        return "no image given"
    if is_elsewhere(image):
        return _ELSEWHERE
    return NOT_DOWNLOADED if is_web_address(image) else ""


def _why_unreachable(error: Exception) -> str:
    name = type(error).__name__
    if name in ("FileNotFoundError", "NotFoundError", "NotADirectoryError"):
        return _MISSING
    if isinstance(error, MemoryError):
        return _NO_MEMORY
    return f"{_UNREADABLE} ({error})"


def may_pass(reason: str) -> bool:
    """Whether the same photo may be of use the next time.

    That is so where it was out of reach, or memory was short; not where what is in the
    file is no photo.

    Args:
      reason: Why a photo could not be used, as in `Reject`.
    """
    return reason.startswith((_MISSING, _NO_MEMORY, _UNREADABLE))


def _boxes_by_key(catalog: Catalog, rows: Sequence[Scanned]) -> dict[str, np.ndarray]:
    """The boxes, [k, 4], that are cut from each photo, which products may share."""
    if catalog.box is None:
        return {}
    of: dict[str, list[int]] = defaultdict(list)
    for i in np.flatnonzero(~np.isnan(catalog.box[:, 0])).tolist():
        of[rows[i].key].append(i)
    return {key: catalog.box[places] for key, places in of.items()}


def _recall(
    catalog: Catalog,
    known: Mapping[str, Scanned],
    cache: ScanCache,
    boxes: Mapping[str, np.ndarray],
    i: int,
    row: Scanned,
) -> Scanned:
    """What an earlier scan found, if it was of the same bytes; else the row itself."""
    old = known.get(row.key)
    if row.reason or old is None or old.size != row.size:
        return row
    if not old.is_stamped_as(row):  # Only copied, or replaced by another photo.
        if _digest(catalog, {}, i, row) != old.digest:
            return row
        old = old._replace(modified=row.modified, changed=row.changed)
    if old.kind != CONVERTED:
        return old
    side = copy_side(old.width, old.height, boxes.get(row.key, NO_BOXES))
    is_large = max(old.copy_width, old.copy_height) >= side
    return old if is_large and cache.has_converted(old) else row


def _examine_rows(
    catalog: Catalog,
    cache: ScanCache,
    boxes: Mapping[str, np.ndarray],
    known: Sequence[tuple[int, Scanned]],
) -> list[tuple[Scanned, np.ndarray | None]]:
    """What is found out about photos, by row, and `Examined.pixels`."""
    results = [_examine_row(catalog, cache, boxes, i, row) for i, row in known]
    thumbnails = [photo.thumbnail for _, photo in results if photo]
    if not thumbnails:
        return [(row, None) for row, _ in results]
    batch = np.stack(thumbnails)
    columns = (*find_frames(batch), border_colors(batch))
    found = zip(*(column.tolist() for column in columns), strict=True)
    names = ("frame", "found", "sides", "background")
    return [
        (row._replace(**dict(zip(names, next(found), strict=True))), photo.pixels)
        if photo
        else (row, None)
        for row, photo in results
    ]


def _examine_row(
    catalog: Catalog,
    cache: ScanCache,
    boxes: Mapping[str, np.ndarray],
    i: int,
    row: Scanned,
) -> tuple[Scanned, Examined | None]:
    try:
        with _read(catalog, i) as content:
            row = row._replace(digest=digest_of_bytes(content))
            examined = examine(content, boxes.get(row.key, NO_BOXES))
    except BadImageError as error:
        return row._replace(reason=str(error)), None
    except Exception as error:  # Each object store raises its own.
        return row._replace(reason=_why_unreachable(error), size=_UNKNOWN), None
    row = row._replace(
        kind=examined.kind,
        height=examined.height,
        width=examined.width,
        copy_height=examined.copy_height,
        copy_width=examined.copy_width,
    )
    if examined.converted is not None:
        row = cache.write_converted(row, examined.converted)
    return row, examined


@contextlib.contextmanager
def _read(catalog: Catalog, i: int) -> Iterator[bytes]:
    photo = catalog.photo(i)
    if isinstance(photo, bytes):
        with FILES.hold(len(photo)):
            yield photo
    else:
        with photo_content(photo) as content:
            yield content
