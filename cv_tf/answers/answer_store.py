"""The store of answers: an SQLite file in which nothing is changed or lost."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cv_tf.answers.answer import Answer, AnswersError
from cv_tf.command import check_parent
from cv_tf.files import expanded, is_remote, kind_of_file, open_binary
from cv_tf.unfinished import making_parents

_MAGIC = b"SQLite format 3\0"
# Says whose database it is, to other programs as well: "cvtf".
_APPLICATION = 0x63767466
_VERSION = 1
_WAIT = 10.0  # Seconds to wait while another process writes.
# A row is a fact that stays: whatever program opens the file cannot change one.
_SCHEMA = (
    """CREATE TABLE answers (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      kind TEXT NOT NULL,
      inside TEXT NOT NULL,
      outside TEXT NOT NULL,
      sets TEXT NOT NULL,
      "by" TEXT NOT NULL,
      at TEXT NOT NULL,
      seconds REAL NOT NULL,
      stratum TEXT NOT NULL,
      undoes INTEGER UNIQUE REFERENCES answers(number)
    )""",
    """CREATE TRIGGER no_update BEFORE UPDATE ON answers
    BEGIN SELECT RAISE(ABORT, 'answers are never changed: add another one'); END""",
    """CREATE TRIGGER no_delete BEFORE DELETE ON answers
    BEGIN SELECT RAISE(ABORT, 'answers are never deleted: undo them'); END""",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)
_INSERT = """
INSERT INTO answers
  (kind, inside, outside, sets, "by", at, seconds, stratum, undoes)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_HOLDING = """
SELECT number, kind, inside, outside, sets, "by", at, seconds, stratum FROM answers
WHERE number > ? AND kind <> 'undo'
  AND number NOT IN (SELECT undoes FROM answers WHERE undoes IS NOT NULL)
ORDER BY number
"""
_UNDOABLE = """
SELECT kind = 'undo', number IN (SELECT undoes FROM answers) FROM answers
WHERE number = ?
"""


STORE_SUFFIXES = (".sqlite", ".sqlite3", ".db")


def is_store(path: str) -> bool:
    """Whether a file on disk is an SQLite database, by its name or how it begins."""
    if path.lower().endswith(STORE_SUFFIXES):
        return True
    try:
        with open_binary(path) as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


class AnswerStore:
    """Answers of people, one row each, in an SQLite file.

    Rows are added, never changed or deleted; that an answer is undone is a row, too. A
    row is on disk once its number is returned, whatever happens to the process then.
    Several processes, and several threads of one, may use a file at once.

    Args:
      path: The file, which is made if it is not there; "-wal" and "-shm" beside it
        belong to it while it is open.
      read_only: Whether to leave the file as it is; it must be there.

    Raises:
      AnswersError: If the file is none of answers, is damaged, or cannot be opened. It
        is left as it was.

    Example:
      >>> store = AnswerStore(Path("my.answers.sqlite"))
      >>> store.add(Answer("pair", ("a",), ("b",), (0, -1), by="Ann"))
      1
      >>> store.undo(1, by="Ann")
      2
      >>> store.answers()
      []
    """

    def __init__(self, path: Path | str, read_only: bool = False):
        if is_remote(str(path)):
            raise AnswersError(
                f"{path} is not on a disk of this machine, as a store of answers must "
                "be. Copy the file, or name another one."
            )
        self.path = Path(expanded(path))
        self._lock = threading.Lock()
        _check_place(self.path, read_only)
        with making_parents(self.path):
            self._database = _connect(self.path, read_only)
            try:
                with self._errors("The answers cannot be opened"):
                    self._prepare(read_only)
            except BaseException:
                self._database.close()
                raise

    def add(self, answer: Answer) -> int:
        """Adds an answer, and returns its number once it is on disk.

        Raises:
          AnswersError: If it cannot be saved, such as on a full disk.
        """
        with self._writing() as database:
            return _number(database.execute(_INSERT, _row(answer)))

    def add_all(self, answers: Iterable[Answer]) -> None:
        """Adds all answers, or none if one cannot be saved; faster than one by one.

        Raises:
          AnswersError: As for `add`.
        """
        with self._writing() as database:
            database.executemany(_INSERT, map(_row, answers))

    def undo(self, number: int, by: str) -> int:
        """Adds that an answer does not hold, and returns the number of that row.

        Raises:
          AnswersError: If there is no such answer, it is undone already, or that it is
            undone cannot be saved.
        """
        with self._writing() as database:
            found = database.execute(_UNDOABLE, (number,)).fetchone()
            if found is None or any(found):
                why = "is undone already" if found and found[1] else "is no answer"
                raise AnswersError(f"{self.path}: number {number} {why}.")
            row = ("undo", "[]", "[]", "[]", by, _now(), 0.0, "", number)
            return _number(database.execute(_INSERT, row))

    def answers(self, after: int = 0) -> list[Answer]:
        """The answers that hold, oldest first; those of higher numbers than `after`.

        Raises:
          AnswersError: If a row cannot be read.
        """
        with self._lock, self._errors("The answers cannot be read"):
            rows = self._database.execute(_HOLDING, (after,)).fetchall()
        return [_answer(self.path, row) for row in rows]

    def close(self) -> None:
        """Closes the file; the store cannot be used any more."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> AnswerStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on disk after the block, or has not happened."""
        with self._lock, self._errors("The answer is not saved"), self._transaction():
            yield self._database

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:  # SQLite may have ended it already.
                self._database.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        """Turns errors of SQLite into those of users."""
        try:
            yield
        except sqlite3.ProgrammingError:  # A bug, such as a store that is closed.
            raise
        except (sqlite3.Error, UnicodeError) as error:
            raise AnswersError(f"{what}: {_explain(self.path, error)}") from error

    def _prepare(self, read_only: bool) -> None:
        """Checks whose database it is, and that it is whole; makes what is missing."""
        is_new = self._is_new()
        if not is_new or read_only:
            self._check_owner()
        found = self._pragma("quick_check")
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        if read_only:
            return
        self._pragma("journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        if is_new:
            with self._transaction():
                if self._is_new():  # Another process may have been faster.
                    for statement in _SCHEMA:
                        self._database.execute(statement)
            self._check_owner()

    def _check_owner(self) -> None:
        if self._pragma("application_id") != _APPLICATION:
            raise AnswersError(
                f"{self.path} is an SQLite database, but none of answers. Name a file "
                "of answers, or a new one."
            )
        version = self._pragma("user_version")
        if version > _VERSION:
            raise AnswersError(
                f"{self.path} was written by a later version of cv_tf: its format is "
                f"{version}, and this version reads {_VERSION}. Update cv_tf."
            )

    def _is_new(self) -> bool:
        """Whether there is nothing in the database, of whatever program."""
        count = self._database.execute("SELECT count(*) FROM sqlite_master")
        return count.fetchone()[0] == 0 and self._pragma("application_id") == 0

    def _pragma(self, name: str) -> Any:
        return self._database.execute(f"PRAGMA {name}").fetchone()[0]


def _check_place(path: Path, read_only: bool) -> None:
    """Checks what can be told of a path before SQLite opens it."""
    if path.exists():
        if kind := kind_of_file(path):
            raise AnswersError(f"{path} is {kind}; name a file of answers.")
        try:
            with path.open("rb") as file:
                begin = file.read(len(_MAGIC))
        except OSError as error:
            raise AnswersError(f"{path} cannot be read: {error.strerror}.") from error
        if begin and begin != _MAGIC:
            raise AnswersError(
                f"{path} is no SQLite database, so no store of answers. Name another "
                "file, or a new one."
            )
    elif read_only:
        raise AnswersError(f"{path} does not exist.")
    else:
        check_parent(path)


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    """Opens a database; several threads may use it in turn."""
    mode = "mode=ro" if read_only else "mode=rwc"
    is_mine = os.access in os.supports_effective_ids
    can_write = os.access(path.parent, os.W_OK, effective_ids=is_mine)
    if read_only and not can_write and not _log_of(path):
        # SQLite cannot make its files there, and needs none if nobody writes.
        mode = "immutable=1"
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?{mode}",
            timeout=_WAIT,
            isolation_level=None,
            check_same_thread=False,
            uri=True,
        )
    except sqlite3.Error as error:
        text = f"The answers cannot be opened: {_explain(path, error)}"
        raise AnswersError(text) from error


