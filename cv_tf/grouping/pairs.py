"""Pairs of labelled products that are grouped, merge by merge."""

from __future__ import annotations

import numpy as np

from cv_tf.grouping.dendrograms import Dendrograms


def count_pairs(
    dendrograms: Dendrograms, styles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Counts the pairs grouped rightly and wrongly after each merge.

    Args:
      dendrograms: The merges, in their order.
      styles: `[dendrograms.num_products]` integers, the true styles; pairs with a
        product of style -1 (unknown) are not counted.

    Returns:
      Two `[num_merges + 1]` int64 arrays, from before the first merge to after the
      last: pairs in one group of the same style, and of different styles.

    Raises:
      ValueError: If `styles` does not fit the dendrograms.
    """
    styles = np.asarray(styles)
    if styles.shape != (dendrograms.num_products,):
        raise ValueError(
            f"Styles have shape {styles.shape}; expected "
            f"({dendrograms.num_products},), one style for each linked product. Pass "
            "the styles of the same rows in the same order."
        )
    # How many products of each style a group has, under the group's lowest row.
    members = [{style: 1} if style >= 0 else {} for style in styles.tolist()]
    num_members = [len(group) for group in members]
    right = np.zeros(len(dendrograms.merges) + 1, np.int64)
    total = np.zeros_like(right)
    for step, (first, second) in enumerate(dendrograms.merges.tolist(), start=1):
        total[step] = num_members[first] * num_members[second]
        num_members[first] += num_members[second]
        large, small = members[first], members[second]
        # The smaller is poured into the larger: O(n log n) moves in all.
        if len(large) < len(small):
            large, small = small, large
        for style, count in small.items():
            right[step] += count * large.get(style, 0)
            large[style] = large.get(style, 0) + count
        members[first], members[second] = large, {}
    right, total = right.cumsum(), total.cumsum()
    return right, total - right
