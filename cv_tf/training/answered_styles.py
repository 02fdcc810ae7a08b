"""Styles to learn from, as people's answers tell them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from absl import logging

from cv_tf.answers import read_said
from cv_tf.catalog import Catalog
from cv_tf.errors import UserError
from cv_tf.grouping import Answers, components, match_answers


class AnsweredStyles(NamedTuple):
    """What answers say of the products to learn from.

    Attributes:
      styles: [n] int32, style of each product; -1 where it is not known.
      different: [m, 2] int64, rows of two products that are not one design.
      num_same: Number of answered pairs that are one design.
      num_answered: Number of products that answers are about.
      files: The files that they were read from.
    """

    styles: np.ndarray
    different: np.ndarray
    num_same: int
    num_answered: int
    files: tuple[str, ...]

    def figures(self) -> dict[str, int]:
        """Numbers for `metrics.json`."""
        return {
            "num_same": self.num_same,
            "num_different": len(self.different),
            "num_products": self.num_answered,
        }


def read_answered_styles(
    paths: Sequence[str], catalog: Catalog, rows: np.ndarray
) -> AnsweredStyles:
    """Reads answers, and the styles that they tell of the products to learn from.

    Answers about other products, such as those to report on, are not looked at.

    Args:
      paths: Files of answers, as for `cv_tf.answers.read_said`.
      catalog: All products.
      rows: [n] int, rows of the products to learn from.

    Raises:
      AnswersError: If a file cannot be used.
      GroupsError: If none of its products is in the catalogue, or no answer holds.
      UserError: If no answer is about two products to learn from.
    """
    source = " and ".join(paths)
    row_of = {product: row for row, product in enumerate(catalog.product_id.tolist())}
    answers = match_answers(read_said(*paths), row_of, source, catalog.name)
    place = np.full(len(catalog), -1)
    place[rows] = np.arange(len(rows))
    pairs = place[np.stack([answers.first, answers.second], axis=1)]
    learned = (pairs >= 0).all(axis=1)
    if not learned.any():
        raise UserError(
            f"{source}: no answer is about two products to learn from. Those to report "
            "on teach nothing: answer questions about others, or name others in the "
            "column 'split'."
        )
    pairs, same = pairs[learned], answers.same[learned]
    before = catalog.style[rows]
    styles = styles_of(before, Answers(pairs[:, 0], pairs[:, 1], same))
    num_other = _num_contradicted(before, pairs, same)
    if num_other:
        logging.warning(
            "%s: %d of %d answers contradict the style_id of %s. The answers count.",
            *(source, num_other, len(same), catalog.name),
        )
    num_answered = len(np.unique(pairs))
    num_same = int(same.sum())
    return AnsweredStyles(styles, pairs[~same], num_same, num_answered, tuple(paths))


def _num_contradicted(before: np.ndarray, pairs: np.ndarray, same: np.ndarray) -> int:
    """Number of answers that say otherwise than known styles, [n] int."""
    first, second = before[pairs.T]
    known = (first >= 0) & (second >= 0)
    return int((known & ((first == second) != same)).sum())


def styles_of(styles: np.ndarray, answers: Answers) -> np.ndarray:
    """Styles that agree with answers, and elsewhere with known styles.

    Products that are linked by yes are one style, with all of their known styles; one
    that is said to be different from others, and linked to none, is a style of its own.
    Where a no parts two products that known styles make one, those products and what
    they are linked to by yes leave their known styles.

    Args:
      styles: [n] int, known styles; -1 where unknown.
      answers: Pairs of rows, without contradictions among each other.

    Returns:
      [n] int32, styles numbered anew from 0; -1 where unknown.
    """
    styles = np.asarray(styles)
    pairs = np.stack([answers.first, answers.second], axis=1)
    yes, no = pairs[answers.same], pairs[~answers.same]
    design = components(len(styles), yes)
    # A link from each product to the node of its known style, behind all products.
    known = np.flatnonzero(styles >= 0)
    links = np.stack([known, len(styles) + styles[known]], axis=1)
    size = len(styles) + styles.max(initial=-1) + 1
    joined = components(size, np.concatenate([yes, links]))
    parted = no[joined[no[:, 0]] == joined[no[:, 1]]]
    leaves = np.isin(design, design[parted])
    links = links[~leaves[known]]
    found = components(size, np.concatenate([yes, links]))[: len(styles)]
    is_known = styles >= 0
    is_known[pairs] = True
    numbers = np.full(len(styles), -1, np.int32)
    numbers[is_known] = np.unique(found[is_known], return_inverse=True)[1]
    return numbers