def _log_of(path: Path) -> int:
    """Bytes of what is written, but not in the file itself yet."""
    log = path.with_name(f"{path.name}-wal")
    return log.stat().st_size if log.exists() else 0


def _explain(path: Path, error: Exception) -> str:
    """What happened to a file, and what to do."""
    text = " ".join(str(error).split())
    if isinstance(error, UnicodeError):
        return f"a name is no text that {path} can hold ({text}). Rename the product."
    if "is full" in text:
        return f"the disk of {path} is full. Free some space, then answer again."
    if "locked" in text:
        return f"another process writes to {path} for long. End it, then try again."
    if "readonly" in text or "unable to open" in text:
        return (
            f"{path} or its folder cannot be written to, or opened ({text}). Change "
            "their permissions, or copy the file to another folder."
        )
    if isinstance(error, sqlite3.OperationalError) and "I/O" in text:
        return f"the disk of {path} fails ({text}). Copy the file to another disk."
    return (
        f"{path} is damaged ({text}), and left as it is. Restore a copy of it, or save "
        f"what can be read: sqlite3 {path.name} .recover | sqlite3 recovered.sqlite"
    )


def _row(answer: Answer) -> tuple[Any, ...]:
    """The cells of the row of an answer."""
    shown = (answer.inside, answer.outside, answer.sets)
    cells = [json.dumps(cell, ensure_ascii=False) for cell in shown]
    row = (answer.kind, *cells, answer.by, answer.at or _now())
    return (*row, answer.seconds, answer.stratum, None)


def _answer(path: Path, row: tuple[Any, ...]) -> Answer:
    """An answer from the cells of its row."""
    number, kind, *cells, by, at, seconds, stratum = row
    try:
        inside, outside, sets = map(_list, cells)
        named = (str(by), str(at), float(seconds), str(stratum), number)
        return Answer(kind, inside, outside, sets, *named)
    except (ValueError, TypeError, RecursionError) as error:  # JSON's are ValueErrors.
        raise AnswersError(
            f"{path}: answer {number} cannot be read: {error} Something else has "
            f"written to the file. Restore a copy of it, or undo answer {number}."
        ) from error


def _list(cell: Any) -> tuple[Any, ...]:
    found = json.loads(cell)
    if not isinstance(found, list):
        raise TypeError(f"{cell!r:.80} is no list.")
    return tuple(found)


def _number(cursor: sqlite3.Cursor) -> int:
    assert cursor.lastrowid is not None  # noqa: S101 (an INSERT has one)
    return cursor.lastrowid


def _now() -> str:
    """The time in UTC, to the millisecond, such as 2025-03-01T12:00:00.000Z."""
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    return now.replace("+00:00", "Z")
