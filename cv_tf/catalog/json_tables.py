"""JSON as tables: an object a line, or a list of objects."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from absl import logging

from cv_tf.catalog.raw_table import RawTable, cut, of_records, shown, to_names
from cv_tf.errors import UserError
from cv_tf.files import parse_json

SUFFIXES = (".jsonl", ".ndjson", ".json")
BETWEEN = "\n"  # The texts of a list in a cell.
# What APIs call the list of all products, and the address of a photo in an object.
_LISTS = ("products", "items", "data", "results", "entries")
_ADDRESSES = ("src", "url", "link", "href")
_MOST_JSON = 2**27  # Bytes of a list of objects, which is read as a whole.


def read_json_lines(source: str, content: bytes) -> RawTable:
    """Reads a product a line (JSON lines), or a list of products.

    The names of objects are columns. A list of texts or numbers, or of objects with an
    address (`src`, `url`), such as of photos, is one cell, with line breaks between.
    Columns of other lists and of objects are left out, which is said. The list may be
    within an object, as `products` or the like.

    Args:
      source: Name of the file, for messages.
      content: The text of the file, in UTF-8.

    Raises:
      UserError: If it is no such text, or too large.

    Example:
      >>> table = read_json_lines("a.jsonl", b'{"product_id": 7, "image": "a.jpg"}')
      >>> table.columns
      {'product_id': [7], 'image': ['a.jpg']}
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"the text is not UTF-8: {error}. Save it as UTF-8.") from error
    nested: set[str] = set()

    def records() -> Iterator[tuple[int, dict[str, Any]]]:
        for line, values in _objects(text):
            cells = {name: _cell_of(value) for name, value in values.items()}
            nested.update(name for name, (_, is_nested) in cells.items() if is_nested)
            yield line, {name: cell for name, (cell, _) in cells.items()}

    columns, lines = of_records(records(), len(content))
    if nested:
        what = "columns of lists or objects are left out"
        logging.warning("%s: %s: %s.", source, what, shown(sorted(nested)))
    kept = {name: cells for name, cells in columns.items() if name not in nested}
    named = zip(to_names(list(kept)), kept.values(), strict=True)
    table = {name: cells for name, cells in named if name}
    return RawTable(table, lines, is_marked=False)


def _objects(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The products, and the line of each; of a list, their numbers from 1."""
    if (products := _whole(text)) is not None:
        for number, product in enumerate(products, 1):
            if not isinstance(product, dict):
                raise UserError(
                    f"item {number} of the list is {cut(repr(product))}; expected an "
                    'object such as {"product_id": "1", "image": "a.jpg"}'
                )
            yield number, product
        return
    start = 0
    for number in itertools.count(1):
        end = text.find("\n", start)
        line = text[start : end if end >= 0 else len(text)]
        if line.strip():
            yield number, _parse_line(number, line)
        if end < 0:
            return
        start = end + 1


def _whole(text: str) -> list[Any] | None:
    """The products of a text that is one list, or one object with a list of them.

    None for a text of lines.
    """
    is_list = text.lstrip()[:1] == "["
    if len(text) > _MOST_JSON:
        if not is_list:
            return None
        raise UserError(
            f"the list has more than {_MOST_JSON:,} letters. Write each product on "
            "a line of its own, without commas and brackets between (JSON lines)."
        )
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if not is_list:  # Of several lines, or a mistake that its line tells.
            return None
        raise UserError(f"the text is not JSON: {error}. Write it again") from error
    if isinstance(value, list):
        return value
    named = value if isinstance(value, dict) else {}
    lists = [named[name] for name in _LISTS if isinstance(named.get(name), list)]
    return lists[0] if lists else None


def _parse_line(number: int, line: str) -> dict[str, Any]:
    try:
        return parse_json(line)
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(
            f"line {number} is no object in JSON: {error}. Expected is one product a "
            'line, such as {"product_id": "1", "image": "a.jpg"}'
        ) from error


def _cell_of(value: Any) -> tuple[Any, bool]:
    """A value as a cell, and whether it is nested, which no cell can hold."""
    if isinstance(value, list):
        value = [_address_of(it) if isinstance(it, dict) else it for it in value]
        if any(isinstance(it, (list, dict)) for it in value):
            return "", True
        return BETWEEN.join("" if it is None else str(it) for it in value), False
    return ("", True) if isinstance(value, dict) else (value, False)


def _address_of(value: dict[str, Any]) -> Any:
    """The address that an object gives of a photo; the object if it gives none."""
    addresses = (value.get(name) for name in _ADDRESSES)
    return next((it for it in addresses if isinstance(it, str)), value)
