"""Checks of what the layers of this room are given."""

from __future__ import annotations

from collections.abc import Sequence


def checked_probability(name: str, value: float) -> float:
    """The value, if it is a probability.

    Raises:
      ValueError: If it is not in 0..1.
    """
    if not 0.0 <= value <= 1.0:
        raise ValueError(
            f"{name} is a probability, but {value} was given. Choose a number from 0 "
            "(never) to 1 (always)."
        )
    return float(value)


def checked_range(
    name: str, value: Sequence[float], lowest: float, highest: float = float("inf")
) -> tuple[float, float]:
    """The value as `(low, high)`, if it is a range inside of `lowest..highest`.

    Raises:
      ValueError: If it is not two numbers in order, or leaves its bounds.
    """
    if len(value) != 2 or not lowest <= value[0] <= value[1] <= highest:
        raise ValueError(
            f"{name} is a range (low, high) within {lowest:g}..{highest:g}, but "
            f"{tuple(value)} was given. Give two numbers, the lower one first."
        )
    return float(value[0]), float(value[1])
