"""Nearest products as a page with photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cv_tf.report.answers import Answer
from cv_tf.report.page import write_page
from cv_tf.report.thumbnails import thumbnails


def write_neighbors_page(path: Path, answers: Sequence[Answer], note: str = "") -> None:
    """Writes a page with a row of cards an answer: the query, then its neighbors.

    Args:
      path: Of the file, which appears whole or not at all.
      answers: In the order in which they are shown. A photo that cannot be shown is
        replaced by the reason.
      note: Where the products come from, said at the top.
    """
    products = [answer.query for answer in answers]
    products += [found.product for answer in answers for found in answer.neighbors]
    photos = thumbnails(product.image for product in products)
    write_page(path, "neighbors.html.j2", answers=answers, photos=photos, note=note)
