"""How much of the bare model's speed is left when a whole catalogue is embedded.

    python benchmarks/embedding.py --workdir=runs/my --catalog=my.csv

Three sides take turns in one process: the bare Embedder on photos that are decoded and
in memory; `cv_tf.embed` as it runs for the first time (every photo is read, looked at,
framed, decoded, embedded, written); and as it runs again, with what was found out about
the photos kept. Loading the Embedder counts for none. Prints images/s, medians over the
rounds, and writes benchmarks/results/embedding.md.
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
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--catalog", required=True)
    parser.add_argument("--products", type=int, default=1024)
    parser.add_argument("--shard_size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cv_tf-"))
    try:
        report = measure(arguments, folder)
    finally:
        shutil.rmtree(folder)
    print(report)
    RESULT.write_text(report)


def measure(arguments: argparse.Namespace, folder: Path) -> str:
    """The report."""
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
    titles = {
        "bare": "bare Embedder, photos in memory",
        "first": "`cv_tf.embed`, photos never seen",
        "again": "`cv_tf.embed`, photos looked at before",
    }
    rows = [
        f"| {titles[side]} | {len(catalog) / statistics.median(times[side]):.1f} "
        f"| {np.median(np.divide(times['bare'], times[side])):.2f} |"
        for side in times
    ]
    today = datetime.datetime.now(tz=datetime.timezone.utc)
    head = [
        "# Embedding a catalogue beside the bare model",
        "",
        f"`python benchmarks/embedding.py --products={len(catalog)} "
        f"--shard_size={arguments.shard_size}`: {arguments.rounds} rounds, "
        f"{size} px, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, {today:%Y-%m-%d}.",
        "",
        "| | images/s | of the bare model's |",
        "| --- | ---: | ---: |",
    ]
    return "\n".join([*head, *rows, ""])


def first_products(path: str, count: int, folder: Path) -> Catalog:
    """A table of the first products, with absolute paths."""
    catalog = read_catalog(path)
    catalog = catalog.select(np.arange(min(count, len(catalog))))
    lines = ["product_id,image,category"]
    names = zip(catalog.product_id, catalog.image, catalog.block, strict=True)
    lines += [f"{product},{image},{block}" for product, image, block in names]
    (folder / "catalog.csv").write_text("\n".join(lines) + "\n")
    return read_catalog(folder / "catalog.csv")


if __name__ == "__main__":
    main()
