"""Products as parallel columns, as the script of a page reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cv_tf.catalog.table import number_styles


class Styles(NamedTuple):
    """The known truth about n products.

    Attributes:
      number: `[n]` integers; -1 where unknown.
      names: Of the styles, by number.
    """

    number: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def of(cls, product_id: np.ndarray, labels: Mapping[str, str]) -> Styles | None:
        """The styles of products; None where no two of them are known to share one.

        Args:
          product_id: `[n]` object (str).
          labels: Products, these or others, to their styles; "" where unknown.
        """
        styles = [labels.get(product, "") for product in product_id]
        names = tuple(sorted(set(styles) - {""}))
        if len(names) == sum(style != "" for style in styles):
            return None
        return cls(number_styles(styles), names)


def product_columns(
    product_id: np.ndarray, color: np.ndarray | None, styles: np.ndarray | None
) -> dict[str, Any]:
    """What is said of each product on every page.

    Args:
      product_id: `[n]` object (str).
      color: `[n]` object (str); None if unknown.
      styles: `[n]` integers, -1 where unknown; None if none is known.
    """
    columns: dict[str, Any] = {"id": product_id.tolist()}
    if color is not None:
        columns["color"] = color.tolist()
    if styles is not None:
        columns["style"] = styles.tolist()
    return columns


def blocks_to_tell(block_names: Sequence[str]) -> list[str]:
    """The names of blocks; none where all products are in one, which is no news."""
    return [] if tuple(block_names) == ("all",) else list(block_names)


def thousandths(values: np.ndarray) -> list[int]:
    """Shares and similarities as a page holds them: short, and precise enough."""
    return np.round(np.asarray(values, np.float64) * 1000).astype(np.int64).tolist()
