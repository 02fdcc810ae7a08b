"""Tables of answers: a pair of products a row, as people or the store fill them in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa

from cv_tf.answers.answer import AnswersError, Said, said_of
from cv_tf.answers.answer_store import AnswerStore, is_store
from cv_tf.catalog import CatalogError, read_needed, unit_of, write_table

_YES = frozenset(("yes", "y", "1", "1.0", "true", "same", "t"))
_NO = frozenset(("no", "n", "0", "0.0", "false", "different", "f"))
_SKIPPED = frozenset(("", "?", "unsure", "skip"))
_NEEDED = {
    "product_a": "a question is about two products",
    "product_b": "a question is about two products",
    "same": "yes or no, whether they are color variants",
}


def holds_answers(path: Path) -> bool:
    """Whether a table of questions has answers, which nobody wants to lose."""
    try:
        table = read_needed(str(path), {"same": ""}, labels=("same",))
    except CatalogError:  # It is no table of questions.
        return False
    return any(_word(cell) not in _SKIPPED for cell in table.cells["same"])


def read_said(*paths: str) -> list[Said]:
    r"""Reads what people said of pairs of products.

    Statements are in the order of time where that of each is known; else in the order
    of the files, and of their rows.

    Args:
      *paths: Stores of answers (SQLite), which are left as they are, and tables (CSV,
        Parquet or spreadsheet) with the columns `product_a`, `product_b` and `same`,
        and maybe `by` and `at`. `same` is yes or no (or y, n, 1, 0, true, false); rows
        where it is empty are open questions.

    Raises:
      AnswersError: If a file cannot be used, or has no answers.

    Example:
      >>> Path("answers.csv").write_text("product_a,product_b,same\nb,a,yes\n")
      33
      >>> read_said("answers.csv")
      [Said(first='a', second='b', same=True, by='', at='')]
    """
    said: list[Said] = []
    for path in paths:
        said += _of_store(path) if is_store(path) else _of_table(path)
    # The numbers of a store are a better order than clocks.
    if len(paths) == 1 and is_store(paths[0]):
        return said
    times = [time for it in said if (time := _time(it.at)) is not None]
    if len(times) < len(said):
        return said
    return [said[place] for place in sorted(range(len(said)), key=times.__getitem__)]


def _of_store(path: str) -> list[Said]:
    with AnswerStore(path, read_only=True) as store:
        said = said_of(store.answers())
    if not said:
        raise AnswersError(
            f"{path} has no answers: nobody has said of two products whether they are "
            "one design. Answer some questions."
        )
    return said


def _of_table(path: str) -> list[Said]:
    ids = ("product_a", "product_b")
    try:
        table = read_needed(path, _NEEDED, ids, labels=("same",))
    except CatalogError as error:
        raise AnswersError(str(error)) from error
    unit, said = unit_of(path), []
    unknown = [""] * len(table.lines)
    columns = [table.cells[name] for name in _NEEDED]
    columns += [table.cells.get(name, unknown) for name in ("by", "at")]
    for line, first, second, same, by, at in zip(table.lines, *columns, strict=True):
        word = _word(same)
        if word in _SKIPPED:
            continue
        if word not in _YES | _NO:
            raise AnswersError(
                f"{path}: {unit} {line} has same = {same!r}; expected yes or no, or "
                "nothing where nobody has answered."
            )
        if not first or not second or first == second:
            raise AnswersError(
                f"{path}: {unit} {line} is about {first!r} and {second!r}; expected "
                "two products."
            )
        said.append(Said.of(first, second, word in _YES, by, at))
    if not said:
        raise AnswersError(
            f"{path} has no answers: the column 'same' is empty. Fill in yes or no."
        )
    return said


def _word(cell: str) -> str:
    return cell.strip().lower()


def _time(at: str) -> datetime | None:
    """The time that a text says; None where it is not ISO 8601. UTC is the default."""
    try:
        time = datetime.fromisoformat(at.replace("Z", "+00:00"))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def write_said(path: Path, said: Sequence[Said]) -> None:
    """Writes what people said as a table, which appears whole.

    The columns are `product_a`, `product_b`, `same` (yes or no), `by` and `at`, in the
    order of `said`. In CSV, what a spreadsheet would run is marked as text; `read_said`
    takes the mark away again.

    Args:
      path: CSV or Parquet file.
      said: The statements.
    """
    columns = {
        "product_a": [it.first for it in said],
        "product_b": [it.second for it in said],
        "same": ["yes" if it.same else "no" for it in said],
        "by": [it.by for it in said],
        "at": [it.at for it in said],
    }
    text = {name: pa.array(cells, pa.string()) for name, cells in columns.items()}
    write_table(path, pa.table(text))
