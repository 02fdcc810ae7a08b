"""How far figures would differ on other products: a bootstrap over styles."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cv_tf.errors import UserError

NUM_RESAMPLES = 2000
# Of fewer styles with variants than about this, intervals are too narrow.
FEW_STYLES = 30
# Of more styles than this, random groups of about equally many styles are drawn. That
# makes an interval 1% wider or narrower, as the number of draws does, and bounds time
# and memory.
_MOST_DRAWN = 6000
_ENDS = (0.025, 0.975)  # Quantiles that 95% are between.
_AT_ONCE = 250  # Draws whose weights are held as float64, 12 MB of them.


class Score(NamedTuple):
    """A figure, and the values that it has on resampled styles.

    Scores of one `Resampling` have the same draws, so that the samples of a difference
    are the differences of the samples: what is hard about some styles for both sides
    cancels out.

    Attributes:
      value: The figure.
      samples: [resamples] float64; NaN where a draw has nothing to measure.

    Example:
      >>> import numpy as np
      >>> samples = np.arange(101) / 100
      >>> {k: round(v, 3) for k, v in Score(0.5, samples).summary().items()}
      {'value': 0.5, 'low': 0.025, 'high': 0.975}
    """

    value: float
    samples: np.ndarray

    def __sub__(self, other: Score) -> Score:
        return Score(self.value - other.value, self.samples - other.samples)

    def __truediv__(self, other: Score) -> Score:
        """The ratio; NaN where the other is 0."""
        below = np.where(other.samples > 0, other.samples, np.nan)
        value = self.value / other.value if other.value > 0 else np.nan
        return Score(float(value), self.samples / below)

    @property
    def is_known(self) -> bool:
        """Whether there is anything to measure, and so an interval."""
        return bool(np.isfinite(self.value) and np.isfinite(self.samples).any())

    @property
    def interval(self) -> tuple[float, float]:
        """The two ends of the 95% interval: quantiles of the samples."""
        low, high = np.nanquantile(self.samples, _ENDS)
        return float(low), float(high)

    def summary(self) -> dict[str, float]:
        """The figure as `value`, and its 95% interval as `low` and `high`."""
        low, high = self.interval
        return {"value": self.value, "low": low, "high": high}


def mean_of(scores: Sequence[Score]) -> Score:
    """The mean of scores that were resampled in the same way, such as of three seeds.

    Example:
      >>> import numpy as np
      >>> both = [Score(0.0, np.array([0.0, 0.2])), Score(1.0, np.array([0.4, 1.0]))]
      >>> mean_of(both).value, mean_of(both).samples.tolist()
      (0.5, [0.2, 0.6])
    """
    samples = np.mean([score.samples for score in scores], axis=0)
    return Score(float(np.mean([score.value for score in scores])), samples)


class Resampling:
    """A bootstrap over styles: the same draws for all figures of the same styles.

    As many styles as there are get drawn with replacement, with all of their products,
    as products of one style are right and wrong together (Efron and Tibshirani, "An
    Introduction to the Bootstrap", 1993, chapters 6 and 13). The same styles give the
    same draws, in each process. Of fewer than about 30 styles with variants, such
    intervals are too narrow.

    Args:
      styles: [n] int or object (str), styles of all products.
      num_resamples: Number of draws.

    Attributes:
      styles: The sorted styles, each once.

    Example:
      >>> import numpy as np
      >>> styles = np.arange(100).repeat(2)
      >>> found = np.arange(200) % 4 < 2  # Both products of every other style.
      >>> score = Resampling(styles).of_queries(found, styles)
      >>> score.value, [round(end, 1) for end in score.interval]
      (0.5, [0.4, 0.6])
    """

    def __init__(self, styles: np.ndarray, num_resamples: int = NUM_RESAMPLES):
        self.styles = np.unique(styles)
        number = len(self.styles)
        self._group_of = np.arange(number)
        if number > _MOST_DRAWN:
            order = np.random.default_rng(0).permutation(number)
            self._group_of = order % _MOST_DRAWN
        self._weights = _draws(min(number, _MOST_DRAWN), num_resamples)

    def sums_of(self, columns: Sequence[np.ndarray], styles: np.ndarray) -> list[Score]:
        """Sums of values over resampled styles.

        Args:
          columns: [m] numbers or bool each, values of rows such as queries.
          styles: [m], style of each row.

        Raises:
          UserError: If a style is none of those that are drawn.
        """
        place = np.searchsorted(self.styles, styles)
        place = np.minimum(place, len(self.styles) - 1)
        if (self.styles[place] != styles).any():
            raise UserError(
                "Some rows are of styles that are not drawn. Make the Resampling of "
                "the styles of all products that are measured."
            )
        group, width = self._group_of[place], self._weights.shape[1]
        sums = np.stack([np.bincount(group, of, width) for of in columns], axis=1)
        starts = range(0, len(self._weights), _AT_ONCE)
        weights = (self._weights[at : at + _AT_ONCE] for at in starts)
        samples = np.concatenate([of.astype(np.float64) @ sums for of in weights])
        totals = map(float, sums.sum(axis=0))
        return list(map(Score, totals, samples.T))

    def of_queries(self, values: np.ndarray, styles: np.ndarray) -> Score:
        """The mean of [q] values of queries with these styles, [q]."""
        return self.of_ratio(values, np.ones(len(values)), styles)

    def of_ratio(
        self, above: np.ndarray, below: np.ndarray, styles: np.ndarray
    ) -> Score:
        """The sum of [m] values by that of [m] others, of rows with styles [m]."""
        first, second = self.sums_of([above, below], styles)
        return first / second


@functools.lru_cache(maxsize=8)
def _draws(number: int, num_resamples: int) -> np.ndarray:
    """How often each of `number` is drawn, [resamples, number] uint8 or int64."""
    chances = np.full(number, 1 / max(number, 1))
    drawn = np.random.default_rng(0).multinomial(number, chances, size=num_resamples)
    fits = drawn.max(initial=0) <= np.iinfo(np.uint8).max
    return drawn.astype(np.uint8) if fits else drawn
