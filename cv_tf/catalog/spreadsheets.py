"""Spreadsheets as tables: the first sheet of a file of Excel or LibreOffice."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

from absl import logging

from cv_tf.catalog.raw_table import RawTable, is_blank, of_rows
from cv_tf.errors import UserError

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


def read_spreadsheet(source: str, content: bytes, max_bytes: int) -> RawTable:
    """Reads the first sheet that is shown, row by row, with the row numbers it shows.

    Merged cells below the header all have the value that they show, which is said.

    Args:
      source: Name of the file, for messages.
      content: The bytes of the file.
      max_bytes: Size of the file, after decompression, above which it is not read.

    Raises:
      UserError: If it is no spreadsheet, or too large.
    """
    import python_calamine as calamine  # noqa: PLC0415 (few tables are spreadsheets)

    try:
        if content.startswith(b"PK"):
            _check_size(content, max_bytes)
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
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
    except (calamine.CalamineError, zipfile.BadZipFile) as error:
        raise UserError(
            f"the spreadsheet cannot be read: {error}. Remove its password, if it has "
            "one, or save the table as CSV in UTF-8."
        ) from error
    if len(filled) > 1:
        logging.warning(
            "%s has %d sheets; the first one, '%s', is read.",
            source,
            len(filled),
            filled[0].name,
        )
    if num := _fill_merged(rows, merged or []):
        what = "cells that are merged with others have their value"
        logging.warning("%s: %s %s.", source, f"{num:,}", what)
    return of_rows(source, [(rows, range(1, len(rows) + 1))])


def _fill_merged(
    rows: list[list[Any]], merged: Sequence[tuple[tuple[int, int], tuple[int, int]]]
) -> int:
    """Gives merged cells below the header one value; returns how many have got it."""
    filled = (place for place, row in enumerate(rows) if not is_blank(row))
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


def _check_size(content: bytes, max_bytes: int) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > max_bytes:
        raise UserError(
            f"the spreadsheet is {size:,} bytes large, decompressed; at most "
            f"{max_bytes:,} are read. Save the table as Parquet."
        )
