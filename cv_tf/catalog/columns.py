"""The columns of a table as text, and the checks of its rows."""

from __future__ import annotations

import itertools
import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from absl import logging

from cv_tf.catalog.cells import Values
from cv_tf.catalog.formulas import unmarked_cells
from cv_tf.catalog.ids_and_labels import is_missing, read_cells
from cv_tf.catalog.photo_paths import PHOTO_SUFFIXES
from cv_tf.catalog.raw_table import Problem, RawTable, check_cells, cut, shown
from cv_tf.catalog.shop_layouts import Names, find_names
from cv_tf.catalog.shop_rows import to_products
from cv_tf.catalog.table_files import read_file, unit_of
from cv_tf.errors import UserError
from cv_tf.files import did_you_mean, is_remote, similar_names

BOX_COLUMNS = ("x", "y", "width", "height")
_OPTIONAL = ("style_id", "color", "split", *BOX_COLUMNS)

_SAMPLED = 50  # Cells by which it is told that a column is of photos.
_MAX_PROBLEMS = 20  # Problems that a message spells out.


class CatalogError(UserError):
    """A catalogue that cannot be used; the message lists every reason found."""


class UnknownDatasetError(CatalogError):
    """There is no data set of a name."""


@dataclass
class Columns:
    """The cells of a table as text, column by column."""

    cells: dict[str, list[str]]  # From top to bottom; an empty cell is "".
    # Line of a CSV file where each row starts (the header is line 1), row number of a
    # spreadsheet, as it shows them, or of a Parquet file (from 1).
    lines: list[int]
    # Rows that cannot be read, and ids that another tool has spoiled.
    problems: list[Problem] = field(default_factory=list)
    # Columns of lists, structs or bytes, and what they hold.
    left_out: dict[str, str] = field(default_factory=dict)
    # Names of cv_tf, by what the table calls these columns.
    called: Mapping[str, str] = field(default_factory=dict)


def read_columns(
    path: str,
    ids: Sequence[str] = (),
    labels: Sequence[str] = (),
    columns: Sequence[str] | None = None,
) -> Columns:
    """Reads every cell of a table as text, so that `0108775015` stays as it is.

    Columns of lists, structs or bytes are left out.

    Args:
      path: CSV, JSON lines, Parquet file or spreadsheet, on disk or in object storage.
      ids: Columns of ids. Floating-point numbers there become digits, or problems.
      labels: Columns in which text such as "nan" or "N/A" is as good as an empty cell.
      columns: Layout and names of the columns, as `cv_tf.catalog.read_catalog` takes
        them: columns get the names that cv_tf has for them, and rows become products.
        None to take names and rows as they are.

    Raises:
      UserError: If the file is not a table that can be read at all.
      OSError: If it cannot be opened.
    """
    return _columns_of(path, read_file(path), ids, labels, columns)


def _columns_of(
    path: str,
    table: RawTable,
    ids: Sequence[str],
    labels: Sequence[str],
    columns: Sequence[str] | None,
) -> Columns:
    """As `read_columns`, of a file that is read; the table stays as it is."""
    name = posixpath.basename(path.rstrip("/"))
    names = Names("", {})
    if columns is not None:
        names = _with_photos(
            name, table, find_names(name, list(table.columns), columns)
        )
    called = {source: known for known, source in names.source_of.items()}
    labels = [called.get(label, label) for label in labels]
    read = Columns({}, table.lines, list(table.problems), called=called)
    num_letters = 0
    for written, values in table.columns.items():
        column = called.get(written, written)
        if names.source_of.get(column, written) != written:
            continue  # Another column is to be what this one is called.
        try:
            cells, problems = read_cells(name, column, values, ids, labels)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            read.left_out[column] = str(getattr(values, "type", "other values"))
            continue
        read.cells[column] = unmarked_cells(cells) if table.is_marked else cells
        read.problems += [(table.lines[place], what) for place, what in problems]
        if not table.is_marked:
            # Equal cells share their text in memory, but not what is made of it.
            num_letters += sum(map(len, cells))
            check_cells(len(table.lines), len(read.cells), num_letters)
    if columns is not None:
        read.cells, read.lines = to_products(name, names.layout, read.cells, read.lines)
    return read


