"""The results of a search as aligned text, CSV, JSON and a page."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cv_tf.atomic import write_json
from cv_tf.catalog import write_rows
from cv_tf.embeddings import Embeddings
from cv_tf.report.page import write_page
from cv_tf.report.thumbnails import thumbnails
from cv_tf.retrieval import same_color

_DIGITS = 6  # As many as a float32 has.
# Columns that are aligned to the right.
_RIGHT = ("rank", "similarity", "score", "same_color")
_COLUMNS = (
    *("query", "rank", "product_id", "similarity", "score", "same_color"),
    *("block", "color", "image"),
)


class Product(NamedTuple):
    """A product in a report; "" for what is not known."""

    product_id: str  # "" for a photo that is no product of the file.
    image: str = ""  # Path or URI.
    block: str = ""
    color: str = ""

    @property
    def name(self) -> str:
        """The product_id, or else the photo's path."""
        return self.product_id or self.image

    @classmethod
    def of_row(cls, embeddings: Embeddings, row: int) -> Product:
        """The product in a row of a file of embeddings."""
        # Without blocks, all products are in one of this name, which is not shown.
        in_blocks = embeddings.block_names != ("all",)
        return cls(
            product_id=embeddings.product_id[row],
            image=embeddings.image[row],
            block=embeddings.block_names[embeddings.block[row]] if in_blocks else "",
            color="" if embeddings.color is None else embeddings.color[row],
        )


class Neighbor(NamedTuple):
    """A product that was found."""

    product: Product
    similarity: float  # To the query, -1 to 1.
    same_color: float | None = None  # Similarity of the colors, 0 to 1.
    score: float | None = None  # What it is ranked by.


class SearchResult(NamedTuple):
    """A query, and its neighbors, the highest score first."""

    query: Product
    neighbors: tuple[Neighbor, ...]

    @classmethod
    def of_rows(
        cls,
        query: Product,
        embeddings: Embeddings,
        rows: np.ndarray,
        similarities: np.ndarray,
        scores: np.ndarray,
        lab: np.ndarray | None = None,
    ) -> SearchResult:
        """A result from rows, [k] int, of a file of embeddings, the best first.

        A row is -1 where there is none; similarities and scores are [k] float, and
        `lab` is the query's color in CIELAB, if known.
        """
        same: list[float | None] = [None] * len(rows)
        if lab is not None and embeddings.lab is not None:
            colors = embeddings.lab[rows]
            unknown = np.isnan(colors + lab).any(axis=1)
            shares = same_color(lab, colors).tolist()
            same = [None if u else s for u, s in zip(unknown, shares, strict=True)]
        found = tuple(
            Neighbor(Product.of_row(embeddings, row), similarity, share, score)
            for row, similarity, score, share in zip(
                rows, similarities.tolist(), scores.tolist(), same, strict=True
            )
            if row >= 0
        )
        return cls(query, found)


def format_results(
    results: Sequence[SearchResult], has_other_blocks: bool = True
) -> str:
    """Lays results out for a terminal: a heading and an aligned table each.

    Columns that are empty for all neighbors are left out. The end has no newline.

    Args:
      results: Queries and what was found.
      has_other_blocks: Whether there are products that were not searched.
    """
    return "\n\n".join(_format_result(one, has_other_blocks) for one in results)


def _format_result(result: SearchResult, has_other_blocks: bool) -> str:
    query = result.query
    known = ", ".join(filter(None, (query.block, query.color)))
    heading = _printable(query.name + (f" ({known})" if known else ""))
    if not result.neighbors:
        advice = " --within_block=false compares with those of all blocks."
        return (
            f"{heading}: there is no other product to compare it with."
            f"{advice if has_other_blocks else ''}"
        )
    rows = [
        {
            "rank": str(rank),
            "product_id": _printable(product.product_id),
            "similarity": f"{similarity:.3f}",
            "score": "" if score is None else f"{score:.3f}",
            "same_color": "" if same_color is None else f"{same_color:.2f}",
            "block": _printable(product.block),
            "color": _printable(product.color),
        }
        for rank, (product, similarity, same_color, score) in enumerate(
            result.neighbors, 1
        )
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
    """The number of terminal cells of a text: East Asian letters take two."""
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _printable(text: str) -> str:
    """The text without characters that move the cursor or break the line."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def write_csv(path: Path, results: Sequence[SearchResult]) -> None:
    """Writes a row a neighbor; the file appears whole.

    Args:
      path: File to write. Its columns are query, rank, product_id, similarity, score,
        same_color, block, color and image; "query" is the product_id, or the path of a
        photo.
      results: The results; one without neighbors has no row.
    """
    rows = (
        [
            result.query.name,
            rank,
            product.product_id,
            f"{similarity:.{_DIGITS}f}",
            "" if score is None else f"{score:.{_DIGITS}f}",
            "" if same is None else f"{same:.{_DIGITS}f}",
            *(product.block, product.color, product.image),
        ]
        for result in results
        for rank, (product, similarity, same, score) in enumerate(result.neighbors, 1)
    )
    write_rows(path, _COLUMNS, rows)


def write_results_json(path: Path, results: Sequence[SearchResult]) -> None:
    """Writes a list with an object a result; the file appears whole.

    Args:
      path: File to write. Each object has "query", a product, and "neighbors",
        products with a "rank" from 1, a "similarity", a "score" that they are ranked
        by, and a "same_color"; unknown values are null.
      results: The results, in the order in which they are written.
    """
    write_json(path, [_as_json(result) for result in results])


def _as_json(result: SearchResult) -> dict[str, Any]:
    neighbors = [
        {
            "rank": rank,
            "similarity": round(similarity, _DIGITS),
            "score": None if score is None else round(score, _DIGITS),
            "same_color": None if same is None else round(same, _DIGITS),
            **_known(product),
        }
        for rank, (product, similarity, same, score) in enumerate(
            result.neighbors, start=1
        )
    ]
    return {"query": _known(result.query), "neighbors": neighbors}


def _known(product: Product) -> dict[str, str | None]:
    return {name: value or None for name, value in product._asdict().items()}


def write_neighbors_page(
    path: Path, results: Sequence[SearchResult], note: str = ""
) -> None:
    """Writes a page with a row of cards a result: the query, then its neighbors.

    Args:
      path: File to write, which appears whole or not at all.
      results: The results; a photo that cannot be shown is replaced by the reason.
      note: Text at the top, such as where the products come from.
    """
    products = [result.query for result in results]
    products += [found.product for result in results for found in result.neighbors]
    photos = thumbnails(product.image for product in products)
    write_page(path, "neighbors.html.j2", results=results, photos=photos, note=note)
