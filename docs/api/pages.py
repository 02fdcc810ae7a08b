"""What the pages of the API documentation refer to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

_NO_END = ("br", "hr", "img", "input", "link", "meta", "path", "wbr")
_SOURCE = "pdoc-code codehilite"  # The class of source code.


class Page(HTMLParser):
    """What a page has and what it refers to.

    Attributes:
      ids: Where links can lead.
    """

    def __init__(self, path: Path):
        super().__init__()
        self._path = path
        self._open: list[tuple[str, str]] = []  # Tags and their classes.
        self.ids = {""}
        self._links: list[str] = []
        self._unlinked = [""]
        self.feed(path.read_text())

    def problems(self, ids: Mapping[Path, set[str]]) -> list[str]:
        """Says which links lead nowhere, and which names of cv_tf are not linked.

        Args:
          ids: Of all pages, by their paths.
        """
        names = re.findall(r"\bcv_tf(?:\.\w+)+", "".join(self._unlinked))
        return [
            *self.broken_links(ids),
            *(f"{self._path}: {name} is not public." for name in sorted(set(names))),
        ]

    def broken_links(self, ids: Mapping[Path, set[str]]) -> list[str]:
        """Says which links lead nowhere.

        Args:
          ids: Of all pages, by their paths, and "" for the place of other files.
        """
        broken = (link for link in self._links if not self._leads(link, ids))
        return [f"{self._path}: '{link}' leads nowhere." for link in broken]

    def _leads(self, link: str, ids: Mapping[Path, set[str]]) -> bool:
        page, _, place = link.partition("#")
        path = (self._path.parent / page).resolve() if page else self._path
        return place in ids.get(path, ())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes places and links."""
        values = dict(attrs)
        self.ids |= {values["id"]} if values.get("id") else set()
        link = values.get("href") if tag == "a" else None
        if link and not link.startswith("https://") and not self._in_source():
            self._links.append(link)
        if tag not in _NO_END:
            self._open.append((tag, values.get("class") or ""))

    def handle_endtag(self, tag: str) -> None:
        """Leaves what was open."""
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Notes text of the main part that is no link, nor the title, nor source."""
        tags = [tag for tag, _ in self._open]
        if "main" in tags and not {"a", "h1"} & {*tags} and not self._in_source():
            self._unlinked.append(data)

    def _in_source(self) -> bool:
        return any(kind == _SOURCE for _, kind in self._open)
