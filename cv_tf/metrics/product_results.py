"""What each product adds to the figures: for intervals, and to compare two models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cv_tf.catalog import objects, write_parquet
from cv_tf.errors import reading
from cv_tf.metrics.grouping import PairCounts
from cv_tf.metrics.resampling import Resampling, Score

_TEXTS = ("product_id", "style")
_PREFIX = "pairs_"  # Of the columns of `PairCounts` in a file.


@dataclass(frozen=True, eq=False)
class ProductResults:
    """The labelled products that figures are of, and what each adds to them.

    Attributes:
      product_id: [n] object (str), unique.
      style: [n] int or object (str), true styles.
      values: [n] float64 for each figure of retrieval, by its name in `metrics.json`;
        NaN for products without a variant, which are not looked for.
      pairs: Pairs of each product in the groups that were found; None without groups.

    Example:
      >>> import numpy as np
      >>> ids, styles = np.array(["a", "b", "c"], object), np.array([0, 0, 1])
      >>> found = {"recall_at_1": np.array([1.0, 0.0, np.nan])}
      >>> results = ProductResults(ids, styles, found)
      >>> results.scores(Resampling(styles))["recall_at_1"].value
      0.5
    """

    product_id: np.ndarray
    style: np.ndarray
    values: Mapping[str, np.ndarray]
    pairs: PairCounts | None = None

    def __len__(self) -> int:
        return len(self.product_id)

    @property
    def num_styles(self) -> int:
        """Number of styles of two products or more, which figures are made of."""
        _, sizes = np.unique(self.style, return_counts=True)
        return int((sizes > 1).sum())

    def select(self, rows: np.ndarray) -> ProductResults:
        """Some of the products, by [m] int or [n] bool, with all that they have."""
        return ProductResults(
            self.product_id[rows],
            self.style[rows],
            {name: of[rows] for name, of in self.values.items()},
            self.pairs and PairCounts(*(of[rows] for of in self.pairs)),
        )

    def scores(self, resampling: Resampling) -> dict[str, Score]:
        """The figures by name, with their values on resampled styles.

        There are those of retrieval, and of the groups `pairwise_precision`,
        `pairwise_recall`, `pairwise_f1`, `fms` and `cgacc`. ARI and NMI are no ratios
        of sums over styles, and have no samples. What has nothing to measure is left
        out, such as the precision of groups of one.

        Args:
          resampling: Draws of styles, those of the products among them.
        """
        columns: dict[str, np.ndarray] = {}
        for name, of in self.values.items():
            columns[name] = np.nan_to_num(of)
            columns[f"number of {name}"] = np.isfinite(of)
        if self.pairs is not None:
            true = self.pairs.true
            columns |= self.pairs._asdict()
            # Of each true group of two or more, all products together count once.
            columns["groups"] = np.where(true > 0, 1 / (true + 1), 0.0)
            columns["exact"] = columns["groups"] * self.pairs.is_exact
        if not columns or not len(self):
            return {}
        made = resampling.sums_of(list(columns.values()), self.style)
        sums = dict(zip(columns, made, strict=True))
        scores = {name: sums[name] / sums[f"number of {name}"] for name in self.values}
        if self.pairs is not None:
            scores |= _of_groups(sums)
        return {name: score for name, score in scores.items() if score.is_known}

    def intervals(self) -> dict[str, dict[str, float]]:
        """The 95% interval of each of `scores`, as `low` and `high`, by name."""
        if not len(self):
            return {}
        intervals = {}
        for name, score in self.scores(Resampling(self.style)).items():
            low, high = score.interval
            intervals[name] = {"low": low, "high": high}
        return intervals

    def write(self, path: Path) -> None:
        """Writes the results to a Parquet file, with a row a product.

        Its columns are `product_id`, `style`, one for each figure of retrieval, which
        is empty for products that are not looked for, and `pairs_right`,
        `pairs_grouped`, `pairs_true` and `pairs_is_exact`, as in `PairCounts`.
        """
        columns: dict[str, Any] = {
            name: pa.array(map(str, getattr(self, name).tolist()), pa.string())
            for name in _TEXTS
        }
        for name, of in self.values.items():
            columns[name] = pa.array(of, pa.float64(), from_pandas=True)
        if self.pairs is not None:
            for name, counts in self.pairs._asdict().items():
                columns[f"{_PREFIX}{name}"] = pa.array(counts)
        write_parquet(path, pa.table(columns))

    @classmethod
    def read(cls, path: Path, remedy: str) -> ProductResults:
        """Reads what `write` has written.

        Raises:
          UserError: If the file is damaged; `remedy` is the sentence that says what to
            do then.
          OSError: If it cannot be opened.
        """
        with reading(path, "the results of the products of a run", remedy):
            with path.open("rb") as file:
                table = pq.read_table(file, page_checksum_verification=True)
            columns = {name: table[name] for name in table.column_names}
            texts = [columns.pop(name) for name in _TEXTS]
            if any(of.null_count or of.type != pa.string() for of in texts):
                raise TypeError("its first columns are not text")
            names = [name for name in columns if name.startswith(_PREFIX)]
            pairs = {k.removeprefix(_PREFIX): columns.pop(k).to_numpy() for k in names}
            for name, of in columns.items():
                if of.type != pa.float64():
                    raise TypeError(f"{name} is no column of numbers")
            return cls(
                objects(texts[0].to_pylist()),
                objects(texts[1].to_pylist()),
                {name: of.to_numpy() for name, of in columns.items()},
                PairCounts(**pairs) if pairs else None,
            )


def _of_groups(sums: Mapping[str, Score]) -> dict[str, Score]:
    """The figures of groups from the sums of `PairCounts`."""
    right, grouped, true = (sums[name] for name in ("right", "grouped", "true"))
    both = Score(grouped.value + true.value, grouped.samples + true.samples)
    twice = Score(2 * right.value, 2 * right.samples)
    mean = Score(
        float(np.sqrt(grouped.value * true.value)),
        np.sqrt(grouped.samples * true.samples),
    )
    return {
        "pairwise_precision": right / grouped,
        "pairwise_recall": right / true,
        "pairwise_f1": twice / both,
        "fms": right / mean,
        "cgacc": sums["exact"] / sums["groups"],
    }
