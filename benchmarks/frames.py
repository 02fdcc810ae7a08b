"""What the product's frame brings, and what it costs where it is a person.

    python benchmarks/frames.py --catalogs myntra_dev/catalog.csv hm_dev/catalog.csv

Vectors are those of the untrained network by parts (224 pixels), whitened without
labels by the photos that are searched. They are made of the whole photos
(`--frame=photo`), of the frames that are found (`--frame=auto`), and of a band of the
frame of a person, which is chosen by the kind of garment. Which photos show people says
the column `on_model` (1 or 0); a table without it has none. Writes
benchmarks/results/frames.md and .json.
"""

from __future__ import annotations

import argparse
import dataclasses
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from labelled import (
    Found,
    describe_products,
    gain,
    people_of,
    search,
    whitened,
    whitening_of,
)
from stored_tables import write_results

from cv_tf.catalog import Catalog, read_products
from cv_tf.config import Config
from cv_tf.metrics.retrieval import count_variants
from cv_tf.pipeline import scan_photos
from cv_tf.pipeline.frame_outcomes import OUTCOMES
from cv_tf.pipeline.scan import scan
from cv_tf.pipeline.scan_cache import ScanCache
from cv_tf.training import sample_styles

RESULTS = Path(__file__).parent / "results" / "frames.md"
FEW_QUERIES = 12  # Categories with fewer queries have no row.
MOST_ROWS = 10  # Categories of a kind of photos, those with most products.

UPPER = "Innerwear Vests,Jackets,Kurtas,Kurtis,Shirts,Sweaters,Sweatshirts,Tops,Tshirts"
LOWER = "Churidar,Jeans,Leggings,Lounge Shorts,Shorts,Track Pants,Trousers"
# First and last line of a garment in the frame of a person, as fractions of its height.
# They were read off ten photos of a kind; no others were tried.
BANDS = {
    **dict.fromkeys(UPPER.split(","), (0.18, 0.88)),
    **dict.fromkeys(LOWER.split(","), (0.08, 1.0)),
    **dict.fromkeys(("Briefs", "Trunk"), (0.4, 0.9)),
}


class Ways(NamedTuple):
    """Results of the search by the vectors of three ways to frame photos."""

    photo: Found
    frame: Found
    band: Found

    def select(self, rows: np.ndarray) -> Ways:
        """The results for some of the queries, [q] bool."""
        return Ways(*(Found(*(column[rows] for column in way)) for way in self))


