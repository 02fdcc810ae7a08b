"""Ids that other tools have spoiled, and labels that say that nothing is known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, time, timedelta

import numpy as np
import pyarrow as pa
from absl import logging

from cv_tf.catalog.cells import Values, is_exact, to_cell, to_cells, to_numbers

# The number of a cell in its column, from 0, and what is wrong there.
CellProblem = tuple[int, str]

_IMAGE = "image"  # Paths keep their Unicode form, as names of files do.
# Text that tools write where a value is missing, in small letters: those of data
# frames, of databases, and the errors of spreadsheets.
_MISSING = frozenset(
    ("#n/a", "#n/a n/a", "#na", "-1.#ind", "-1.#qnan", "-nan", "1.#ind", "1.#qnan")
    + ("<na>", "n/a", "na", "nan", "nat", "none", "null")
    + ("(null)", "<null>", "[null]", "\\n")
    + ("#div/0!", "#name?", "#null!", "#num!", "#ref!", "#value!")
)
# What tools write for a style or group that is not known, as their numbers are from 0.
_NO_NUMBER = ("-1", "-1.0")
_WHOLE_AS_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.0")
# Spreadsheets write 1.23E+08, programs also 1.23E8; ids such as 1E5 are no numbers.
_SHORTENED = re.compile(
    r"-?[0-9](?:[.,][0-9]+[eE]\+?[0-9]{1,3}|[eE]\+[0-9]{2,3})", re.ASCII
)
_ANY_SHORTENED = re.compile(r"[.,][0-9]+[eE]\+?[0-9]|[eE]\+[0-9]")
# What keeps a spreadsheet from reading a number: ="0108775015".
_FORMULA = re.compile(r'="[^"]*"')
_FORMAT = "Format the column as text there, enter the ids again and export the table"


def read_cells(
    source: str,
    column: str,
    values: Values,
    ids: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> tuple[list[str], list[CellProblem]]:
    """The cells of a column as text: stripped, and "" where nothing is known.

    What is taken otherwise than it is written is said once for the column.

    Args:
      source: Name of the file or data set, for messages.
      column: Name of the column.
      values: Its values.
      ids: Columns that hold ids, of products, styles or groups. Numbers there must be
        whole and exact.
      labels: Columns in which text such as "nan" or "N/A" means that nothing is known.

    Returns:
      The cells, and problems of ids, by the number of the cell.

    Raises:
      pa.ArrowInvalid: If bytes are not UTF-8.
      pa.ArrowNotImplementedError: If Arrow's values are lists or structs.
    """
    cells = to_cells(values, keep_form=column == _IMAGE)
    if column in labels:
        cells = _empty_missing(source, column, cells, is_id=column in ids)
    if column not in ids:
        return cells, []
    if problems := _wrong_values(column, values):
        return cells, problems
    return _mend_ids(source, column, cells)


def is_missing(cell: str, is_id: bool = False) -> bool:
    """Whether a cell is empty, or says that nothing is known, such as "nan".

    Where `is_id`, of a style or group, it also says so by the number -1.
    """
    return not cell or cell.lower() in _MISSING or (is_id and cell in _NO_NUMBER)


def _empty_missing(
    source: str, column: str, cells: list[str], is_id: bool
) -> list[str]:
    words = {cell for cell in set(cells) if cell and is_missing(cell, is_id)}
    if not words:
        return cells
    count = sum(cell in words for cell in cells)
    spelled = " or ".join(map(repr, sorted(words)))
    hold = "hold" if count > 1 else "holds"
    _say(source, column, count, f"{hold} {spelled}, which is taken as empty")
    return ["" if cell in words else cell for cell in cells]


def _wrong_values(column: str, values: Values) -> list[CellProblem]:
    """Numbers from which no id can be read, and dates or times in a spreadsheet."""
    if not isinstance(values, list):
        if pa.types.is_dictionary(values.type):
            if not pa.types.is_floating(values.type.value_type):
                return []
            values = values.cast(values.type.value_type)
        if not pa.types.is_floating(values.type):
            return []
        numbers = to_numbers(values)
        wrong = np.flatnonzero(~(is_exact(numbers) | np.isnan(numbers)))
        return [(int(place), _say_inexact(column, numbers[place])) for place in wrong]
    problems: list[CellProblem] = []
    if not set(map(type, values)) - {str}:
        return problems
    for place, value in enumerate(values):
        if isinstance(value, float) and not (is_exact(value) or np.isnan(value)):
            problems.append((place, _say_inexact(column, value)))
        elif isinstance(value, date | time | timedelta):
            kind = "date" if isinstance(value, date) else "time"
            what = f"{column} is the {kind} {to_cell(value)}, as which a spreadsheet"
            problems.append((place, f"{what} reads some ids. {_FORMAT}"))
    return problems


def _say_inexact(column: str, number: float) -> str:
    what = f"{number!s} is not a whole number"
    if np.isfinite(number) and np.floor(number) == number:
        what = f"{number:.0f} is a floating-point number too large to hold every digit"
    return f"{column} {what}. Write ids as text"


def _mend_ids(
    source: str, column: str, cells: list[str]
) -> tuple[list[str], list[CellProblem]]:
    """Takes ids out of formulas, and digits out of a column of floating-point text."""
    text = "\n".join(cells)  # What is not in there is in no cell.
    if '="' in text and (formulas := {c for c in cells if _FORMULA.fullmatch(c)}):
        what = f"such as {min(formulas)}: the text in quotes is taken"
        _say(source, column, sum(cell in formulas for cell in cells), what)
        cells = [c[2:-1].strip() if c in formulas else c for c in cells]
        text = "\n".join(cells)
    first = next((cell for cell in cells if not is_missing(cell)), "")
    numbers: set[str] = set()
    if _WHOLE_AS_FLOAT.fullmatch(first):
        numbers = {cell for cell in cells if not is_missing(cell)}
    if numbers and all(map(_WHOLE_AS_FLOAT.fullmatch, numbers)):
        what = f"such as {first!r}: '.0' is cut off, which another tool has added"
        _say(source, column, sum(cell in numbers for cell in cells), what)
        cells = [cell[:-2] if cell in numbers else "" for cell in cells]
        wrong = [c for c in enumerate(cells) if c[1] and not is_exact(float(c[1]))]
        return cells, [(place, _say_inexact(column, float(c))) for place, c in wrong]
    has_exponents = "e" in text or "E" in text
    if not (has_exponents and _ANY_SHORTENED.search(text)):
        return cells, []
    what = f"was shortened by a spreadsheet or a program. {_FORMAT}"
    shortened = [c for c in enumerate(cells) if _SHORTENED.fullmatch(c[1])]
    return cells, [(place, f"{column} {cell!r} {what}") for place, cell in shortened]


def _say(source: str, column: str, count: int, what: str) -> None:
    cells = f"{count:,} cell{'s' if count > 1 else ''}"
    logging.warning("%s: %s of '%s' %s.", source, cells, column, what)
