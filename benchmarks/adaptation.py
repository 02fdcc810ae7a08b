"""Whitening of another catalogue, and of one's own photos: what --adapt is worth.

    python benchmarks/adaptation.py --source hm_dev/catalog.csv \
        --catalogs hm_print/catalog.csv myntra_dev/catalog.csv

Vectors are those of the untrained network by parts (224 pixels), whitened as
`python -m cv_tf.train` does without labels: by the photos of the source, or by those of
the catalogue that is searched and grouped, as `python -m cv_tf.embed --adapt` does. Of
each catalogue, whole styles are drawn, three times. Writes
benchmarks/results/adaptation.md and .json.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from labelled import (
    Found,
    Pairs,
    Products,
    describe,
    f1,
    pairs_of,
    search,
    whitened,
    whitening_of,
)
from stored_tables import write_results
from whitening import NUM_DRAWS, spell

from cv_tf.grouping import calibrate_on, group
from cv_tf.metrics.resampling import NUM_RESAMPLES
from cv_tf.models import Whitening
from cv_tf.training import sample_styles

RESULTS = Path(__file__).parent / "results" / "adaptation.md"
SIZES = (50, 100, 200, 300, 700)


class Measured(NamedTuple):
    """One way of whitening a sample: its search, and groups at two thresholds."""

    found: Found
    guessed: Pairs
    best: Pairs


def main() -> None:
    """Measures every catalogue and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True)
    parser.add_argument("--catalogs", nargs="+", required=True)
    parser.add_argument("--cache_dir", default="")
    arguments = parser.parse_args()
    command = f"--source {arguments.source} --catalogs {' '.join(arguments.catalogs)}"
    text = [
        "# What it is worth to adapt an Embedder",
        f"`python benchmarks/adaptation.py {command}` on {platform.machine()}, Python "
        f"{platform.python_version()}. The untrained network, whitened without labels "
        f"by the photos of {Path(arguments.source).parent.name} (source), or by those "
        "that are searched and grouped (adapted). Recall@1 / mAP@R in block by the "
        "vectors alone, and F1 of the groups that `python -m cv_tf.group` finds "
        "without labels, and at the best threshold. Samples are of whole styles, means "
        "of three draws; gains have a 95% interval (bootstrap over styles).",
    ]
    source = whitening_of(describe(arguments.source, arguments.cache_dir))
    for path in arguments.catalogs:
        products = describe(path, arguments.cache_dir)
        text += [f"## {Path(path).parent.name}", table(products, source)]
    write_results(RESULTS, "\n\n".join(text) + "\n")
    print("\n\n".join(text))


def table(products: Products, source: Whitening) -> str:
    """A row for each number of products."""
    head = "| photos | source | adapted | F1, source | F1, adapted | gain |"
    head += " best F1, source | best F1, adapted | gain |"
    lines = [head, "|" + " ---: |" * 9]
    num_products = len(products.catalog)
    for size in [size for size in SIZES if size < num_products] + [num_products]:
        drawn = [np.arange(num_products)]
        if size < num_products:
            styles = products.catalog.style
            drawn = [sample_styles(styles, size, seed) for seed in range(NUM_DRAWS)]
        samples = [products.select(rows) for rows in drawn]
        theirs = [measure(sample, source) for sample in samples]
        ours = [measure(sample, whitening_of(sample)) for sample in samples]
        cells = [spell([it.found for it in theirs]), spell([it.found for it in ours])]
        for name in ("guessed", "best"):
            before = [getattr(it, name) for it in theirs]
            after = [getattr(it, name) for it in ours]
            cells += [f"{np.mean([f1(it) for it in of]):.3f}" for of in (before, after)]
            cells.append(gain(before, after))
        lines.append(f"| {size:,} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def measure(products: Products, whitening: Whitening) -> Measured:
    """Searches and groups products whose descriptors are whitened."""
    embeddings = whitened(products.described, whitening)
    styles = embeddings.known_style
    best = calibrate_on(embeddings)
    at_best = group(embeddings, best.threshold, model=best.model)
    return Measured(
        search(embeddings),
        pairs_of(styles, group(embeddings)),
        pairs_of(styles, at_best),
    )


def gain(before: Sequence[Pairs], after: Sequence[Pairs]) -> str:
    """The mean gain of F1, and what 95% of resamplings of styles have."""
    random = np.random.default_rng(0)
    gains = np.zeros(NUM_RESAMPLES)
    for old, new in zip(before, after, strict=True):
        num_styles = len(old.right)
        weight = random.multinomial(
            num_styles, np.full(num_styles, 1 / num_styles), size=NUM_RESAMPLES
        )
        scores = [
            2 * weight @ of.right / np.maximum(weight @ (of.grouped + of.true), 1)
            for of in (old, new)
        ]
        gains += (scores[1] - scores[0]) / len(before)
    mean = np.mean([f1(new) - f1(old) for old, new in zip(before, after, strict=True)])
    low, high = np.quantile(gains, [0.025, 0.975])
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