def main() -> None:
    """Measures every catalogue and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalogs", nargs="+", required=True)
    parser.add_argument("--most_products", type=int, default=1300)
    parser.add_argument("--cache_dir", default="")
    arguments = parser.parse_args()
    catalogs = " ".join(arguments.catalogs)
    text = [
        "# What the product's frame brings, and what it costs",
        f"`python benchmarks/frames.py --catalogs {catalogs}` on {platform.machine()}, "
        f"Python {platform.python_version()}. The untrained network by parts (224 "
        "pixels), whitened without labels by the photos that are searched; of more "
        f"than {arguments.most_products:,} products, whole styles are drawn. Recall@1 "
        "/ mAP@R in block by the vectors alone: of the whole photos (`--frame=photo`), "
        "of the frames that are found (`--frame=auto`), and on people also of a band "
        "of the frame, by the kind of garment: upper body, 18% to 88% of its height; "
        "legs, 8% to 100%; briefs and trunks, 40% to 90%. Gains are of recall@1 and of "
        "mAP@R, with 95% intervals (bootstrap over styles).",
    ]
    for path in arguments.catalogs:
        text += measure(path, arguments.most_products, arguments.cache_dir)
    write_results(RESULTS, "\n\n".join(text) + "\n")
    print("\n\n".join(text))


def measure(path: str, most: int, cache_dir: str) -> list[str]:
    """The tables of a catalogue, as Markdown."""
    config = Config(catalog=path, image_size=224, cache_dir=cache_dir)
    catalog = read_products(config)
    on_people = people_of(path, catalog)
    text = [f"## {Path(path).parent.name}", outcomes(catalog, on_people, cache_dir)]
    if len(catalog) > most:
        rows = sample_styles(catalog.style, most, seed=0)
        catalog, on_people = catalog.select(rows), on_people[rows]
    photo, frame = (search_framed(catalog, config, how) for how in ("photo", "auto"))
    ways = Ways(photo, frame, frame)
    if on_people.any():
        bands = banded(catalog, on_people, cache_dir)
        ways = Ways(photo, frame, search_framed(bands, config, "auto"))
    text.append(gains_table(catalog, on_people, ways))
    return text + ([levels_table(catalog, on_people, ways)] if on_people.any() else [])


def outcomes(catalog: Catalog, on_people: np.ndarray, cache_dir: str) -> str:
    """How many frames had each outcome."""
    found = scan_photos(catalog, 224, cache_dir=cache_dir or None).outcomes
    kinds = {"flat": ~on_people, "on people": on_people}
    kinds = {name: where for name, where in kinds.items() if where.any()}
    head = f"| frame | {' | '.join(kinds)} |"
    lines = [head, "| --- |" + " ---: |" * len(kinds)]
    for outcome in ("found", "cut", "implausible", "declined"):
        numbers = [(found[where] == outcome).sum() for where in kinds.values()]
        cells = [f"{outcome}: {OUTCOMES[outcome]}", *(f"{n:,}" for n in numbers)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def gains_table(catalog: Catalog, on_people: np.ndarray, ways: Ways) -> str:
    """What the frame brings, and what a band of it does."""
    head = "| photos | products | queries | whole photo | frame | gain of recall@1 "
    lines = [
        f"{head}| gain of mAP@R | band | its gain of recall@1 | its gain of mAP@R |",
        "|" + " --- |" + " ---: |" * 9,
    ]
    queries = np.flatnonzero(count_variants(catalog.style))
    for name, members in kinds_of(catalog, on_people, queries):
        found = ways.select(members[queries])
        cells = [name, f"{members.sum():,}", f"{len(found.photo.first):,}"]
        cells += [spell(found.photo), spell(found.frame)]
        cells += gains(found.frame, found.photo)
        if (members & on_people).any():
            cells += [spell(found.band), *gains(found.band, found.frame)]
        lines.append(f"| {' | '.join(cells + [''] * (10 - len(cells)))} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def kinds_of(
    catalog: Catalog, on_people: np.ndarray, queries: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """Names of kinds of photos, and which products are of them, [n] bool."""
    num_blocks = len(catalog.block_names)
    yield "**all**", np.ones(len(catalog), bool)
    for shown, where in (("on people", on_people), ("flat", ~on_people)):
        if on_people.any():
            yield f"**{shown}**", where
        asked = queries[where[queries]]
        num_queries = np.bincount(catalog.block[asked], minlength=num_blocks)
        largest = np.argsort(-num_queries, kind="stable")[:MOST_ROWS]
        for block in largest[num_queries[largest] >= FEW_QUERIES]:
            name = f"{catalog.block_names[block]}, {shown}"
            yield name, where & (catalog.block == block)


def levels_table(catalog: Catalog, on_people: np.ndarray, ways: Ways) -> str:
    """Photos of people beside those that show products alone."""
    queries = np.flatnonzero(count_variants(catalog.style))
    head = "| photos | whole photo | frame | band |"
    lines = [head, "| --- |" + " ---: |" * 3]
    for shown, where in (("on people", on_people), ("flat", ~on_people)):
        found = ways.select(where[queries])
        for figure in ("first", "precision"):
            cells = [
                interval(getattr(way, figure), way.styles).lstrip("+")
                for way in (found.photo, found.frame, found.band)
            ]
            cells = [cell.replace("(+", "(").replace("to +", "to ") for cell in cells]
            name = {"first": "recall@1", "precision": "mAP@R"}[figure]
            lines.append(f"| {shown}, {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def search_framed(catalog: Catalog, config: Config, frame: str) -> Found:
    """Embeds, whitens and searches products whose photos are framed in one way."""
    products = describe_products(catalog, dataclasses.replace(config, frame=frame))
    return search(whitened(products.described, whitening_of(products)))


def banded(catalog: Catalog, on_people: np.ndarray, cache_dir: str) -> Catalog:
    """The catalogue with boxes that are bands of the frames found on people."""
    box = np.full((len(catalog), 4), np.nan)
    scanned = scan(catalog, ScanCache(catalog, cache_dir or None))
    for row in np.flatnonzero(on_people):
        band = BANDS.get(catalog.block_names[catalog.block[row]])
        if band is None:
            continue
        photo = scanned[row]
        top, left, height, width = photo.frame
        box[row, [0, 2]] = np.array([left, width]) * photo.width
        first, last = (top + place * height for place in band)
        box[row, [1, 3]] = np.array([first, last - first]) * photo.height
    return dataclasses.replace(catalog, box=box)


def spell(found: Found) -> str:
    """Recall@1 and mAP@R."""
    return f"{found.first.mean():.3f} / {found.precision.mean():.3f}"


def gains(ours: Found, theirs: Found) -> list[str]:
    """The differences of recall@1 and of mAP@R, with intervals."""
    first = ours.first.astype(float) - theirs.first
    precision = ours.precision - theirs.precision
    return [interval(first, ours.styles), interval(precision, ours.styles)]


def interval(values: np.ndarray, styles: np.ndarray) -> str:
    """The mean of [q] values, and what 95% of resamplings of their styles have."""
    _, style = np.unique(styles, return_inverse=True)
    return gain(np.bincount(style, values), np.bincount(style))


if __name__ == "__main__":
    main()
