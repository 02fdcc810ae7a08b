"""Spreadsheets as tables: the first sheet of a file of Excel or LibreOffice."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import IO, Any

from absl import logging

from cv_tf.catalog.raw_table import RawTable, Rows, of_rows
from cv_tf.catalog.sheet_process import read_value
from cv_tf.errors import UserError

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_PROGRAM = "from cv_tf.catalog.sheet_process import main; main()"
_MOST_SECONDS = 55
_MOST_LETTERS = 2**28  # Of all rows, as they are read.
_BATCH = 2**8  # Rows at a time.


def read_spreadsheet(source: str, content: bytes) -> RawTable:
    """Reads the first sheet that is shown, row by row, with the row numbers it shows.

    Merged cells below the header all have the value that they show, which is said. The
    file is read by a process of its own, which takes 1.5 GB and 55 seconds at most.

    Args:
      source: Name of the file, for messages.
      content: The bytes of the file.

    Raises:
      UserError: If it is no spreadsheet, or too large.
    """
    with _process(content) as output:
        about = json.loads(output.readline() or "{}")
        if "error" in about:
            raise UserError(
                f"the spreadsheet cannot be read: {about['error']}. Remove its "
                "password, if it has one, or save the table as CSV in UTF-8."
            )
        if not about:
            raise UserError(_too_large())
        if about["sheets"] > 1:
            logging.warning(
                "%s has %d sheets; the first one, '%s', is read.",
                source,
                about["sheets"],
                about["name"],
            )
        if num := about["merged"]:
            what = "cells that are merged with others have their value"
            logging.warning("%s: %s %s.", source, f"{num:,}", what)
        return of_rows(source, _batches(output))


def _too_large() -> str:
    return (
        "the spreadsheet takes too much memory or time to be read; its cells may be "
        "far apart. Save the table as CSV or Parquet"
    )


@contextlib.contextmanager
def _process(content: bytes) -> Iterator[IO[bytes]]:
    """The output of a process that reads a spreadsheet; it ends with the block."""
    places = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(  # noqa: S603 (a program of this package)
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | places,
    ) as process:
        assert process.stdin and process.stdout  # noqa: S101 (they are pipes)
        timer = threading.Timer(_MOST_SECONDS, process.kill)
        timer.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(content)
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            yield process.stdout
        finally:
            timer.cancel()
            process.kill()


def _batches(output: IO[bytes]) -> Iterator[Rows]:
    """The rows that a process has read, some at a time, and their numbers."""
    rows: list[list[Any]] = []
    number = num_letters = 0
    for line in output:
        num_letters += len(line)
        if num_letters > _MOST_LETTERS or not line.endswith(b"\n"):
            raise UserError(_too_large())
        rows.append(json.loads(line, object_hook=read_value))
        number += 1
        if len(rows) == _BATCH:
            yield rows, range(number - len(rows) + 1, number + 1)
            rows = []
    yield rows, range(number - len(rows) + 1, number + 1)
