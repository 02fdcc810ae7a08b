"""Names that are the same but for their spelling."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from typing import NamedTuple


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

    A hint is given for names that differ in leading zeros, a `.0` at the end, capital
    letters, blanks around them, or their Unicode form, and for no others: ids that are
    only similar are those of other products.
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
    if composed(name) == composed(meant):
        return "Their letters are in two Unicode forms."
    if name.strip() == meant.strip():
        return "Blanks around an id count."
    if folded(name) == folded(meant):
        return "Capital letters count."
    if ".0" in (name[-2:], meant[-2:]):
        return "Some tools write whole numbers with '.0'."
    return "Spreadsheets drop leading zeros."


def composed(name: str) -> str:
    """A name in the Unicode form that has one character for a letter and its accent."""
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """A name in small letters and one Unicode form, without blanks around it."""
    return composed(composed(name).casefold()).strip()


def bare(name: str) -> str:
    """A name as tools may leave it that take it for a number."""
    return folded(name).removesuffix(".0").lstrip("0")
