"""What a result is made from, kept in a file, and what has changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cv_tf.catalog import Catalog, write_parquet
from cv_tf.errors import reading

_ID = "product_id"


@dataclass(frozen=True)
class Inputs:
    """Products and all values of theirs that a result depends on, in their order.

    Attributes:
      ids: Unique ids of n products.
      values: n texts each, by what they are in words, such as "photo" or "style".

    Example:
      >>> before = Inputs(["a", "b"], {"style": ["1", "2"]})
      >>> now = Inputs(["a", "b"], {"style": ["1", "3"]})
      >>> list(now.changes_since(before))
      ["the product 'b' has another style"]
    """

    ids: Sequence[str]
    values: Mapping[str, Sequence[str]]

    @classmethod
    def of_catalog(cls, catalog: Catalog, *columns: str) -> Inputs:
        """The products of a catalogue with some of its columns, by their names.

        The columns are `image`, `block`, `color`, `box` and `style_id`; one that the
        catalogue lacks is left out.
        """
        values: dict[str, Sequence[str]] = {}
        for column in columns:
            cells = getattr(catalog, column)
            if column == "block":
                cells = np.array(catalog.block_names, object)[catalog.block]
            elif column == "box" and cells is not None:
                cells = np.array([box.tobytes().hex() for box in cells], object)
            if cells is not None:
                values[column] = cells.tolist()
        return cls(catalog.product_id.tolist(), values)

    @property
    def digest(self) -> str:
        """The digest of all of it, in hexadecimal digits."""
        content = [self.ids, *sorted(self.values.items())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def changes_since(self, before: Inputs) -> Iterator[str]:
        """Yields in words what was changed since `before`, a clause each."""
        row_of = {product: row for row, product in enumerate(before.ids)}
        there = set(self.ids)
        yield from _say("was added", [p for p in self.ids if p not in row_of])
        yield from _say("was removed", [p for p in before.ids if p not in there])
        both = [(row, row_of[p]) for row, p in enumerate(self.ids) if p in row_of]
        for name in dict.fromkeys([*self.values, *before.values]):
            if (name in self.values) != (name in before.values):
                verb = "added" if name in self.values else "removed"
                yield f"the column {name} was {verb}"
                continue
            now, then = self.values[name], before.values[name]
            other = [self.ids[row] for row, old in both if now[row] != then[old]]
            yield from _say(f"has another {name}", other)
        old_rows = [old for _, old in both]
        if old_rows != sorted(old_rows):
            yield "products are in another order"

    def write(self, path: Path) -> None:
        """Writes all of it to a Parquet file."""
        columns = {_ID: self.ids, **self.values}
        table = pa.table({k: pa.array(v, pa.string()) for k, v in columns.items()})
        write_parquet(path, table)

    @classmethod
    def read(cls, path: Path, remedy: str) -> Inputs:
        """Reads what `write` has written.

        Raises:
          UserError: If the file is damaged; `remedy` is the sentence that says what to
            do then.
          OSError: If it cannot be opened.
        """
        with reading(path, "a table of the products of a run", remedy):
            with path.open("rb") as file:
                table = pq.read_table(file, page_checksum_verification=True)
            if table.schema.types != [pa.string()] * table.num_columns:
                raise TypeError("its columns are not text")
            columns = table.to_pydict()
            return cls(columns.pop(_ID), columns)


def _say(what: str, products: Sequence[str]) -> Iterator[str]:
    if len(products) == 1:
        yield f"the product {products[0]!r} {what}"
    elif products:
        what = what.replace("was ", "were ").replace("has ", "have ")
        yield f"{len(products):,} products {what}, such as {products[0]!r}"
