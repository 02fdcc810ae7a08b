"""Guesses from a product's name which design it is: the name without its colors."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_NO_COLORS = ("", "na")


class ColorWords:
    """The words for colors that a shop uses.

    Args:
      colors: All that its table has, such as "Navy Blue".
    """

    def __init__(self, colors: Iterable[str]):
        self._colors = {normalize(color) for color in colors} - set(_NO_COLORS)
        self._patterns: dict[str, re.Pattern] = {}

    def design(self, name: str, color: str) -> str:
        """What is left of a name without colors.

        Every color of the table is taken out, and each word of the product's own:
        "Newfeel Unisex White, Blue and Orange Shoes" becomes "newfeel unisex shoes".
        Words that are a part of another color's name only ("sea" of "Sea Green") stay.

        Args:
          name: Of the product.
          color: Of the product, in the shop's words.

        Returns:
          Words in small letters, joined by blanks.
        """
        if color not in self._patterns:
            self._patterns[color] = self._pattern(color)
        return " ".join(self._patterns[color].sub(" ", normalize(name)).split())

    def _pattern(self, color: str) -> re.Pattern:
        words = self._colors | set(normalize(color).split()) - set(_NO_COLORS)
        longest_first = sorted(words, key=lambda word: (-len(word), word))
        one = "|".join(map(re.escape, longest_first)) or "(?!)"
        return re.compile(rf"\b(?:{one})(?: (?:and )?(?:{one}))*\b")


def normalize(text: str) -> str:
    """Small letters and digits, single blanks; "Women's A&B" is "womens a and b"."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub("['`\N{RIGHT SINGLE QUOTATION MARK}]", "", text)
    text = re.sub(r"[&+]", " and ", text)
    return " ".join(re.sub(r"[\W_]+", " ", text).split())
