"""Self-contained pages: one file, without script, that asks nothing of any server."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import jinja2

from cv_tf.catalog.whole_file import whole_file


def write_page(path: Path, template: str, **values: Any) -> None:
    """Writes a page that appears whole or not at all.

    Args:
      path: Of the file.
      template: Name of a file in `cv_tf/report/templates`, such as
        "neighbors.html.j2". It extends "base.html.j2", which has the head with the
        styles, and "photo.html.j2" has a macro for thumbnails and their stand-ins.
      **values: What the template asks for. Text in it is escaped.

    Raises:
      jinja2.UndefinedError: If the template asks for a value that is not there.
    """
    page = _environment().get_template(template).render(values)
    with whole_file(path) as unfinished:
        # A path whose name is no text must not cost the rest of the page.
        unfinished.write_text(page, encoding="utf-8", errors="replace")


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("cv_tf.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
