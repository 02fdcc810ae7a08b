"""Cells of files for shops: text, addresses, prices, codes, and names of options."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from cv_tf.shop_files.listing import Listing, Notes

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ud800-\udfff]")
_NOT_IN_ADDRESS = re.compile(rf"\s|{_CONTROL.pattern}")
# An amount with a currency before or after it, and with marks between thousands.
_PRICE = re.compile(
    r"(?:([A-Z]{3}|[$\u20ac\xa3\xa5])\s?)?([0-9][0-9.,'\u2019\s]{0,20}?)"
    r"(?:\s?([A-Z]{3}|[$\u20ac\xa3\xa5]))?"
)
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:[.,'\u2019\s][0-9]{3})+")
_CENTS = re.compile(r"(.+)[.,]([0-9]{1,2})|([0-9]+)\.([0-9]{4,6})")
_SIGNS = {"\u20ac": "EUR", "\xa3": "GBP"}  # Others are of several currencies.
_DIGEST = 8  # Hexadecimal digits that tell changed codes from each other.
_NO_COLOR = "products without a color, whose ids stand for it"
_NUMBERED = "products of the color of another one of their group, which is numbered"
ONE_SIZE = "One size"


def plain(text: str) -> str:
    """Text without control characters, its lines ended by line feeds."""
    if text.isprintable():  # As nearly all is.
        return text.strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text).strip()


def one_line(text: str) -> str:
    """Text in one line, with single blanks."""
    return " ".join(plain(text).split())


def cut(text: str, most: int, what: str, notes: Notes, product: str) -> str:
    """Text of `most` characters at most; notes where something is cut off.

    Args:
      text: The text.
      most: Number of characters, as Unicode counts them.
      what: What the text is, such as "title".
      notes: Where to note it.
      product: Id of the product or group, for the note.
    """
    if len(text) <= most:
        return text
    notes.add(f"products whose {what} is cut to {most:,} characters", product)
    end = most
    while end > 1 and unicodedata.combining(text[end]):  # A letter keeps its accents.
        end -= 1
    return text[:end].rstrip()


def address(text: str, most: int = 2000) -> str:
    """An address of the web as it is; "" where it is none or has more characters.

    Example:
      >>> address("https://example.com/a.jpg"), address("images/a.jpg")
      ('https://example.com/a.jpg', '')
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return ""
    is_whole = len(text) <= most and not _NOT_IN_ADDRESS.search(text)
    return text if is_one and is_whole else ""


def photo_address(listing: Listing, row: int, notes: Notes) -> str:
    """The address of a product's photo: `image_link`, else `image` if it is one."""
    found = address(listing.cell("image_link", row)) or address(listing.image[row])
    if not found:
        notes.add(
            "products without an address of their photo (image_link)",
            listing.product_id[row],
        )
    return found


def more_photos(listing: Listing, row: int, most: int = 10) -> list[str]:
    """The addresses of a product's further photos, `additional_image_link`.

    Commas separate them, and are percent-encoded within.
    """
    pieces = listing.cell("additional_image_link", row).split(",")
    return list(filter(None, map(address, pieces)))[:most]


class Price(NamedTuple):
    """An amount, as digits with a point, and its currency, "" where none is named."""

    amount: str
    currency: str


def price_of(listing: Listing, name: str, row: int, notes: Notes) -> Price:
    """The price in a further column; an empty amount where there is none.

    A comma or point before one or two last digits begins the cents; one before three
    stands between thousands.

    Example:
      >>> products = Listing(["A"], ["A"], ["A"], [""], [""], [1], {"price": ["5 EUR"]})
      >>> price_of(products, "price", 0, Notes())
      Price(amount='5', currency='EUR')
    """
    text = listing.cell(name, row).strip()
    match = _PRICE.fullmatch(text)
    if match and (amount := _amount_of(match[2])):
        currency = match[1] or match[3] or ""
        return Price(
            amount, _SIGNS.get(currency, currency if currency.isalpha() else "")
        )
    if text:
        notes.add(
            f"products whose {name}, unlike '19.90' or '19.90 EUR', is left out",
            listing.product_id[row],
        )
    return Price("", "")


def _amount_of(text: str) -> str:
    """An amount as digits with a point; "" where it is none.

    Example:
      >>> [_amount_of(it) for it in ("19,90", "1.234,50", "1,234.5", "1 234", "1,2,3")]
      ['19.90', '1234.50', '1234.5', '1234', '']
    """
    text = text.strip()
    whole, cents = text, ""
    if found := _CENTS.fullmatch(text):
        whole, cents = (found[1], found[2]) if found[1] else (found[3], found[4])
    if not whole.isdecimal():
        marks = set(re.sub("[0-9]", "", whole))
        if len(marks) > 1 or not _THOUSANDS.fullmatch(whole):
            return ""
        whole = re.sub("[^0-9]", "", whole)
    return f"{whole}.{cents}" if cents else whole


