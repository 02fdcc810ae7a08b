"""Speed of embedding a whole catalogue, compared with that of the bare model.

    python benchmarks/embedding.py --workdir=runs/my --catalog=my.csv

Three variants take turns in one process: the bare Embedder on decoded photos in memory;
a first run of `cv_tf.embed`, which reads, examines, frames, decodes, embeds and writes
every photo; and a second run, which finds the results of the examination cached.
Loading the Embedder is not measured. Prints images/s, medians over the rounds, and
writes benchmarks/results/embedding.md.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import os
import platform
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from cv_tf.catalog import Catalog, read_catalog
from cv_tf.embeddings import EmbeddingJob, compiled, embed_catalog
from cv_tf.models import Embedder
from cv_tf.pipeline import in_order, scan_photos

RESULT = Path(__file__).parent / "results" / "embedding.md"
BATCH = 64


def main() -> None:
    """Runs the benchmark, prints the report and writes it to a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--catalog", required=True)
    parser.add_argument("--products", type=int, default=1024)
    parser.add_argument("--shard_size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cv_tf-"))
    try:
        text = measure(arguments, folder)
    finally:
        shutil.rmtree(folder)
    print(text)
    RESULT.write_text(text)


def measure(arguments: argparse.Namespace, folder: Path) -> str:
    """Measures the three variants and returns the report as Markdown."""
    catalog = first_products(arguments.catalog, arguments.products, folder)
    job = EmbeddingJob(
        embedder=str(Path(arguments.workdir, "embedder.keras").absolute()),
        output=str(folder / "embeddings.parquet"),
        products=(
            ("catalog", str(folder / "catalog.csv")),
            ("cache_dir", str(folder / "cache")),
        ),
        shard_size=arguments.shard_size,
        batch_size=BATCH,
    )
    embedder = Embedder.load(job.embedder)
    size = embedder.image_size
    photos = scan_photos(catalog, size, cache_dir=folder / "bare")
    batches = [batch["image"] for batch in in_order(photos, batch_size=BATCH)]
    model = compiled(embedder, size)
    model(batches[0])
    embed_catalog(job, catalog)  # Loads the Embedder, and keeps it.
    Path(job.output).unlink()
    times: dict[str, list[float]] = {"bare": [], "first": [], "again": []}
    for _ in range(arguments.rounds):
        start = time.perf_counter()
        for images in batches:
            model(images)
        times["bare"].append(time.perf_counter() - start)
        shutil.rmtree(folder / "cache", ignore_errors=True)
        for side in ("first", "again"):
            start = time.perf_counter()
            with contextlib.redirect_stderr(io.StringIO()):
                embed_catalog(job, catalog)
            times[side].append(time.perf_counter() - start)
    return report(arguments, len(catalog), size, times)


def report(
    arguments: argparse.Namespace,
    num_products: int,
    size: int,
    times: dict[str, list[float]],
) -> str:
    """Formats the times, in seconds a round, as Markdown."""
    titles = {
        "bare": "bare Embedder, photos in memory",
        "first": "`cv_tf.embed`, photos never examined",
        "again": "`cv_tf.embed`, photos examined before",
    }
    rows = [
        f"| {titles[side]} | {num_products / statistics.median(times[side]):.1f} "
        f"| {np.median(np.divide(times['bare'], times[side])):.2f} |"
        for side in times
    ]
    today = datetime.datetime.now(tz=datetime.timezone.utc)
    head = [
        "# Embedding a catalogue beside the bare model",
        "",
        f"`python benchmarks/embedding.py --products={num_products} "
        f"--shard_size={arguments.shard_size}`: {arguments.rounds} rounds, "
        f"{size} px, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, {today:%Y-%m-%d}.",
        "",
        "| | images/s | of the bare model's |",
        "| --- | ---: | ---: |",
    ]
    return "\n".join([*head, *rows, ""])


def first_products(path: str, count: int, folder: Path) -> Catalog:
    """Writes and reads a table of the first products, with absolute paths."""
    catalog = read_catalog(path)
    catalog = catalog.select(np.arange(min(count, len(catalog))))
    lines = ["product_id,image,category"]
    names = zip(catalog.product_id, catalog.image, catalog.block, strict=True)
    lines += [f"{product},{image},{block}" for product, image, block in names]
    (folder / "catalog.csv").write_text("\n".join(lines) + "\n")
    return read_catalog(folder / "catalog.csv")


if __name__ == "__main__":
    main()
