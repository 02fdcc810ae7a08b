"""Search and groups on every set of products that we have, with vectors of every kind.

    python benchmarks/shops.py --data=DATA --runs=RUNS --cache_dir=CACHE

DATA has a folder a catalogue: hm_dev, hm_print, hm_random and myntra_dev, each with its
catalog.csv; those that are not there are left out, but the drawn set always is there.

RUNS has a workdir a catalogue, of the same name, of contrast on its own photos without
any label: `python -m cv_tf.train --flagfile=configs/hm_cvssl.cfg --embed_size=224
--baselines=false --probe_every=0` on a copy of the table with the columns product_id,
image and category alone, so that nothing is held out. For the drawn set the recipe is
configs/drawn_contrast.cfg, which learns from its split `train`. Missing runs are
trained with --train; without it, their columns are empty.

Whitening is always fitted again, by the package as it is, to all photos of a catalogue
(its own, or another shop's) without labels. So the run of all of hm_dev, and whitening
on all of its photos, count as its own for the split `validation`, too. Descriptors are
kept in CACHE, so that a second run is quick. Writes benchmarks/results/shops.json, with
all figures and their intervals, as they are measured, and shops.md beside it. Kinds of
vectors that are left out (--ways) keep the figures of shops.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from labelled import people_of
from shop_measures import NUM_DRAWS, measure
from shop_tables import report
from shop_vectors import DRAWN, Shop, Vectors, Way

from cv_tf.catalog import Catalog

RESULTS = Path(__file__).parent / "results" / "shops.json"
WAYS = (
    Way("untrained, whitened on another shop", "untrained", "other"),
    Way("untrained, whitened on the own photos", "untrained", "own"),
    Way("contrast on the own photos", "own", "own"),
    Way("contrast on another shop", "other", "other"),
    Way("contrast on another shop, whitened on the own photos", "other", "own"),
)
# Ways whose answers are tried: that without any training, and the recipe.
WITH_ANSWERS = (WAYS[1], WAYS[2])


class Set(NamedTuple):
    """Products that are searched and grouped.

    Attributes:
      title: What the results call it.
      shop: The shop that they are of.
      searched: "all" products, or those of "validation" or on "people".
      asked: Products whose variants are searched for: the same words.
    """

    title: str
    shop: Shop
    searched: str = "all"
    asked: str = "all"


HM, PRINT, RANDOM = (Shop(n, "myntra_dev") for n in ("hm_dev", "hm_print", "hm_random"))
MYNTRA, DRAWN_SET = Shop("myntra_dev", "hm_dev"), Shop(DRAWN, "hm_dev")
SETS = (
    Set("hm_dev, validation", HM, searched="validation"),
    Set("hm_dev, validation among all", HM, asked="validation"),
    Set("hm_print", PRINT),
    Set("myntra_dev", MYNTRA),
    Set("myntra_dev, on people", MYNTRA, searched="people"),
    Set("hm_random", RANDOM),
    Set("drawn, validation", DRAWN_SET, searched="validation"),
)


def main() -> None:
    """Measures every set with every kind of vectors, and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--runs", type=Path, default=Path("runs/shops"))
    parser.add_argument("--cache_dir", type=Path, default=Path("runs/shops/cache"))
    parser.add_argument("--train", action="store_true", help="missing runs")
    parser.add_argument("--draws", type=int, default=NUM_DRAWS, help="of questions")
    parser.add_argument(
        "--ways", type=int, nargs="+", default=[1, 2, 3, 4, 5], help="kinds of vectors"
    )
    arguments = parser.parse_args()
    arguments.cache_dir.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    vectors = Vectors(
        arguments.data, arguments.runs, arguments.cache_dir, arguments.train
    )
    ways = [WAYS[number - 1] for number in arguments.ways]
    results = kept(ways)
    for place in SETS:
        if vectors.has(place.shop.name):
            for found in measure_set(place, ways, vectors, arguments.draws):
                results.append(found)
                RESULTS.write_text(json.dumps(ordered(results), indent=1) + "\n")
    text = write_page(ordered(results))
    print(text, f"{(time.perf_counter() - began) / 60:.0f} minutes", sep="\n")


def write_page(results: list[dict[str, Any]]) -> str:
    """Writes the tables and the goals; returns them."""
    text = report(
        results,
        "`python benchmarks/shops.py --data=DATA --runs=RUNS --cache_dir=CACHE` on "
        f"{platform.machine()}, Python {platform.python_version()}.",
    )
    RESULTS.with_suffix(".md").write_text(text)
    return text


def kept(ways: list[Way]) -> list[dict[str, Any]]:
    """The figures that were measured before, but for those of some ways."""
    titles = {way.title for way in ways}
    measured = json.loads(RESULTS.read_text()) if RESULTS.is_file() else []
    return [result for result in measured if result["vectors"] not in titles]


def ordered(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The figures in the order of the ways and the sets."""
    ways = [way.title for way in WAYS]
    sets = [place.title for place in SETS]
    return sorted(
        results, key=lambda of: (ways.index(of["vectors"]), sets.index(of["set"]))
    )


def measure_set(
    place: Set, ways: list[Way], vectors: Vectors, num_draws: int
) -> Iterator[dict[str, Any]]:
    """The figures of a set with each kind of vectors that can be made."""
    catalog = vectors.catalog(place.shop.name)
    searched, asked = (
        chosen(kind, catalog, vectors.table(place.shop.name))
        for kind in (place.searched, place.asked)
    )
    for way in ways:
        began = time.perf_counter()
        embeddings = vectors.embeddings(place.shop, way)
        if embeddings is None:
            continue
        figures = measure(
            embeddings.select(searched), asked[searched], num_draws, way in WITH_ANSWERS
        )
        seconds = time.perf_counter() - began
        print(
            f"{place.title}; {way.title}: recall@1 "
            f"{figures['recall_at_1_auto']['value']:.3f}, best F1 "
            f"{figures['best_f1_auto']['value']:.3f}, F1 "
            f"{figures['f1_0']['value']:.3f}; {seconds:.0f} s",
            flush=True,
        )
        yield {"set": place.title, "vectors": way.title, **figures}


def chosen(kind: str, catalog: Catalog, table: Path) -> np.ndarray:
    """Which products of a catalog are of a kind, [n] bool."""
    if kind == "people":
        return people_of(str(table), catalog)
    if kind == "validation":
        return catalog.split == "validation"
    return np.ones(len(catalog), bool)


if __name__ == "__main__":
    main()
