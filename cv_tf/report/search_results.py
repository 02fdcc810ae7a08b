"""Nearest products as aligned text, as CSV and as JSON."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cv_tf.embeddings import Embeddings
from cv_tf.files import whole_file, write_json
from cv_tf.report.page import write_page
from cv_tf.report.thumbnails import thumbnails
from cv_tf.retrieval import same_color


class Product(NamedTuple):
    """What a report says of a product; "" for what is not known.

    Attributes:
      product_id: "" for a photo that is no product of the file.
      image: Path or URI of the photo.
      block: Name of its block.
      color: For people to read.
    """

    product_id: str
    image: str = ""
    block: str = ""
    color: str = ""

    @property
    def name(self) -> str:
        """The product_id, or else the photo's path."""
        return self.product_id or self.image

    @classmethod
    def of_row(cls, embeddings: Embeddings, row: int) -> Product:
        """The product in a row of a file of embeddings."""
        # Products that are all compared are in one block of this name: no news.
        in_blocks = embeddings.block_names != ("all",)
        return cls(
            product_id=embeddings.product_id[row],
            image=embeddings.image[row],
            block=embeddings.block_names[embeddings.block[row]] if in_blocks else "",
            color="" if embeddings.color is None else embeddings.color[row],
        )


class Neighbor(NamedTuple):
    """A product that was found.

    Attributes:
      product: Which.
      similarity: To what was asked about, 1 at most.
      same_color: How much the two are of one color, 0 to 1; None if unknown.
    """

    product: Product
    similarity: float
    same_color: float | None = None


class SearchResult(NamedTuple):
    """What was asked about, and what is nearest to it, the most alike first."""

    query: Product
    neighbors: tuple[Neighbor, ...]

    @classmethod
    def of_rows(
        cls,
        query: Product,
        embeddings: Embeddings,
        rows: np.ndarray,
        similarities: np.ndarray,
        lab: np.ndarray | None = None,
    ) -> SearchResult:
        """A result from rows of a file of embeddings.

        Args:
          query: What was asked about.
          embeddings: What was searched.
          rows: `[k]` what was found there, the most alike first; -1 is a place left
            empty.
          similarities: `[k]` of these.
          lab: `[3]` the query's color in CIELAB; None if unknown.
        """
        same: list[float | None] = [None] * len(rows)
        if lab is not None and embeddings.lab is not None:
            colors = embeddings.lab[rows]
            unknown = np.isnan(colors + lab).any(axis=1)
            shares = same_color(lab, colors).tolist()
            same = [None if u else s for u, s in zip(unknown, shares, strict=True)]
        places = zip(rows, similarities.tolist(), same, strict=True)
        return cls(
            query,
            tuple(
                Neighbor(Product.of_row(embeddings, row), *alike)
                for row, *alike in places
                if row >= 0
            ),
        )


_DIGITS = 6  # As many as a float32 has.
_RIGHT = ("rank", "similarity", "same_color")
_COLUMNS = (
    *("query", "rank", "product_id", "similarity", "same_color"),
    *("block", "color", "image"),
)


def format_results(results: Sequence[SearchResult]) -> str:
    """Lays results out for a terminal: a heading and an aligned table each.

    Args:
      results: Columns that are known of none of a result's products are left out.

    Returns:
      The tables, without a newline at the end.
    """
    return "\n\n".join(map(_format_result, results))


def _format_result(result: SearchResult) -> str:
    query = result.query
    known = ", ".join(filter(None, (query.block, query.color)))
    heading = _printable(query.name + (f" ({known})" if known else ""))
    if not result.neighbors:
        return (
            f"{heading}: there is no other product to compare it with. "
            "--within_block=false compares with those of all blocks."
        )
    rows = [
        {
            "rank": str(rank),
            "product_id": _printable(product.product_id),
            "similarity": f"{similarity:.3f}",
            "same_color": "" if same_color is None else f"{same_color:.2f}",
            "block": _printable(product.block),
            "color": _printable(product.color),
        }
        for rank, (product, similarity, same_color) in enumerate(result.neighbors, 1)
    ]
    titles = [title for title in rows[0] if any(row[title] for row in rows)]
    lines = [titles, *([row[title] for title in titles] for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    table = ("  ".join(map(_pad, line, widths, titles)).rstrip() for line in lines)
    return "\n".join([f"Nearest to {heading}:", *table])


def _pad(text: str, width: int, title: str) -> str:
    spaces = " " * (width - _width(text))
    return spaces + text if title in _RIGHT else text + spaces


def _width(text: str) -> int:
    """The cells that a terminal takes for a text: East Asian letters take two."""
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _printable(text: str) -> str:
    """The text without what would move the cursor or break the line."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def write_csv(path: Path, results: Sequence[SearchResult]) -> None:
    """Writes a row a neighbor; the file appears whole.

    Args:
      path: Of the file. Its columns are query, rank, product_id, similarity,
        same_color, block, color and image; "query" is the product_id, or the path of a
        photo.
      results: One without neighbors has no row.
    """
    with (
        whole_file(path) as unfinished,
        # A path whose name is no text must not cost the rest of the file.
        unfinished.open("w", newline="", encoding="utf-8", errors="replace") as file,
    ):
        writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        for result in results:
            for rank, (product, similarity, same) in enumerate(result.neighbors, 1):
                row = {"query": result.query.name, "rank": rank, **product._asdict()}
                row["similarity"] = f"{similarity:.{_DIGITS}f}"
                row["same_color"] = "" if same is None else f"{same:.{_DIGITS}f}"
                writer.writerow(row)


def write_results_json(path: Path, results: Sequence[SearchResult]) -> None:
    """Writes a list with an object a result; the file appears whole.

    Args:
      path: Of the file. Each object has "query", a product, and "neighbors", products
        with a "rank" from 1, a "similarity" and a "same_color"; what is not known is
        null.
      results: In the order in which they are written.
    """
    write_json(
        path,
        [
            {
                "query": _known(result.query._asdict()),
                "neighbors": [
                    {
                        "rank": rank,
                        "similarity": round(similarity, _DIGITS),
                        "same_color": None if same is None else round(same, _DIGITS),
                        **_known(product._asdict()),
                    }
                    for rank, (product, similarity, same) in enumerate(
                        result.neighbors, start=1
                    )
                ],
            }
            for result in results
        ],
    )


def _known(fields: dict[str, str]) -> dict[str, str | None]:
    return {name: value or None for name, value in fields.items()}


def write_neighbors_page(
    path: Path, results: Sequence[SearchResult], note: str = ""
) -> None:
    """Writes a page with a row of cards a result: the query, then its neighbors.

    Args:
      path: Of the file, which appears whole or not at all.
      results: In the order in which they are shown. A photo that cannot be shown is
        replaced by the reason.
      note: Where the products come from, said at the top.
    """
    products = [result.query for result in results]
    products += [found.product for result in results for found in result.neighbors]
    photos = thumbnails(product.image for product in products)
    write_page(path, "neighbors.html.j2", results=results, photos=photos, note=note)
