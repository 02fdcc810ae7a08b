"""Product feeds in XML, as Google Merchant Center takes them: RSS 2.0 or Atom."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.parsers import expat

from cv_tf.catalog.json_tables import BETWEEN
from cv_tf.catalog.raw_table import RawTable, of_records, to_names
from cv_tf.errors import UserError

SUFFIXES = (".xml", ".rss", ".atom")
_FEED = re.compile(rb"<(rss|feed|rdf)\b", re.IGNORECASE)
_DECLARES = re.compile(rb"<!(doctype|entity)", re.IGNORECASE)
_PRODUCTS = ("item", "entry")
_HEAD = 2**12  # Bytes in which the kind of a file is told.
_MOST_DEEP = 32  # Elements within each other.


def is_feed(content: bytes) -> bool:
    """Whether the text of a file begins as a feed does."""
    return _FEED.search(content[:_HEAD]) is not None


def read_feed(source: str, content: bytes) -> RawTable:
    """Reads the products of a feed: an `item` (RSS) or `entry` (Atom) each.

    The names of its elements, without their namespace, are columns. What is there
    several times, such as `additional_image_link`, is one cell, with line breaks
    between. Elements within these, such as those of `shipping`, are left out.

    Args:
      source: Name of the file, for messages.
      content: The bytes of the file.

    Raises:
      UserError: If it is no such feed, is in UTF-16, declares entities, or is too
        large.

    Example:
      >>> feed = b"<rss><item><id>7</id><color>Red</color></item></rss>"
      >>> read_feed("feed.xml", feed).columns
      {'id': ['7'], 'color': ['Red']}
    """
    if b"\0" in content:  # Where what it declares is spelled otherwise.
        raise UserError("the feed is UTF-16 or damaged. Export it again, in UTF-8")
    if _DECLARES.search(content):
        raise UserError(
            "the feed declares entities or a document type, which no shop needs and "
            "which could fill the memory. Export it without"
        )
    try:
        columns, lines = of_records(enumerate(_products(content), 1), len(content))
    except UserError:  # Of the columns: the text is XML.
        raise
    except (ElementTree.ParseError, expat.ExpatError, ValueError) as error:
        raise UserError(f"the feed is not XML: {error}. Export it again") from error
    if not lines:
        raise UserError(f"the feed {source} has no products: no 'item' and no 'entry'")
    named = zip(to_names(list(columns)), columns.values(), strict=True)
    return RawTable(dict(named), lines, is_marked=False)


def _products(content: bytes) -> Iterator[dict[str, str]]:
    """The texts of each product's elements, by their names."""
    path: list[ElementTree.Element] = []
    file = io.BytesIO(content)
    # Entities, which could fill the memory or name files, are refused before.
    for event, element in ElementTree.iterparse(file, ("start", "end")):  # noqa: S314
        if event == "start":
            path.append(element)
            if len(path) > _MOST_DEEP:
                raise ValueError(
                    f"it has more than {_MOST_DEEP} elements in each other"
                )
            continue
        path.pop()
        if _name_of(element) in _PRODUCTS:
            yield _texts_of(element)
            element.clear()
            if path:  # The channel would keep all products.
                path[-1].remove(element)


def _texts_of(product: ElementTree.Element) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    for child in product:
        text = (child.text or child.get("href") or "").strip()
        if text and not len(child):
            texts.setdefault(_name_of(child), []).append(text)
    return {name: BETWEEN.join(dict.fromkeys(of)) for name, of in texts.items()}


def _name_of(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
