"""What became of each photo's frame, and what users are told of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

# What the frame of a photo is.
OUTCOMES = {
    "given": "a box of the table",
    "found": "what was found on a plain background",
    "cut": "the same, cut by one or two edges of the photo",
    "implausible": "the same, but too small, or cut by three edges or four",
    "declined": "the whole photo, as there is no plain background",
    "whole": "the whole photo, as the table has no box, or none was asked for",
}

# Of 12,808 photos of two retailers and a demonstration shop, what was found in 23 is
# cut by three edges or more: all but one show a detail or a person. The smallest frame
# of a whole product is 0.15 of its photo, a shoe's. One is smaller, 0.10: a label in a
# white collar. Frames of nearly the whole photo are no bad sign: of 195 with more than
# 0.95 of it, 172 are not cut by three edges, and nearly all of these show a product
# that fills its photo.
_CUT_SIDES = 3  # Edges that cut an implausible frame.
_SMALL = 0.12  # Smallest plausible area, with the margin, as a fraction of the photo.

# Share of photos that advice is given for. In each of these sets, 0.4% at most are
# declined or implausible. Frames of 1% of the photos without people are cut, and of 98%
# of those with people.
_MANY = 0.05
_EXAMPLES = 3  # Products named for each outcome.


def judge(frames: np.ndarray, found: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """The outcome of the search for each frame: a name of OUTCOMES, [n] str.

    Args:
      frames: [n, 4], (top, left, height, width) in fractions of the photo.
      found: [n] bool, whether there is a frame.
      sides: [n] int, number of the photo's edges that cut what was found.
    """
    is_small = frames[:, 2] * frames[:, 3] < _SMALL
    outcomes = [~found, is_small | (sides >= _CUT_SIDES), sides > 0]
    return np.select(outcomes, ["declined", "implausible", "cut"], "found")


@dataclass(frozen=True)
class FrameSummary:
    """How many photos had each outcome, and some of their products.

    Attributes:
      numbers: Number of photos by outcome, a name of `OUTCOMES`; at least 1.
      examples: `product_id` of the first products of each.
    """

    numbers: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, products: Iterable[str], outcomes: Iterable[str]) -> FrameSummary:
        """The summary of n products, by `product_id` and outcome."""
        summary = cls()
        for product, outcome in zip(products, outcomes, strict=True):
            summary._add(str(outcome), 1, [product])
        return summary

    @classmethod
    def join(cls, parts: Iterable[FrameSummary]) -> FrameSummary:
        """The summary of the products of all parts."""
        whole = cls()
        for part in parts:
            for outcome, number in part.numbers.items():
                whole._add(outcome, number, part.examples[outcome])
        return whole

    def _add(self, outcome: str, number: int, examples: Sequence[str]) -> None:
        self.numbers[outcome] = self.numbers.get(outcome, 0) + number
        named = self.examples.setdefault(outcome, [])
        named += examples[: _EXAMPLES - len(named)]

    def share(self, *outcomes: str) -> float:
        """The share of photos with one of these outcomes, 0 to 1."""
        number = sum(self.numbers.get(outcome, 0) for outcome in outcomes)
        return number / max(sum(self.numbers.values()), 1)

    def sentences(self) -> list[str]:
        """The shares, and advice where many frames may be wrong, for users.

        There are none where no frame was searched for, and the table has no boxes.
        """
        if set(self.numbers) <= {"whole"}:
            return []
        said = [f"Frames of the products: {', '.join(self._clauses())}."]
        if self.share("declined", "implausible") > _MANY:
            said.append(
                "Those are many: give the boxes of these products in the columns x, y, "
                "width and height, or pass --frame=photo to use every photo whole."
            )
        if self.share("cut") > _MANY:
            said.append(
                f"{_spell(self.share('cut'))} of the photos have a frame that an edge "
                f"of the photo cuts (such as {self._named('cut')}). If people wear "
                "the products, it is the person, which is no worse than the whole "
                "photo; boxes of the products may be better."
            )
        return said

    def _clauses(self) -> list[str]:
        said = []
        if self.share("given"):
            said.append(f"{_spell(self.share('given'))} are boxes of the table")
        if self.share("whole"):
            why = "the table has no box: the whole photo was used"
            said.append(self._clause("whole", "missing", why))
        searched = ("found", "cut", "implausible", "declined")
        if self.share(*searched):
            said.append(f"{_spell(self.share('found', 'cut'))} were found")
            why = "no plain background: the whole photo was used"
            said.append(self._clause("declined", "declined", why))
            why = "tiny, or cut by three edges of the photo or more"
            said.append(self._clause("implausible", "implausible", why))
        return said

    def _clause(self, outcome: str, name: str, why: str) -> str:
        said = f"{_spell(self.share(outcome))} {name}"
        if outcome in self.numbers:
            said += f" ({why}; such as {self._named(outcome)})"
        return said

    def _named(self, outcome: str) -> str:
        return ", ".join(self.examples[outcome])


def _spell(share: float) -> str:
    """A share as text; what is not 0% or 100% is not rounded to it."""
    text = f"{share:.1%}"
    if text == "0.0%" and share:
        return "under 0.1%"
    return "over 99.9%" if text == "100.0%" and share < 1 else text
