"""Self-contained pages: one file that asks nothing of any server."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import markupsafe
import numpy as np

from cv_tf import command
from cv_tf.catalog import number_styles
from cv_tf.files import whole_file
from cv_tf.settings import setting


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


class Styles(NamedTuple):
    """The known truth about n products.

    Attributes:
      number: `[n]` integers; -1 where unknown.
      names: Of the styles, by number.
    """

    number: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def of(cls, product_id: np.ndarray, labels: Mapping[str, str]) -> Styles | None:
        """The styles of products; None where no two of them are known to share one.

        Args:
          product_id: `[n]` object (str).
          labels: Products, these or others, to their styles; "" where unknown.
        """
        styles = [labels.get(product, "") for product in product_id]
        names = tuple(sorted(set(styles) - {""}))
        if len(names) == sum(style != "" for style in styles):
            return None
        return cls(number_styles(styles), names)


def product_columns(
    product_id: np.ndarray, color: np.ndarray | None, styles: np.ndarray | None
) -> dict[str, Any]:
    """What is said of each product on every page.

    Args:
      product_id: `[n]` object (str).
      color: `[n]` object (str); None if unknown.
      styles: `[n]` integers, -1 where unknown; None if none is known.
    """
    columns: dict[str, Any] = {"id": product_id.tolist()}
    if color is not None:
        columns["color"] = color.tolist()
    if styles is not None:
        columns["style"] = styles.tolist()
    return columns


def blocks_to_tell(block_names: Sequence[str]) -> list[str]:
    """The names of blocks; none where all products are in one, which is no news."""
    return [] if tuple(block_names) == ("all",) else list(block_names)


def thousandths(values: np.ndarray) -> list[int]:
    """Shares and similarities as a page holds them: short, and precise enough."""
    return np.round(np.asarray(values, np.float64) * 1000).astype(np.int64).tolist()
