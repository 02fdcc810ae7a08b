"""The pages of the documentation, in the order in which they are listed."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
INDEX = ROOT / "docs" / "index.md"


def pages_in_order(page: Path = INDEX, seen: set[Path] | None = None) -> list[Path]:
    """A page and all that its lists of contents lead to, each once."""
    seen = set() if seen is None else seen
    if page in seen:
        return []
    seen.add(page)
    return [page, *(p for next_ in listed(page) for p in pages_in_order(next_, seen))]


def listed(page: Path) -> Iterator[Path]:
    """The pages that the lists of contents of a page name."""
    text = page.read_text()
    for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", text, re.M | re.S):
        for line in block.splitlines():
            entry = line.rpartition("<")[2].rstrip("> ")
            if not entry or entry.startswith(":"):
                continue
            folder = ROOT if entry.startswith("/") else page.parent
            yield from sorted(folder.glob(f"{entry.lstrip('/')}.md"))
