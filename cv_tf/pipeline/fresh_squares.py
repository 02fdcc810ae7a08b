"""Squares of photos, made from the pixels that a scan has just decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import numpy as np

from cv_tf.pipeline.decode import DecodingPlan, cut_square, is_cut_from_scan
from cv_tf.pipeline.scan_cache import Scanned

_TOGETHER = 4  # Squares that a thread makes at a time.


class FreshSquares:
    """Keeps squares while a scan goes on, so that its photos are decoded once.

    What is not kept is decoded later, to the same pixels.

    Args:
      num_photos: Photos of the catalogue.
      image_size: Side S of the squares in pixels.
      most_bytes: Memory that they may take.
      plan: Function from rows of the catalogue, and from the results of their scan, to
        the plan by which these photos are decoded.

    Attributes:
      places: [num_photos] int64, row in `pixels` of each photo; -1 where none is kept.
      pixels: [m, S, S, 3] uint8; rows that `places` does not name hold nothing yet.
    """

    def __init__(
        self,
        num_photos: int,
        image_size: int,
        most_bytes: float,
        plan: Callable[[Sequence[int], Sequence[Scanned]], DecodingPlan],
    ):
        num_kept = int(min(most_bytes // (3 * image_size**2), num_photos))
        self.places = np.full(num_photos, -1)
        # The system gives memory to what is written alone.
        self.pixels = np.empty((num_kept, image_size, image_size, 3), np.uint8)
        self._plan = plan
        self._num_kept = 0

    def keep(
        self,
        rows: Sequence[int],
        scanned: Sequence[Scanned],
        decoded: Sequence[np.ndarray | None],
        pool: Executor,
    ) -> None:
        """Makes squares of photos that were just examined.

        Args:
          rows: Their rows in the catalogue.
          scanned: The result of the scan for each.
          decoded: `Examined.pixels` of each; None where there are none.
          pool: Threads that make the squares.
        """
        here = [i for i, pixels in enumerate(decoded) if pixels is not None]
        if not here or self._num_kept == len(self.pixels):
            return
        plan = self._plan([rows[i] for i in here], [scanned[i] for i in here])
        numbers = np.flatnonzero(is_cut_from_scan(plan))
        numbers = numbers[: len(self.pixels) - self._num_kept]
        places = self._num_kept + np.arange(len(numbers))
        self._num_kept += len(numbers)
        self.places[[rows[here[number]] for number in numbers]] = places

        def cut(some: slice) -> None:
            for place, number in zip(places[some], numbers[some], strict=True):
                how = DecodingPlan(*(column[number] for column in plan))
                pixels = decoded[here[number]]
                if pixels is not None:
                    self.pixels[place] = cut_square(pixels, how, self.pixels.shape[1])

        groups = range(0, len(numbers), _TOGETHER)
        list(pool.map(cut, [slice(start, start + _TOGETHER) for start in groups]))
