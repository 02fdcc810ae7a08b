"""What a page may weigh."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from cv_tf import command
from cv_tf.settings import setting


@dataclasses.dataclass(kw_only=True)
class PageSettings:
    """A page for people to look at."""

    page: str = setting(
        "", "HTML file for a page that needs no other file; empty for none."
    )
    page_photos: int = setting(
        3000, "Photos in --page at most, of what it shows first.", minimum=0
    )
    page_megabytes: float = setting(
        16.0, "Megabytes of photos in --page at most.", minimum=0.0
    )


def check_page(settings: PageSettings, overwrite: bool) -> Path | None:
    """Where the page is to be written; None where it is not.

    Raises:
      ConfigError: If it cannot be written there.
    """
    if not settings.page:
        return None
    return command.check_output(settings.page, overwrite, (".html",), "--page")
