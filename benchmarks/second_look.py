"""What the size of photos and a second look are worth, on several shops' photos.

    python benchmarks/second_look.py --data=DATA --cache_dir=CACHE

DATA has a folder a catalogue: hm_dev, hm_print, hm_random and myntra_dev, each with its
catalog.csv; those that are not there are left out. The network is untrained. Whitening
is fitted to the photos of the catalogue without labels, of hm_dev to those of its split
`train`. Descriptors are kept in CACHE, so that a second run is quick. Writes
benchmarks/results/second_look.json, and second_look.md beside it.
"""

from __future__ import annotations

import argparse
import functools
import json
import platform
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from labelled import Products, whitened, whitening_of
from shop_measures import Grouping
from shop_vectors import Vectors

from cv_tf.embeddings import Embeddings
from cv_tf.metrics import (
    QueryFigures,
    Resampling,
    Score,
    figures_among_all,
    query_figures,
)

RESULTS = Path(__file__).parent / "results" / "second_look.json"
SIZES = (224, 288)
RANKINGS = {"": "vectors", "_with_color": "color", "_as_searched": "second look"}
FIGURES = {
    "recall_at_1_in_block": "R@1",
    "map_at_r_in_block": "mAP@R",
    "recall_at_5_in_block": "R@5",
}
GROUPS = "groups"
OF_GROUPS = {"f1": "F1, no labels", "best_f1": "F1, best threshold"}
# What all others are compared with.
FORMER = (224, "_with_color")


class Set(NamedTuple):
    """Products that are queries and, where the name says so, those that are searched.

    Attributes:
      title: What the results call it.
      shop: The folder of its catalogue.
      split: The queries' split; "" for all products.
      among_all: Whether the products of all splits are searched.
    """

    title: str
    shop: str
    split: str = ""
    among_all: bool = False


SETS = (
    Set("solid packshots, train", "hm_dev", "train"),
    Set("solid packshots, validation", "hm_dev", "validation"),
    Set("solid packshots, validation among all", "hm_dev", "validation", True),
    Set("prints", "hm_print"),
    Set("second retailer", "myntra_dev"),
    Set("random shelf", "hm_random"),
)


def main() -> None:
    """Measures every set at every size, and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--cache_dir", type=Path, default=Path("runs/shops/cache"))
    arguments = parser.parse_args()
    arguments.cache_dir.mkdir(parents=True, exist_ok=True)
    vectors = Vectors(arguments.data, Path("runs/shops"), arguments.cache_dir)
    rows = [
        row
        for place in SETS
        if vectors.has(place.shop)
        for row in measure(place, vectors)
    ]
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    text = report(rows)
    RESULTS.with_suffix(".md").write_text(text)
    print(text)


def measure(place: Set, vectors: Vectors) -> list[dict[str, Any]]:
    """The figures of a set, a row a size and ranking."""
    scores: dict[tuple[int, str], dict[str, Score]] = {}
    grouped: dict[int, dict[str, Score]] = {}
    for size in SIZES:
        products = vectors.products("untrained", place.shop, size)
        embeddings = embedded(place.shop, size, vectors)
        found, styles = searched(place, products, embeddings)
        resampling = Resampling(styles)
        ending = "_among_all" if place.among_all else ""
        for ranking in RANKINGS:
            names = {name: f"{name}{ranking}{ending}" for name in FIGURES}
            scores[size, ranking] = {
                name: resampling.of_queries(found.values[key], styles[found.rows])
                for name, key in names.items()
                if key in found.values
            }
        grouped[size] = groups(place, products, embeddings)
    rows = []
    for (size, ranking), own in scores.items():
        former = scores[FORMER]
        row = {"set": place.title, "size": size, "ranking": RANKINGS[ranking]}
        row |= {name: score.summary() for name, score in own.items()}
        gains = {name: (own[name] - former[name]).summary() for name in own}
        rows.append(row | {"gains": gains})
    for size, own in grouped.items():
        if not own:
            continue
        row = {"set": place.title, "size": size, "ranking": GROUPS}
        row |= {name: score.summary() for name, score in own.items()}
        former = grouped[FORMER[0]]
        gains = {name: (own[name] - former[name]).summary() for name in own}
        rows.append(row | {"gains": gains})
    return rows


def groups(place: Set, products: Products, embeddings: Embeddings) -> dict[str, Score]:
    """F1 of the groups of a set, at the threshold of no label and at the best one."""
    if place.among_all:
        return {}
    split = products.catalog.split
    if place.split and split is not None:
        embeddings = embeddings.select(np.flatnonzero(split == place.split))
    cut = Grouping(embeddings).cut()
    return {"f1": cut.chosen, "best_f1": cut.best}


@functools.lru_cache(maxsize=2)
def embedded(shop: str, size: int, vectors: Vectors) -> Embeddings:
    """A shop's products with vectors that are whitened without labels."""
    known = products = vectors.products("untrained", shop, size)
    if any(place.split for place in SETS if place.shop == shop):
        known = products.select(np.flatnonzero(products.catalog.split == "train"))
    return whitened(products.described, whitening_of(known))


def searched(
    place: Set, products: Products, embeddings: Embeddings
) -> tuple[QueryFigures, np.ndarray]:
    """The figures of each query, and the styles of the set's products."""
    split = products.catalog.split
    if not place.split or split is None:
        return query_figures(embeddings), embeddings.known_style
    own = embeddings.select(np.flatnonzero(split == place.split))
    if not place.among_all:
        return query_figures(own), own.known_style
    others = embeddings.select(np.flatnonzero(split != place.split))
    return figures_among_all(own, others), own.known_style


def report(rows: list[dict[str, Any]]) -> str:
    """The figures as Markdown, a table a set."""
    lines = [
        "# The size of photos, and a second look",
        "",
        "`python benchmarks/second_look.py --data=DATA --cache_dir=CACHE` on "
        f"{platform.machine()}, Python {platform.python_version()}. Untrained network; "
        "retrieval in block. In brackets: the difference from 224 pixels with color, "
        "and its 95% interval (bootstrap over styles).",
    ]
    for title in dict.fromkeys(row["set"] for row in rows):
        lines += ["", f"## {title}", ""]
        lines += [f"| pixels | ranked by | {' | '.join(FIGURES.values())} |"]
        lines += ["| ---: | --- |" + " ---: |" * len(FIGURES)]
        own = [row for row in rows if row["set"] == title]
        for row in own:
            if row["ranking"] != GROUPS:
                cells = [spelled(row, name) for name in FIGURES]
                lines.append(
                    f"| {row['size']} | {row['ranking']} | {' | '.join(cells)} |"
                )
        of_groups = [row for row in own if "f1" in row]
        if of_groups:
            lines += ["", f"| pixels | {' | '.join(OF_GROUPS.values())} |"]
            lines += ["| ---: |" + " ---: |" * len(OF_GROUPS)]
        for row in of_groups:
            cells = [spelled(row, name) for name in OF_GROUPS]
            lines.append(f"| {row['size']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def spelled(row: dict[str, Any], name: str) -> str:
    """A figure, and its difference from the former one; "-" where there is none."""
    if name not in row:
        return "-"
    gain = row["gains"][name]
    value = f"{row[name]['value']:.3f}"
    if not any(gain.values()):
        return value
    return f"{value} ({gain['value']:+.3f}, {gain['low']:+.3f} to {gain['high']:+.3f})"


if __name__ == "__main__":
    main()
