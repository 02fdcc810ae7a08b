"""Cells: the one text that stands for a value, whatever kind of file it comes from."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cv_tf.spelling import clean

# A column as a file holds it: text of a CSV file, values of a spreadsheet, or Arrow's.
Values: TypeAlias = list[Any] | pa.Array | pa.ChunkedArray
# Every whole number below is stored exactly, by the bits of a floating-point type.
_EXACT_BELOW = {16: 2**11, 32: 2**24, 64: 2**53}


def to_cell(value: Any) -> str:
    """The text of one value: "" if it is missing, and the digits of a whole number.

    A floating-point number of which neighbors are equal to it keeps its shortest form.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return ""
        return str(int(value)) if is_exact(value) else str(value)
    return _without_midnight(str(value))


def to_cells(values: Values, keep_form: bool = False) -> list[str]:
    """The text of each value of a column, as `to_cell` gives it, but faster.

    `keep_form` leaves the Unicode form of text, for names of files.

    Raises:
      pa.ArrowInvalid: If bytes are not UTF-8.
      pa.ArrowNotImplementedError: If Arrow's values are lists or structs.
    """
    if isinstance(values, list):
        if set(map(type, values)) - {str}:
            text = (v if isinstance(v, str) else to_cell(v) for v in values)
            values = list(text)
        return _clean_all(list(map(str.strip, values)), keep_form)
    kind = values.type
    if pa.types.is_dictionary(kind):
        chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
        return [cell for chunk in chunks for cell in _cells_of(chunk, keep_form)]
    if isinstance(kind, pa.BaseExtensionType):
        return list(map(to_cell, values.to_pylist()))
    if pa.types.is_nested(kind):
        raise pa.ArrowNotImplementedError(f"{kind} is no text")
    if pa.types.is_floating(kind):
        return _float_cells(values)
    if pa.types.is_large_binary(kind) or pa.types.is_large_string(kind):
        text = values.cast(pa.large_string())
    else:
        text = values.cast(pa.string())
    if pa.types.is_decimal(kind):
        digits = pc.replace_substring_regex(text, r"(\.[0-9]*?)0+$", r"\1")
        text = pc.utf8_rtrim(digits, ".")
    cells = pc.utf8_trim_whitespace(pc.fill_null(text, ""))
    if pa.types.is_timestamp(kind):
        return list(map(_without_midnight, cells.to_pylist()))
    is_ascii = pc.all(pc.string_is_ascii(cells)).as_py() is not False
    text = cells.to_pylist()
    return text if is_ascii else _clean_all(text, keep_form)


def _cells_of(values: pa.DictionaryArray, keep_form: bool) -> list[str]:
    """The cells of a dictionary-encoded array, which share its texts in memory."""
    texts = np.empty(len(values.dictionary) + 1, object)
    texts[:-1] = to_cells(values.dictionary, keep_form)
    texts[-1] = ""  # At -1, of what is missing.
    places = pc.fill_null(values.indices.cast(pa.int64()), -1)
    return texts[places.to_numpy(zero_copy_only=False)].tolist()


def _float_cells(values: pa.Array | pa.ChunkedArray) -> list[str]:
    numbers = to_numbers(values)
    exact = is_exact(numbers)
    whole = np.where(exact, numbers, 0).astype(np.int64)
    cells = pa.array(whole, pa.int64(), mask=~exact).cast(pa.string())
    if not exact.all():
        is_half = numbers.dtype == np.float16  # Which Arrow writes with more digits.
        other = pa.array(list(map(str, numbers)) if is_half else numbers)
        other = pc.if_else(pa.array(np.isnan(numbers)), "", other.cast(pa.string()))
        cells = pc.coalesce(cells, other)
    return cells.to_pylist()


def to_numbers(values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Arrow's floating-point numbers, [n] of their own type; NaN where missing."""
    if isinstance(values, pa.ChunkedArray):
        return np.concatenate(
            [np.empty(0, np.float16), *map(to_numbers, values.chunks)]
        )
    numbers = values.to_numpy(zero_copy_only=False)
    dtype = np.dtype(f"float{values.type.bit_width}")
    if numbers.dtype == object:
        numbers = np.array([np.nan if n is None else n for n in numbers], dtype)
    return numbers.astype(dtype, copy=False)


def is_exact(numbers: Any) -> Any:
    """Whether floating-point numbers are whole, and no other number is stored alike."""
    bits = 8 * (numbers.dtype.itemsize if hasattr(numbers, "dtype") else 8)
    return (np.abs(numbers) < _EXACT_BELOW[bits]) & (np.floor(numbers) == numbers)


def _without_midnight(text: str) -> str:
    """A date without the time 00:00:00, with which dates alone are stored."""
    return re.sub(r"[ T]00:00:00(\.0+)?$", "", text)


def _clean_all(cells: list[str], keep_form: bool) -> list[str]:
    """As `clean`, for cells that have no ASCII blanks at their ends."""
    if "".join(cells).isascii():
        return cells
    return [cell if cell.isascii() else clean(cell, keep_form) for cell in cells]
