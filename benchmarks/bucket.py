"""Times reading batches from a bucket beside shards and files on a disk.

    python benchmarks/bucket.py --catalog=photos/catalog.csv --data_dir=gs://BUCKET/shards

Batches are drawn at random over all photos, and read, decoded and padded by the
pipeline of training; nothing is trained. The sources take turns after a warm-up. The
shards in the bucket are written first, and are not removed. Without a bucket, a local
server that answers after 30 ms can be used:

    python tests/fake_gcs.py --latency=0.03 python benchmarks/bucket.py ...

Prints a Markdown table of images/s and of the ratio to files, paired by round.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from pathlib import Path

from cv_tf import strategy  # noqa: F401 (loads TensorFlow with Keras 2)

# isort: split
from cv_tf.catalog import Catalog, load_dataset, read_catalog
from cv_tf.catalog.catalog_builder import write_shards
from cv_tf.pipeline import Photos, RandomOrder, batches, load_photos

BATCH_SIZE = 64


def main() -> None:
    """Runs the rounds and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalog", required=True, help="a table of products")
    parser.add_argument(
        "--data_dir", required=True, help="gs://..., to write shards to"
    )
    parser.add_argument("--image_size", type=int, default=96)
    parser.add_argument("--steps", type=int, default=20, help="a round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sources = {
            name: load_photos(
                catalog,
                arguments.image_size,
                cache_dir=Path(folder, name),
                memory_gigabytes=0.0,
            )
            for name, catalog in read_all(arguments, folder).items()
        }
        rates = {name: [] for name in sources}
        for number in range(arguments.rounds + 1):
            for name, photos in sources.items():
                rate = images_per_second(photos, number, arguments.steps)
                rates[name] += [rate] if number else []
    print(f"{preamble(arguments, photos)}\n{table(rates)}\n")


def read_all(arguments: argparse.Namespace, folder: str) -> dict[str, Catalog]:
    """The catalogue as files, as shards on the disk, and as shards in the bucket."""
    shards = {"shards": folder, "bucket": arguments.data_dir}
    return {
        "files": read_catalog(arguments.catalog),
        **{
            name: load_dataset(write_shards(arguments.catalog, data_dir))
            for name, data_dir in shards.items()
        },
    }


def images_per_second(photos: Photos, number: int, steps: int) -> float:
    """The rate of a round, without its first batch."""
    order = RandomOrder(len(photos), BATCH_SIZE, seed=number)
    stream = iter(batches(photos, order, num_steps=steps))
    next(stream)
    start = time.perf_counter()
    for _ in stream:
        pass
    return (steps - 1) * BATCH_SIZE / (time.perf_counter() - start)


def table(rates: dict[str, list[float]]) -> str:
    """Medians of images/s, and of the ratio to files."""
    lines = ["| photos from | images/s | times files |", "| --- | ---: | ---: |"]
    for name, of_rounds in rates.items():
        ratios = [
            rate / files for rate, files in zip(of_rounds, rates["files"], strict=True)
        ]
        median, ratio = map(statistics.median, (of_rounds, ratios))
        lines.append(f"| {name} | {median:.0f} | {ratio:.2f} |")
    return "\n".join(lines)


def preamble(arguments: argparse.Namespace, photos: Photos) -> str:
    """A sentence about the measurement and the machine."""
    return (
        f"{len(photos):,} photos, batch {BATCH_SIZE}, {arguments.image_size} px, "
        f"{arguments.rounds} rounds of {arguments.steps} batches in turns, "
        f"Python {platform.python_version()}, {platform.machine()}.\n"
    )


if __name__ == "__main__":
    main()
