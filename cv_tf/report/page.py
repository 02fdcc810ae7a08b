"""Self-contained HTML pages: their settings, templates and common values."""

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
from cv_tf.atomic import whole_file
from cv_tf.catalog import number_styles
from cv_tf.config import EvaluationSettings
from cv_tf.settings import setting

# `tojson` is to write compact JSON.
_COMPACT = {"ensure_ascii": False, "separators": (",", ":")}


class Script(NamedTuple):
    """The script of a page, and by what its content security policy knows it."""

    text: str
    digest: str  # "sha256-" and base64.


def read_script(names: Sequence[str], room: str = "report") -> Script:
    """Joins scripts, which run in their order; `render_page` says where they are."""
    environment = _environment(room)
    loader = environment.loader
    assert loader is not None  # noqa: S101 (`_environment` gives one)
    text = "".join(loader.get_source(environment, name)[0] for name in names)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Script(text, f"sha256-{digest}")


def render_page(
    template: str, scripts: Sequence[str] = (), room: str = "report", **values: Any
) -> str:
    """The text of a page.

    `template` and `scripts` are files of `cv_tf/ROOM/templates`, or else of
    `cv_tf/report/templates`; the content security policy of the page allows no other
    scripts. Text in the values of the template's variables is escaped; a missing one
    raises `jinja2.UndefinedError`.
    """
    script = read_script(scripts, room)
    return (
        _environment(room)
        .get_template(template)
        .render(
            # Safe: scripts are part of this package and hold no data of a catalog.
            script=markupsafe.Markup(script.text),  # noqa: S704
            script_digest=script.digest,
            **values,
        )
    )


def write_page(
    path: Path, template: str, scripts: Sequence[str] = (), **values: Any
) -> None:
    """Writes a page of `render_page` that appears whole or not at all."""
    page = render_page(template, scripts, **values)
    with whole_file(path) as unfinished:
        # A file name that is not valid Unicode must not prevent the page.
        unfinished.write_text(page, encoding="utf-8", errors="replace")


@functools.cache
def _environment(room: str) -> jinja2.Environment:
    rooms = dict.fromkeys((room, "report"))
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader(f"cv_tf.{name}", "templates") for name in rooms]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = _COMPACT
    return environment


@dataclasses.dataclass(kw_only=True)
class PageSettings:
    """Settings of the page that a command writes with `--page`."""

    page: str = setting(
        "", "HTML file for a page that needs no other file; empty for none."
    )
    page_photos: int = setting(
        3000, "Photos in --page at most, of what it shows first.", minimum=0
    )
    page_megabytes: float = setting(
        16.0, "Megabytes of photos in --page at most.", minimum=0.0
    )


@dataclasses.dataclass(kw_only=True)
class EvaluationPageSettings(PageSettings, EvaluationSettings):
    """Settings of the page, and of the figures on it."""


def check_page(settings: PageSettings, overwrite: bool) -> Path | None:
    """Returns the path of the page; None if no page is asked for.

    Raises:
      ConfigError: If the page cannot be written to that path.
    """
    if not settings.page:
        return None
    return command.check_output(settings.page, overwrite, (".html",), "--page")


class Styles(NamedTuple):
    """The known styles of n products, and the names of the styles by number."""

    number: np.ndarray  # `[n]` integers; -1 if unknown.
    names: tuple[str, ...]

    @classmethod
    def of(cls, product_id: np.ndarray, labels: Mapping[str, str]) -> Styles | None:
        """Looks up the styles, "" if unknown; None if no two products share a style."""
        styles = [labels.get(product, "") for product in product_id]
        names = tuple(sorted(set(styles) - {""}))
        if len(names) == sum(style != "" for style in styles):
            return None
        return cls(number_styles(styles), names)


def product_columns(
    product_id: np.ndarray, color: np.ndarray | None, styles: np.ndarray | None
) -> dict[str, Any]:
    """The columns of products that pages with scripts hold as JSON.

    Colors are None if unknown. Styles are numbers, -1 if unknown; None if all are.
    """
    columns = {"id": product_id, "color": color, "style": styles}
    return {name: of.tolist() for name, of in columns.items() if of is not None}


def blocks_to_tell(block_names: Sequence[str]) -> list[str]:
    """The names of blocks; none if all products are in the one block "all"."""
    return [] if tuple(block_names) == ("all",) else list(block_names)


def thousandths(values: np.ndarray) -> list[int]:
    """Rounds shares and similarities to integer thousandths, to keep the page small."""
    return np.round(np.asarray(values, np.float64) * 1000).astype(np.int64).tolist()
