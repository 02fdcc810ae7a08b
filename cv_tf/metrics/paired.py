"""Two sets of vectors or groups, measured on the same products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cv_tf.command import aligned
from cv_tf.config import EvaluationSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import GroupsError
from cv_tf.metrics.evaluation import (
    Measurement,
    StoredGroups,
    match_truth,
    measure_stored,
)
from cv_tf.metrics.figures import (
    BETTER,
    FIGURES,
    LEVEL,
    WORSE,
    format_difference,
    format_value,
    judge,
)
from cv_tf.metrics.product_results import ProductResults
from cv_tf.metrics.resampling import FEW_STYLES, Resampling
from cv_tf.spelling import find_unmatched

_TITLES = ("", "measured", "baseline", "difference", "95% interval", "")


def compare_results(
    measured: ProductResults, baseline: ProductResults
) -> dict[str, dict[str, float]]:
    """The differences of all figures that two results of the same products have.

    Queries are those of both: a product that one of the two takes for a copy of another
    is looked for in neither. Each style is drawn for both sides at once, so that an
    interval is only as wide as the two differ in what they find.

    Args:
      measured: Results of vectors or groups.
      baseline: Results to compare them with, of the same styles.

    Returns:
      For each figure `measured`, `baseline` and their difference as `value`, with its
      95% interval as `low` and `high`.

    Example:
      >>> import numpy as np
      >>> ids, styles = np.array(["a", "b"], object), np.array([0, 0])
      >>> new = ProductResults(ids, styles, {"recall_at_1": np.array([1.0, 1.0])})
      >>> old = ProductResults(ids, styles, {"recall_at_1": np.array([1.0, 0.0])})
      >>> compare_results(new, old)["recall_at_1"]["value"]
      0.5
    """
    sides = [_only_shared(measured, baseline), _only_shared(baseline, measured)]
    resampling = Resampling(np.concatenate([side.style for side in sides]))
    first, second = (side.scores(resampling) for side in sides)
    compared = {}
    for name, score in first.items():
        if name not in second or not (score - second[name]).is_known:
            continue
        summary = (score - second[name]).summary()
        both = {"measured": score.value, "baseline": second[name].value}
        compared[name] = both | summary
    return compared


def _only_shared(results: ProductResults, other: ProductResults) -> ProductResults:
    """The results, without values of products that the other does not look for."""
    row_of = {product: row for row, product in enumerate(other.product_id.tolist())}
    rows = np.array([row_of.get(product, -1) for product in results.product_id], int)
    values = {}
    for name, of in results.values.items():
        others = other.values.get(name, np.full(len(other), np.nan))
        is_asked = (rows >= 0) & np.isfinite(others[rows])
        values[name] = np.where(is_asked, of, np.nan)
    return ProductResults(results.product_id, results.style, values, results.pairs)


def format_compared(
    compared: Mapping[str, Mapping[str, float]],
    measured: Mapping[str, Any],
    baseline: Mapping[str, Any],
) -> str:
    """Lays two measurements out, one line a figure, and says what is better.

    Args:
      compared: The differences, from `compare_results`.
      measured: All figures of what was measured; those without a difference are shown
        as well.
      baseline: All figures of the baseline.
    """
    lines = [list(_TITLES)]
    found: dict[str, list[str]] = {BETTER: [], WORSE: [], LEVEL: []}
    for name, figure in FIGURES.items():
        if name in compared:
            of = compared[name]
            found[judge(of)].append(figure.title)
            sides, told = (of["measured"], of["baseline"]), [judge(of)]
            told = [format_difference(of), *told]
        elif name in measured and name in baseline:
            sides, told = (measured[name], baseline[name]), ["", ""]
        else:
            continue
        apart = f"{sides[0] - sides[1]:+.3f}" if figure.better else ""
        lines.append([figure.title, *map(format_value, sides), apart, *told])
    # Titles have commas in them.
    told = [
        f"{how.capitalize()}: {'; '.join(titles)}."
        for how, titles in found.items()
        if titles
    ]
    return "\n".join([*aligned(lines), "", " ".join(told)])


class Stored(NamedTuple):
    """Vectors and groups of some run or tool, at least one of the two."""

    embeddings: Embeddings | None
    groups: StoredGroups | None

    @property
    def ids(self) -> list[str]:
        """Ids of the products that all of it has, in their order."""
        if self.embeddings is None:
            assert self.groups is not None  # noqa: S101 (one of the two is there)
            return list(self.groups.group_of)
        ids = self.embeddings.product_id.tolist()
        if self.groups is None:
            return ids
        return [product for product in ids if product in self.groups.group_of]

    @property
    def name(self) -> str:
        """Names of the files, for messages."""
        vectors = [] if self.embeddings is None else [self.embeddings.name]
        groups = [] if self.groups is None else [self.groups.source]
        return " and ".join([*vectors, *groups])

    def select(self, ids: Sequence[str]) -> Stored:
        """The same, with the vectors of these products alone, in their order."""
        if self.embeddings is None:
            return self
        of = self.embeddings.product_id.tolist()
        row_of = {product: row for row, product in enumerate(of)}
        rows = np.array([row_of[product] for product in ids], int)
        return self._replace(embeddings=self.embeddings.select(rows))


def _ids_of_both(measured: Stored, baseline: Stored) -> list[str]:
    """Ids of the products that both sides have; raises an error if there are none."""
    for side in (measured, baseline):
        if not side.ids:
            raise GroupsError(
                f"{side.name} have no product in common. Pass vectors and groups of "
                "the same products."
            )
    theirs = set(baseline.ids)
    ids = [product for product in measured.ids if product in theirs]
    if not ids:
        unmatched = find_unmatched(measured.ids, theirs)
        raise GroupsError(
            f"{measured.name} and {baseline.name} have no product in common: ids are "
            f"such as {measured.ids[0]!r} and {baseline.ids[0]!r}. "
            f"{unmatched.hint or 'Both must call products the same.'}"
        )
    return ids


def compare_stored(
    labels: Mapping[str, str],
    source: str,
    measured: Stored,
    baseline: Stored,
    settings: EvaluationSettings,
) -> tuple[Measurement, str, str]:
    """Measures stored vectors or groups beside others of the same products.

    Only products that both sides have are looked for, and looked among.

    Args:
      labels: Style of each product; "" where unknown.
      source: Name of the file that the labels come from, for messages.
      measured: Vectors, groups or both, to be measured.
      baseline: Others of the same kinds, to compare them with.
      settings: Settings of the search and of the grouping.

    Returns:
      The measurement, whose figures hold those of the `baseline` and the `differences`
      of `compare_results`; the table; and a sentence on which products count.

    Raises:
      GroupsError: If both have no product in common, or no two that share a style.
    """
    ids = _ids_of_both(measured, baseline)
    shared = set(ids)
    known = {product: of for product, of in labels.items() if product in shared}
    num_missing = sum(bool(of) for of in labels.values()) - sum(
        map(bool, known.values())
    )
    sides = []
    for side in (measured.select(ids), baseline.select(ids)):
        truth = match_truth(known, source, side.embeddings)
        truth = truth._replace(num_missing=num_missing)
        sides.append(measure_stored(truth, *side, settings))
    (figures, results), (others, their_results) = sides
    compared = compare_results(results, their_results)
    left_out = [len(side.ids) - len(ids) for side in (measured, baseline)]
    about = (
        f"Compared on the {len(ids):,} products that both have. {left_out[0]:,} of "
        f"{measured.name} and {left_out[1]:,} of {baseline.name} are left out."
    )
    if measured.groups is None:
        about += " Each side is grouped at its own threshold."
    if results.num_styles < FEW_STYLES:
        about += (
            f" {results.num_styles} of their styles have variants. Of fewer than some "
            f"{FEW_STYLES}, the intervals are too narrow: do not rely on what is said "
            "to be better or worse."
        )
    table = format_compared(compared, figures, others)
    figures = figures | {"baseline": others, "differences": compared}
    return Measurement(figures, results), table, about
