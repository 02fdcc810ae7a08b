"""A process that reads one spreadsheet, with bounds for time and memory of its own.

What a spreadsheet takes cannot be told before it is read: two cells may stand a billion
cells apart, and one text may be in each. Whatever it does, the process alone ends.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any, BinaryIO

MOST_MEMORY, MOST_SECONDS = 3 * 2**29, 45


def main() -> None:
    """Reads the bytes of a spreadsheet from the input, and writes lines of JSON.

    The first is an object that says what it is, or what is wrong with it; each of the
    others is a row: a list of texts, numbers, truth values, and objects for the rest.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    output = sys.stdout.buffer
    try:
        about, rows = _read(sys.stdin.buffer.read())
    except MemoryError:
        raise SystemExit(1) from None
    except BaseException as error:  # What fails in Rust is no Exception.
        _write(output, {"error": str(error)[:500] or type(error).__name__})
        return
    _write(output, about)
    for row in rows:
        _write(output, row)


def _read(content: bytes) -> tuple[dict[str, Any], list[list[Any]]]:
    import python_calamine as calamine  # noqa: PLC0415 (after the bounds are set)

    book = calamine.CalamineWorkbook.from_filelike(BytesIO(content))
    shown = [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.typ == calamine.SheetTypeEnum.WorkSheet
        and sheet.visible == calamine.SheetVisibleEnum.Visible
    ]
    sheets = [book.get_sheet_by_name(name) for name in shown]
    filled = [sheet for sheet in sheets if sheet.height]
    rows = filled[0].to_python(skip_empty_area=False) if filled else []
    merged = filled[0].merged_cell_ranges if filled else []
    name = filled[0].name if filled else ""
    num_merged = fill_merged(rows, merged or [])
    return {"sheets": len(filled), "name": name, "merged": num_merged}, rows


def fill_merged(
    rows: list[list[Any]], merged: Sequence[tuple[tuple[int, int], tuple[int, int]]]
) -> int:
    """Gives merged cells below the header one value; returns how many have got it."""
    filled = (place for place, row in enumerate(rows) if any(map(_is_filled, row)))
    header = next(filled, len(rows))
    num = 0
    for (top, left), (bottom, right) in merged:
        if top <= header:  # A title, or a header of several lines.
            continue
        value = rows[top][left]
        for row in rows[top : bottom + 1]:
            num += len(row[left : right + 1])
            row[left : right + 1] = [value] * len(row[left : right + 1])
        num -= 1
    return num


def _is_filled(cell: Any) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else cell is not None


def _write(output: BinaryIO, value: Any) -> None:
    output.write(json.dumps(value, default=_spell).encode() + b"\n")


def _spell(value: Any) -> dict[str, Any]:
    """What JSON has no form for, as an object with the name of its type."""
    if isinstance(value, timedelta):
        return {"timedelta": value.total_seconds()}
    kind = next((k for k in (datetime, date, time) if isinstance(value, k)), None)
    return {"text": str(value)} if kind is None else {kind.__name__: value.isoformat()}


def read_value(spelled: dict[str, Any]) -> Any:
    """The value that an object of the output stands for."""
    ((kind, value),) = spelled.items()
    if kind == "timedelta":
        return timedelta(seconds=value)
    kinds = {"datetime": datetime, "date": date, "time": time}
    read: Callable[[str], Any] = getattr(kinds.get(kind), "fromisoformat", str)
    return read(value)
