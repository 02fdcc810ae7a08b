"""Grouped products as plain columns, and what was told while they were written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cv_tf.errors import UserError
from cv_tf.files import repeated

_SHOWN = 3  # Examples of a note.
_MOST_LETTERS = 60  # Of an example.


class ShopFileError(UserError):
    """Products that no file for a shop can be made of."""


@dataclass(frozen=True, eq=False)
class Listing:
    """Products and their groups, as n cells a column.

    Attributes:
      product_id: Unique ids.
      group_id: Name of each product's group; equal for the products of one group.
      representative: The product that stands for each product's group.
      color: Name of the color; "" where it is not known.
      image: Path or address of the photo; "" where it is not known.
      extras: Further columns by their names, such as `title`, `description`, `link`,
        `image_link`, `price` ("19.90 EUR" or "19.90"), `sale_price`, `brand`,
        `availability`, `condition`, `category`, `gender`, `age_group`, `size`,
        `material`, `pattern`, `gtin`, `mpn`, `handle` and `status`. Any may be missing.
      group_size: Number of products of each product's group.

    Raises:
      ShopFileError: At construction, if columns differ in length, or a product is there
        twice.

    Example:
      >>> products = Listing(
      ...     product_id=["A", "B"], group_id=["A", "A"], representative=["B", "B"],
      ...     color=["Red", "Blue"], image=["", ""], group_size=[2, 2],
      ...     extras={"title": ["Shirt", "Shirt"]},
      ... )
      >>> products.groups, products.cell("title", 0), products.cell("price", 0)
      ([[1, 0]], 'Shirt', '')
    """

    product_id: Sequence[str]
    group_id: Sequence[str]
    representative: Sequence[str]
    color: Sequence[str]
    image: Sequence[str]
    group_size: Sequence[int]
    extras: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self):
        columns = {
            "group_id": self.group_id,
            "representative": self.representative,
            "color": self.color,
            "image": self.image,
            "group_size": self.group_size,
            **self.extras,
        }
        for name, cells in columns.items():
            if len(cells) != len(self.product_id):
                raise ShopFileError(
                    f"The column {name!r} has {len(cells):,} cells; expected "
                    f"{len(self.product_id):,}, one for each product_id."
                )
        if twice := repeated(self.product_id):
            raise ShopFileError(
                f"Product {twice[0]!r} is listed twice. Every product has one row."
            )

    def __len__(self) -> int:
        return len(self.product_id)

    def cell(self, name: str, row: int) -> str:
        """The cell of a further column; "" where there is no such column."""
        return self.extras[name][row] if name in self.extras else ""

    def has(self, name: str) -> bool:
        """Whether any product has something in a further column."""
        return any(self.extras.get(name, ()))

    @cached_property
    def groups(self) -> list[list[int]]:
        """The rows of each group, in the order in which groups first occur.

        The representative is the first of its group; the others stay in their order.
        """
        rows_of: dict[str, list[int]] = {}
        for row, group in enumerate(self.group_id):
            rows_of.setdefault(group, []).append(row)
        return [sorted(rows, key=self._follows) for rows in rows_of.values()]

    def _follows(self, row: int) -> bool:
        return self.product_id[row] != self.representative[row]


@dataclass(frozen=True)
class Note:
    """Something that was cut, changed or left out.

    Attributes:
      what: What it is, such as "products whose title is cut to 150 characters".
      number: How many there are.
      examples: Some of them, by their ids.
    """

    what: str
    number: int
    examples: tuple[str, ...]


class Notes:
    """Collects notes while products are written.

    Example:
      >>> notes = Notes()
      >>> notes.add("products without a title", "A7")
      >>> notes.all
      (Note(what='products without a title', number=1, examples=('A7',)),)
    """

    def __init__(self):
        self._examples: dict[str, list[str]] = {}
        self._numbers: dict[str, int] = {}

    def add(self, what: str, example: str) -> None:
        """Notes one more product or group, by its id."""
        self._numbers[what] = self._numbers.get(what, 0) + 1
        examples = self._examples.setdefault(what, [])
        if len(examples) < _SHOWN:
            shown = example[:_MOST_LETTERS]
            examples.append(shown + "..." if shown != example else shown)

    @property
    def all(self) -> tuple[Note, ...]:
        """What was noted, in the order in which it first occurred."""
        return tuple(
            Note(what, number, tuple(self._examples[what]))
            for what, number in self._numbers.items()
        )


@dataclass(frozen=True)
class ShopFileSummary:
    """What a file for a shop holds, and what had to be cut or left out.

    Attributes:
      format: One of `cv_tf.choices.SHOP_FORMATS`.
      num_products: Number of products that were written.
      num_groups: Number of their groups of two or more.
      notes: What was cut, changed or left out.
      what: What the file is, such as "a supplemental feed".
    """

    format: str
    num_products: int
    num_groups: int
    notes: tuple[Note, ...] = ()
    what: str = ""

    def summary(self) -> dict[str, Any]:
        """The same as JSON."""
        notes = [
            {"what": it.what, "number": it.number, "examples": list(it.examples)}
            for it in self.notes
        ]
        return {
            "format": self.format,
            "what": self.what,
            "num_products": self.num_products,
            "num_groups": self.num_groups,
            "notes": notes,
        }

    def text(self, path: str) -> str:
        """The same as sentences; `path` is the file that was written."""
        products = _counted(self.num_products, "product")
        groups = _counted(self.num_groups, "group")
        lines = [f"'{path}' is {self.what}: {products}, with {groups} of two or more."]
        for note in self.notes:
            named = ", ".join(map(repr, note.examples))
            what = note.what[:1].upper() + note.what[1:]
            lines.append(f"  {what}: {note.number:,}, such as {named}.")
        return "\n".join(lines)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
