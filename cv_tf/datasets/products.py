"""What a builder finds in the owner's files: products, and what is left out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Item = TypeVar("Item")

_TRAIN, _VALIDATION = 70, 15  # Of a hundred styles; the others are for testing.


@dataclass(frozen=True, kw_only=True)
class Product:
    """A product with one photo.

    Attributes:
      product_id: Unique in the data set.
      style_id: The same for color variants; "" where it is not known.
      split: "train", "validation" or "test".
      image: Of its photo, relative to the folder of the photos.
      color: In the owner's words.
      category: In the owner's words.
      gender: In the owner's words.
      name: For people to read.
      box: x, y, width, height of the product in its photo, in pixels; None where it
        is not known.
    """

    product_id: str
    style_id: str
    split: str
    image: str
    color: str
    category: str
    gender: str
    name: str = ""
    box: tuple[float, float, float, float] | None = None


@dataclass
class LeftOut:
    """What does not become a product, counted by reason.

    Attributes:
      counts: Reason to how often.
      examples: Reason to the first that was left out for it.
    """

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, example: str) -> None:
        """Counts one more."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        self.examples.setdefault(reason, example)

    def keep(
        self,
        items: Sequence[Item],
        reasons: Sequence[str],
        name: Callable[[Item], str],
    ) -> list[Item]:
        """Returns the items that there is no reason against, and counts the others.

        Args:
          items: Of any kind.
          reasons: Why each is left out; "" to keep it.
          name: From an item to how an example of it is called.
        """
        kept = []
        for item, reason in zip(items, reasons, strict=True):
            if reason:
                self.add(reason, name(item))
            else:
                kept.append(item)
        return kept


@dataclass
class Found:
    """What the owner's files hold.

    Attributes:
      products: In the order in which they are stored.
      left_out: All else.
      photos: The folder that images are relative to.
    """

    products: list[Product]
    left_out: LeftOut
    photos: str


def split_of(style: str) -> str:
    """Assigns a style to a split, by nothing but its name: 70, 15 and 15 percent."""
    place = int(hashlib.sha256(style.encode()).hexdigest(), 16) % 100
    if place < _TRAIN:
        return "train"
    return "validation" if place < _TRAIN + _VALIDATION else "test"
