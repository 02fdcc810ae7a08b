"""Names that are the same but for their spelling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import NamedTuple

# What is cut from the ends of a cell: blanks and line breaks of Unicode, and what takes
# no room: soft hyphens, joiners, marks of direction, byte order marks.
EDGES = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005"
    "\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\xad\u180e\u200b\u200c"
    "\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064"
    "\u2066\u2067\u2068\u2069\ufeff"
)
_MOST_LETTERS = 256  # Of a name whose form is changed.
_WHOLE = re.compile(r"\.0+$")
# Characters that take no room, and dashes.
_UNSEEN = "\xad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_PLAIN = str.maketrans(dict.fromkeys(_UNSEEN, "") | dict.fromkeys(_DASHES, "-"))


class Unmatched(NamedTuple):
    """Names of one file that another does not have.

    Attributes:
      number: How many.
      example: One of them; "" if there is none.
      hint: A question whether a name of the other file is meant by the example, and why
        they may differ; "" where none is the same but for its spelling.
    """

    number: int
    example: str
    hint: str

    def with_hint(self, text: str) -> str:
        """A text, and the question after it."""
        return f"{text} {self.hint}".rstrip()


def find_unmatched(names: Collection[str], there: Collection[str]) -> Unmatched:
    """Which names are not there; the example has a hint if any of them has.

    A hint is given for names that differ in leading zeros or apostrophes, a `.0` at the
    end, capital letters, blanks, dashes, or their Unicode form, and for no others: ids
    that are only similar are those of other products.
    """
    have = set(there)
    missing = [name for name in names if name not in have]
    if not missing:
        return Unmatched(0, "", "")
    named, others = set(names), dict[str, str]()
    for other in there:
        if other not in named:
            others.setdefault(bare(other), other)
    for name in missing:
        if meant := others.get(bare(name)):
            hint = f"Did you mean {meant!r}? {_why_spelled_so(name, meant)}"
            return Unmatched(len(missing), name, hint)
    return Unmatched(len(missing), missing[0], "")


def _why_spelled_so(name: str, meant: str) -> str:
    unseen = "Their blanks or dashes differ, or one has characters that take no room."
    for form, why in (
        (composed, "Their letters are in two Unicode forms."),
        (str.strip, "Blanks around an id count."),
        (_plain, unseen),
        (folded, "Capital letters count."),
    ):
        if form(name) == form(meant):
            return why
    if "'" in (name[:1], meant[:1]):
        return "Spreadsheets mark text with a leading apostrophe."
    if _WHOLE.search(name) or _WHOLE.search(meant):
        return "Some tools write whole numbers with '.0'."
    return "Spreadsheets drop leading zeros."


def clean(text: str, keep_form: bool = False) -> str:
    """A text without blanks and invisible marks at its ends, in Unicode's form NFC.

    `keep_form` leaves its form, for names of files.
    """
    text = text.strip(EDGES)
    return text if keep_form or text.isascii() else composed(text)


def composed(name: str) -> str:
    """A name in the Unicode form that has one character for a letter and its accent.

    What has more than 256 letters is no name, and stays as it is: the time that accents
    take grows with the square of how many there are on one letter.
    """
    return unicodedata.normalize("NFC", name) if len(name) <= _MOST_LETTERS else name


def folded(name: str) -> str:
    """A name in small letters and one Unicode form, with plain blanks and dashes."""
    return composed(_plain(name).casefold())


def bare(name: str) -> str:
    """A name as tools may leave it that take it for a number."""
    return _WHOLE.sub("", folded(name)).lstrip("'").lstrip("0")


def _plain(name: str) -> str:
    """A name with single spaces for blanks, and without what takes no room."""
    if not name.isascii():
        name = composed(name).translate(_PLAIN)
    return " ".join(name.split())