def _with_photos(name: str, table: RawTable, names: Names) -> Names:
    """Names with the one column whose cells are photos, if none is called so."""
    if {"image", "product_images"} & {*names.source_of, *table.columns}:
        return names
    others = set(table.columns) - set(names.source_of.values())
    found = [column for column in others if _holds_photos(table.columns[column])]
    if len(found) != 1:
        return names
    what = "image is taken from %r, whose cells are names or addresses of photos"
    logging.warning("%s: %s.", name, what % found[0])
    return names._replace(source_of={**names.source_of, "image": found[0]})


def _holds_photos(values: Values) -> bool:
    """Whether the first filled cells of a column, if any, end as photos do."""
    first = list(itertools.islice(values, _SAMPLED))
    cells = [it.as_py() if isinstance(it, pa.Scalar) else it for it in first]
    names = [it.partition("?")[0].lower() for it in cells if isinstance(it, str) and it]
    return bool(names) and all(it.endswith(PHOTO_SUFFIXES) for it in names)


def read_needed(
    path: str,
    needed: Mapping[str, str],
    ids: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> Columns:
    """Reads every cell of a table as text, of which some columns must be there.

    Where one is not, columns are known by their usual names, and rows of a shop's
    export become products, as in a catalogue.

    Args:
      path: CSV, JSON lines, Parquet file or spreadsheet.
      needed: Names of the columns that must be there, and what each is for.
      ids: Columns that hold ids.
      labels: Columns that hold labels.

    Raises:
      CatalogError: If the file cannot be read, has a problem, or lacks one of them.
    """
    try:
        table = read_file(path)
        has_all = set(needed) <= set(table.columns)
        columns = _columns_of(path, table, ids, labels, None if has_all else ())
        if not has_all and not set(needed) <= set(columns.cells):
            columns = _columns_of(path, table, ids, labels, None)
    except (OSError, ValueError) as error:
        raise catalog_error(path, error) from error
    raise_problems(path, columns.problems)
    for column, remedy in needed.items():
        if column not in columns.cells:
            kind = columns.left_out.get(column)
            what = f" of text (it holds {kind})" if kind else ""
            raise CatalogError(
                f"{path} has no column '{column}'{what}; it has "
                f"{shown(columns.cells)}. Add it: {remedy}."
            )
    return columns


def catalog_error(path: str, error: Exception) -> CatalogError:
    """The error for a table, which names the file, that another error is told by."""
    if isinstance(error, FileNotFoundError):
        return CatalogError(f"{path} does not exist. {_similar_file(path)}".rstrip())
    text = str(error)
    is_named = text.startswith((f"'{path}'", path))
    return CatalogError(text if is_named else f"{path}: {text}")


def _similar_file(path: str) -> str:
    """A question that suggests files whose names are like that of a missing one."""
    if is_remote(path):
        return ""
    folder, name = posixpath.split(path)
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208 (names, not paths)
    except (OSError, ValueError):
        return f"Nor does its folder {folder}."
    return did_you_mean(name, names)


def raise_problems(name: str, problems: Sequence[Problem], advice: str = "") -> None:
    """Raises one error that lists the first 20 problems by line, then says what to do.

    Raises:
      CatalogError: If there is a problem.
    """
    if not problems:
        return
    text = [f"{name}: {len(problems)} problem{'s' if len(problems) > 1 else ''}."]
    unit = unit_of(name)
    first = sorted(problems)[:_MAX_PROBLEMS]
    text += [f"  {unit} {line}: {cut(what)}." for line, what in first]
    if len(problems) > _MAX_PROBLEMS:
        text.append(f"  ... and {len(problems) - _MAX_PROBLEMS} more.")
    raise CatalogError("\n".join([*text, advice] if advice else text))


def check_columns(name: str, columns: Columns, block_columns: Sequence[str]) -> None:
    """Checks that a table has the columns it needs; warns of others that are left out.

    Raises:
      CatalogError: If a column is missing; the message says which ones exist.
    """
    there = list(columns.cells)
    needed = ("product_id", "image", *block_columns)
    missing = [column for column in needed if column not in there]
    if not missing:
        for column in sorted(set(columns.left_out) & set(_OPTIONAL)):
            what = f"'{column}' is left out, as it holds {columns.left_out[column]}"
            logging.warning("%s: the column %s. Write it as text.", name, what)
        return
    similar = similar_names(missing, there).items()
    hint = {name: f" (is it {near[0]!r}?)" if near else "" for name, near in similar}
    for column in set(missing) & set(columns.left_out):
        hint[column] = f" of text (it holds {columns.left_out[column]})"
    hints = [f"no column {column!r}{hint[column]}" for column in missing]
    advice = (
        "Rename the columns of the table, or say which they are, as in "
        "--columns=product_id:sku,image:photo."
    )
    if set(missing) & set(block_columns):
        advice = (
            "Name the columns that split the catalogue into comparable products with "
            "--block_columns; leave it empty (--block_columns=) to compare all."
        )
    written = {known: source for source, known in columns.called.items()}
    raise CatalogError(
        f"{name}: {', '.join(hints)}. The table has the columns "
        f"[{shown(repr(written.get(it, it)) for it in there)}]. {advice}"
    )


def check_frame(name: str, frame: str, boxes: np.ndarray | None) -> None:
    """Checks that a catalogue has boxes, if photos are framed by them ("columns").

    Raises:
      CatalogError: If there are none.
    """
    if frame == "columns" and boxes is None:
        raise CatalogError(
            f"{name}: --frame=columns needs the columns x, y, width, height. "
            "Add them, or pass --frame=auto."
        )


def check_ids(
    name: str, ids: Sequence[str], lines: Sequence[int], problems: list[Problem]
) -> None:
    """Adds a problem for each id that is empty or repeats an earlier one.

    Rows that have a problem already are passed over. `name` is that of the table.
    """
    if not problems and "" not in ids and len(set(ids)) == len(ids):
        return
    first_line: dict[str, int] = {}
    known = {line for line, _ in problems}
    for product_id, line in zip(ids, lines, strict=True):
        if line in known:
            continue
        if not product_id:
            problems.append((line, "product_id is empty"))
        elif product_id in first_line:
            place = f"{unit_of(name)} {first_line[product_id]}"
            what = f"product_id {product_id!r} was already on {place}"
            problems.append((line, what))
        else:
            first_line[product_id] = line


def read_boxes(columns: Columns, problems: list[Problem]) -> np.ndarray | None:
    """Reads the box columns; each box that is not four numbers is a problem.

    Returns:
      x, y, width, height of each product in pixels, `[n, 4]` float32, NaN where
      unknown; None unless all four columns exist and a row is filled.
    """
    if not set(BOX_COLUMNS) <= set(columns.cells):
        return None
    boxes = np.full((len(columns.lines), 4), np.nan, np.float32)
    rows = zip(*(columns.cells[name] for name in BOX_COLUMNS), strict=True)
    for i, cells in enumerate(rows):
        if all(map(is_missing, cells)):
            continue
        try:
            boxes[i] = [float(cell) for cell in cells]
        except ValueError:
            boxes[i] = np.nan
        x, y, width, height = boxes[i]
        if not (np.isfinite(x) and np.isfinite(y) and 0 < width < 1e9 > height > 0):
            what = (
                f"x, y, width, height are {', '.join(map(repr, cells))}; expected four "
                "numbers in pixels, width and height above 0, or four empty cells"
            )
            problems.append((columns.lines[i], what))
    return None if np.isnan(boxes).all() else boxes