class Codes:
    """Makes codes of names: of few characters, of bounded length, and unique.

    A name that can be a code stays as it is. In others, accents are dropped, and what
    is not allowed becomes a `filler`. Where that would be the code of another name, is
    too long, or lacks letters of the name, a digest of the name is added. Codes that
    differ in case alone count as one.

    Args:
      allowed: Characters of a code, as the inside of a class of regular expressions.
      most: Number of its characters at most, 20 or more.
      filler: What takes the place of other characters.
      taken: Names that are taken already.

    Example:
      >>> codes = Codes("A-Za-z0-9_", 50)
      >>> [codes.of(name) for name in ("A7", "dark grey", "Crème", "dark-grey")]
      ['A7', 'dark_grey', 'Creme', 'dark_grey_b321541d']
    """

    def __init__(
        self, allowed: str, most: int, filler: str = "_", taken: Sequence[str] = ()
    ):
        self._others = re.compile(f"[^{allowed}]+")
        self._most, self._filler = most, filler
        self._taken = {name.casefold() for name in taken}
        self._known: dict[str, str] = {}

    def of(self, name: str) -> str:
        """The code of a name, the same each time it is asked for."""
        if name not in self._known:
            code = self._made(name)
            self._taken.add(code.casefold())
            self._known[name] = code
        return self._known[name]

    def _made(self, name: str) -> str:
        letters = [it for it in unicodedata.normalize("NFKD", name) if not _is_mark(it)]
        ascii_letters = "".join(it for it in letters if it.isascii())
        text = self._others.sub(self._filler, ascii_letters)
        if text != name:
            text = text.strip(self._filler)
        is_whole = len(ascii_letters) == len(letters) and 0 < len(text) <= self._most
        if is_whole and text.casefold() not in self._taken:
            return text
        digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
        start = text[: self._most - _DIGEST - 1].rstrip(self._filler)
        places = range(len(digest) - _DIGEST)
        ends = (digest[place : place + _DIGEST] for place in places)
        codes = (f"{start}{self._filler}{end}" if start else end for end in ends)
        return next(code for code in codes if code.casefold() not in self._taken)


def _is_mark(letter: str) -> bool:
    return bool(unicodedata.combining(letter))


class Option(NamedTuple):
    """What a variant is told from the others of its group by.

    Attributes:
      color: Name of its color, unlike those of the others unless sizes differ.
      size: Its size; "" where the group does not differ in size.
    """

    color: str
    size: str


def options_of(
    listing: Listing, rows: Sequence[int], notes: Notes, most: int = 255
) -> list[Option]:
    """The options of the products of one group, no two of them equal.

    A product without a color has its id for one. A second product of one color (and of
    one size, where they differ in size) is numbered: "Black 2". Capital and small
    letters count as equal.

    Args:
      listing: All products.
      rows: Those of the group.
      notes: Where to note what was changed.
      most: Number of characters of a color or size at most.
    """
    sizes = [one_line(listing.cell("size", row)) for row in rows]
    differ = len(set(sizes)) > 1
    taken: set[tuple[str, str]] = set()
    options = []
    for row, size in zip(rows, sizes, strict=True):
        product = listing.product_id[row]
        color = one_line(listing.color[row])
        if not color:
            notes.add(_NO_COLOR, product)
            color = one_line(product)
        room = most - 7  # For the number.
        color = cut(color, room, "color", notes, product)
        own = cut(size or ONE_SIZE, most, "size", notes, product) if differ else ""
        name, turn = color, 1
        while (name.casefold(), own.casefold()) in taken:
            turn += 1
            name = f"{color} {turn}"
        if turn > 1:
            notes.add(_NUMBERED, product)
        taken.add((name.casefold(), own.casefold()))
        options.append(Option(name, own))
    return options


def title_of(listing: Listing, row: int, most: int, notes: Notes) -> str:
    """The title of a product, in one line; its id where it has none."""
    product = listing.product_id[row]
    title = one_line(listing.cell("title", row))
    if not title:
        notes.add("products without a title, whose ids stand for it", product)
        title = one_line(product)
    return cut(title, most, "title", notes, product)


def stock_of(text: str) -> str:
    """The availability in Google's words; "" where it is not known.

    Example:
      >>> stock_of("In stock"), stock_of("false"), stock_of("soon")
      ('in_stock', 'out_of_stock', '')
    """
    word = re.sub(r"[\s_-]+", "", text.casefold().rpartition("/")[2])
    return _STOCK.get(word, "")


_STOCK = {
    **dict.fromkeys(("instock", "available", "true", "yes", "1"), "in_stock"),
    **dict.fromkeys(
        ("outofstock", "soldout", "unavailable", "false", "no", "0"), "out_of_stock"
    ),
    "preorder": "preorder",
    **dict.fromkeys(("backorder", "onbackorder"), "backorder"),
}
