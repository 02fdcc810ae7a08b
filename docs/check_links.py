"""Checks that each link of the built site leads to a file and a place in it.

python -m docs.check_links build/site
"""

from __future__ import annotations

import sys
from pathlib import Path

from docs.api.pages import Page


def check(site: Path) -> None:
    """Reads all pages.

    Raises:
      ValueError: If a link leads nowhere, or out of the site.
    """
    files = sorted(path for path in site.rglob("*") if path.is_file())
    pages = {path: Page(path) for path in files if path.suffix == ".html"}
    ids = {path: pages[path].ids if path in pages else {""} for path in files}
    api = site / "api"  # `docs.api.build` has checked these.
    others = [page for path, page in pages.items() if api not in path.parents]
    if problems := [problem for page in others for problem in page.broken_links(ids)]:
        raise ValueError("\n".join(["The site is wrong:", *problems]))
    print(f"{len(pages)} pages: {site}/index.html")


if __name__ == "__main__":
    check(Path(sys.argv[1]).resolve())
