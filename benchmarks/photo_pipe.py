"""What it costs to make squares of photos, stage by stage.

    python benchmarks/photo_pipe.py --catalog my.csv large.csv --shrink=600

Prints milliseconds of one core a photo (CPU time of the process), the least of several
rounds: of each stage alone, on one thread; of a first pass, in which all photos are
new; and of a second one, which finds the results of the first. `--shrink` adds the
photos of the last catalogue, saved as JPEG with that many pixels on their longer side.
Writes benchmarks/results/photo_pipe.md.
"""

from __future__ import annotations

import argparse
import datetime
import io
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from cv_tf.catalog import Catalog, read_catalog
from cv_tf.pipeline import (
    DecodingPlan,
    in_order,
    open_image,
    photo_digests,
    scan_photos,
)
from cv_tf.pipeline.damage import has_hole
from cv_tf.pipeline.decode import cut_square, decode_now
from cv_tf.pipeline.examine import THUMBNAIL_SIDE, examine
from cv_tf.pipeline.frames import border_colors, find_frames
from cv_tf.pipeline.resample import box_thumbnail
from cv_tf.pipeline.scan_cache import digest_of_bytes

RESULT = Path(__file__).parent / "results" / "photo_pipe.md"


def main() -> None:
    """Runs the benchmark, prints the table and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalog", nargs="+", required=True)
    parser.add_argument("--photos", type=int, default=256)
    parser.add_argument("--shrink", type=int, default=0)
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cv_tf-") as name:
        folder = Path(name)
        catalogs = [read_catalog(path, ()) for path in arguments.catalog]
        catalogs = [c.select(np.arange(len(c))[: arguments.photos]) for c in catalogs]
        if arguments.shrink:
            catalogs.append(shrunk(catalogs[-1], arguments.shrink, folder))
        columns = {
            title_of(catalog): measure(catalog, arguments, folder / str(number))
            for number, catalog in enumerate(catalogs)
        }
    text = report(arguments, columns)
    print(text)
    RESULT.write_text(text)


def shrunk(catalog: Catalog, side: int, folder: Path) -> Catalog:
    """The same photos, with at most `side` pixels a side."""
    lines = ["product_id,image"]
    for product, image in zip(catalog.product_id, catalog.image, strict=True):
        with Image.open(image) as photo:
            copy = photo.convert("RGB")
        copy.thumbnail((side, side), Image.Resampling.LANCZOS)
        copy.save(folder / f"{len(lines)}.jpg", quality=90)
        lines.append(f"{product},{len(lines)}.jpg")
    (folder / "shrunk.csv").write_text("\n".join([*lines, ""]))
    return read_catalog(folder / "shrunk.csv", ())


def title_of(catalog: Catalog) -> str:
    """The middle size of the photos."""
    sizes = []
    for image in catalog.image:
        with Image.open(image) as photo:
            kind = "progressive " * bool(photo.info.get("progressive"))
            sizes.append((photo.width, photo.height, f"{kind}{photo.format}"))
    width, height, kind = sorted(sizes)[len(sizes) // 2]
    return f"{len(sizes)} {kind}, {width} x {height}"


def measure(
    catalog: Catalog, arguments: argparse.Namespace, folder: Path
) -> dict[str, float]:
    """Core-milliseconds a photo of each stage."""
    side, rows = arguments.image_size, range(len(catalog))
    photos = scan_photos(catalog, side, cache_dir=folder, most_bytes=0)
    contents = [photos.encoded(row) for row in rows]
    examined = [examine(content) for content in contents]
    pixels = [one.pixels for one in examined]
    thumbnails = np.stack([one.thumbnail for one in examined])
    plans = [DecodingPlan(*(column[row] for column in photos.plan)) for row in rows]

    def first() -> None:
        shutil.rmtree(folder)
        take(scan_photos(catalog, side, cache_dir=folder))

    def take(found) -> None:
        photo_digests(catalog, folder)  # As `embed` asks for them.
        for _ in in_order(found):
            pass

    def find() -> None:
        for start in range(0, len(thumbnails), 4):
            find_frames(thumbnails[start : start + 4])
            border_colors(thumbnails[start : start + 4])

    def each(function: Callable, *columns) -> Callable[[], None]:
        def run() -> None:
            for values in zip(*columns, strict=True):
                function(*values)

        return run

    sides = [side] * len(catalog)
    stages = {
        "read": each(photos.encoded, rows),
        "digest": each(digest_of_bytes, contents),
        "open, with all bounds": each(lambda c: open_image(io.BytesIO(c)), contents),
        "look for holes": each(has_hole, contents),
        "open, decode and shrink to a thumbnail": each(examine, contents),
        "of these, shrink": each(
            box_thumbnail, pixels, [THUMBNAIL_SIDE] * len(catalog)
        ),
        "find frames": find,
        "cut squares from decoded pixels": each(cut_square, pixels, plans, sides),
        "decode and cut squares": each(decode_now, contents, plans, sides),
        "a first pass: scan, digests, squares": first,
        "a second pass": lambda: take(
            scan_photos(catalog, side, cache_dir=folder, most_bytes=0)
        ),
    }
    return {
        name: least(stage, arguments.rounds) * 1000 / len(catalog)
        for name, stage in stages.items()
    }


def least(stage: Callable[[], object], rounds: int) -> float:
    """Seconds of CPU time of a stage, the least of some rounds after a warm-up."""
    stage()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        stage()
        times.append(time.process_time() - start)
    return min(times)


def report(arguments: argparse.Namespace, columns: dict[str, dict[str, float]]) -> str:
    """The times as Markdown."""
    stages = next(iter(columns.values()))
    rows = [
        f"| {stage} | "
        + " | ".join(f"{column[stage]:.2f}" for column in columns.values())
        + " |"
        for stage in stages
    ]
    today = datetime.datetime.now(tz=datetime.timezone.utc)
    head = [
        "# What a photo costs before the network",
        "",
        f"`python benchmarks/photo_pipe.py --photos={arguments.photos} "
        f"--shrink={arguments.shrink} --image_size={arguments.image_size}`: "
        f"milliseconds of one core a photo, the least of {arguments.rounds} rounds, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{today:%Y-%m-%d}.",
        "",
        f"| | {' | '.join(columns)} |",
        f"| --- |{' ---: |' * len(columns)}",
    ]
    return "\n".join([*head, *rows, ""])


if __name__ == "__main__":
    main()
