"""Self-contained pages: one file that asks nothing of any server."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import markupsafe

from cv_tf.catalog.whole_file import whole_file


def write_page(
    path: Path, template: str, scripts: Sequence[str] = (), **values: Any
) -> None:
    """Writes a page that appears whole or not at all.

    Args:
      path: Of the file.
      template: Name of a file in `cv_tf/report/templates`, such as
        "neighbors.html.j2". It extends "base.html.j2", which has the head with the
        styles, and "photo.html.j2" has a macro for thumbnails and their stand-ins.
      scripts: Names of JavaScript files of that folder, which are run one after the
        other when the page is read. The page's policy allows them, and no others.
      **values: What the template asks for. Text in it is escaped.

    Raises:
      jinja2.UndefinedError: If the template asks for a value that is not there.
    """
    script = "".join(map(_source, scripts))
    page = (
        _environment()
        .get_template(template)
        .render(
            # It is ours: nothing of a catalogue is in it.
            script=markupsafe.Markup(script),  # noqa: S704
            script_digest=_digest(script),
            **values,
        )
    )
    with whole_file(path) as unfinished:
        # A path whose name is no text must not cost the rest of the page.
        unfinished.write_text(page, encoding="utf-8", errors="replace")


def _source(name: str) -> str:
    environment = _environment()
    return environment.loader.get_source(environment, name)[0]


def _digest(script: str) -> str:
    """By which a browser knows the script that a policy allows."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cv_tf.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # `tojson` writes what may stand in a page, in as few letters as it can.
    environment.policies["json.dumps_kwargs"] = {
        "ensure_ascii": False,
        "separators": (",", ":"),
    }
    return environment
