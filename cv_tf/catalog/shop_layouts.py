"""What the columns of a table are, by the layout of a shop's export or usual names."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from absl import logging

from cv_tf.catalog.known_columns import LAYOUTS, USUAL
from cv_tf.catalog.raw_table import shown
from cv_tf.errors import UserError
from cv_tf.files import did_you_mean

# What a user may name: all columns that cv_tf knows.
_NAMES = {*USUAL}.union(*(layout.columns for layout in LAYOUTS.values()))
# Names of columns that Akeneo gives a locale and channel: `name-en_US-ecommerce`.
_LOCALE = re.compile(r"-[a-z]{2,3}_[A-Z]{2}(-\w+)?$|-\w+$")


class Names(NamedTuple):
    """What the columns of a table are.

    Attributes:
      layout: Key of `LAYOUTS`; "" for a table of no known layout.
      source_of: Column in the table, by the name of cv_tf.
    """

    layout: str
    source_of: Mapping[str, str]


def plain(name: str) -> str:
    """A name of a column without case, blanks and marks.

    Example:
      >>> plain("Option1 Value")
      'option1value'
    """
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def find_names(
    source: str, header: Collection[str], columns: Sequence[str] = ()
) -> Names:
    """Tells what the columns of a table are, and says what is taken for what.

    A column that has a name of cv_tf keeps it. Others are found by the layout of a
    shop's export that the header has, or by their usual names.

    Args:
      source: Name of the table, for messages.
      header: Names of its columns.
      columns: Names that a user gives: a key of `LAYOUTS`, and `name:column` for each
        column that cv_tf calls otherwise.

    Raises:
      UserError: If a column or layout that the user names is not there.

    Example:
      >>> find_names("my.csv", ["sku", "image_url"]).source_of
      {'product_id': 'sku', 'image': 'image_url'}
    """
    layout, given = _parse(source, header, columns)
    if not layout and not {"product_id", "image"} <= {*header, *given}:
        layout = _layout_of(header, given)
    source_of = {}
    if layout:
        source_of = _find(header, LAYOUTS[layout].columns, _is_akeneo(layout))
        if layout == "woocommerce" and (colors := _find_colors(header)):
            source_of.setdefault("color", colors)
    taken = {*source_of.values(), *given.values()}
    unnamed = {name: names for name, names in USUAL.items() if name not in source_of}
    if layout or {"product_id", "image"} <= {*header}:
        # A label is not guessed where a layout tells what there is, nor where whoever
        # wrote the table knows the names of cv_tf.
        unnamed.pop("style_id", None)
    others = [name for name in header if name not in taken or name in USUAL]
    source_of |= _find(others, unnamed, _is_akeneo(layout))
    source_of = {k: v for k, v in source_of.items() if v not in given.values()} | given
    if missing := _missing(layout, source_of):
        _raise_missing(source, layout, header, missing)
    _say(source, layout, source_of)
    return Names(layout, source_of)


def _missing(layout: str, there: Collection[str]) -> list[str]:
    """The columns that a layout needs and that are not there."""
    needs = LAYOUTS[layout].needs if layout else ()
    return [name for name in needs if name not in there]


def _raise_missing(
    source: str, layout: str, header: Collection[str], missing: Sequence[str]
) -> None:
    title, _, columns, _ = LAYOUTS[layout]
    usual = [f"{name} (such as {columns[name][0]!r})" for name in missing]
    raise UserError(
        f"{source} is not {title}: it has no column for {' and '.join(usual)}; it "
        f"has {shown(map(repr, header))}. Name the columns, as in "
        f"--columns={layout},{missing[0]}:NAME, or leave {layout!r} out"
    )


def is_called(name: str, column: str) -> bool:
    """Whether an option or attribute, as `plain` gives its name, is a column of cv_tf.

    Example:
      >>> is_called("farbe", "color"), is_called("pacolor", "color")
      (True, True)
      >>> is_called("size", "color"), is_called("grösse", "size")
      (False, True)
    """
    return name.removeprefix("pa") in USUAL[column]


def _is_akeneo(layout: str) -> bool:
    return layout == "akeneo"


def _parse(
    source: str, header: Collection[str], columns: Sequence[str]
) -> tuple[str, dict[str, str]]:
    """The layout and the columns that a user has named."""
    layouts: list[str] = []
    given: dict[str, str] = {}
    for entry in columns:
        name, colon, column = (part.strip() for part in entry.partition(":"))
        if not colon and name in LAYOUTS:
            layouts.append(name)
        elif not colon:
            raise UserError(
                f"--columns={entry} is no layout; there are {', '.join(LAYOUTS)}. "
                f"{did_you_mean(name, LAYOUTS)} Columns are named as in "
                "product_id:sku,image:image_url."
            )
        elif name not in _NAMES:
            raise UserError(
                f"--columns={entry}: there is no column {name!r} in cv_tf. "
                f"{did_you_mean(name, _NAMES)} Before the colon is one of "
                f"{', '.join(sorted(_NAMES))}"
            )
        elif column not in header:
            raise UserError(
                f"--columns={entry}: {source} has no column {column!r}; it has "
                f"{shown(map(repr, header))}. {did_you_mean(column, header)}".rstrip()
            )
        elif name in given or column in given.values():
            twice = name if name in given else column
            raise UserError(
                f"--columns={','.join(columns)} names {twice!r} twice. Name each "
                "column once"
            )
        else:
            given[name] = column
    if len(layouts) > 1:
        raise UserError(
            f"--columns names several layouts, {' and '.join(layouts)}. Name one"
        )
    return "".join(layouts), given


def _layout_of(header: Collection[str], given: Collection[str]) -> str:
    """The layout of which a header has the marks and, with what is given, the columns.

    "" if there is none.
    """
    there = {plain(name) for name in header}
    for name, layout in LAYOUTS.items():
        if all(there & {*mark} for mark in layout.marks):
            found = _find(header, layout.columns, _is_akeneo(name))
            if not _missing(name, {*found, *given}):
                return name
    return ""


def _find(
    header: Collection[str],
    columns: Mapping[str, Sequence[str]],
    has_locales: bool = False,
) -> dict[str, str]:
    """The first column of a header that has a name, by the name of cv_tf."""
    spelled: dict[str, str] = {}
    for name in header:
        spelled.setdefault(plain(name), name)
    for name in header if has_locales else ():
        spelled.setdefault(plain(_LOCALE.sub("", name)), name)
    found: dict[str, str] = {}
    for name, names in columns.items():
        if name in header:
            found[name] = name
            continue
        taken = {*found.values(), *(set(columns) & set(header))}
        usual = (spelled[it] for it in names if spelled.get(it, "") not in {"", *taken})
        if column := next(usual, ""):
            found[name] = column
    return found


def _find_colors(header: Collection[str]) -> str:
    """A column of WooCommerce that plugins write, such as "Attribute: Color"."""
    colors = {f"attribute{name}" for name in USUAL["color"]}
    return next((name for name in header if plain(name) in colors), "")


def _say(source: str, layout: str, source_of: Mapping[str, str]) -> None:
    taken = [f"{k} from {v!r}" for k, v in source_of.items() if k != v]
    if layout:
        text = f"read as {LAYOUTS[layout].title}: {', '.join(taken)}"
        logging.warning("%s is %s. Pass --columns to say otherwise.", source, text)
    elif taken:
        logging.warning("%s: taken is %s.", source, ", ".join(taken))
