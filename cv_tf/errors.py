"""Exceptions that end a command: errors that a user can mend, and interruptions."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from os import PathLike

_MOST_LETTERS = 300  # Of a parser's own words.


class UserError(ValueError):
    """Base of all errors that a user can mend: a value, a file, a missing package.

    The message says what happened, what was expected, and what to do. Commands print it
    without a traceback and exit with 1; any other error but an `OSError` is a bug.
    """


class MissingPackageError(UserError, ImportError):
    """An optional package is not installed, or does not fit this Python."""


@contextlib.contextmanager
def reading(
    path: str | PathLike[str],
    what: str,
    remedy: str,
    error_class: type[UserError] = UserError,
) -> Iterator[None]:
    """Turns whatever a parser raises within the block into an error for users.

    A damaged file makes parsers raise nearly anything: KeyError, RecursionError, errors
    of their own. Errors of the operating system, such as that of a missing file, and
    errors that are for users already pass as they are.

    Args:
      path: The file that is read.
      what: What the file should hold, such as "the figures of a run".
      remedy: How a user can mend it, as a sentence with a full stop.
      error_class: The error to raise.

    Example:
      >>> with reading("a.json", "a JSON file", "Write it again."):
      ...     json.loads("{")
      Traceback (most recent call last):
      cv_tf.errors.UserError: 'a.json' cannot be read as a JSON file: Expecting property
      name enclosed in double quotes: line 1 column 2 (char 1). Write it again.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        # Arrow says by OSErrors without a number that a file is damaged.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise error_class(
            f"'{path}' cannot be read as {what}: {cause_of(error)}. {remedy}"
        ) from error


def cause_of(error: BaseException) -> str:
    """The words of an error in one line of bounded length, without a full stop."""
    lines = str(error).strip().splitlines()
    words = lines[0] if lines else ""
    if not words or isinstance(error, KeyError):  # Its words are the key alone.
        words = f"{type(error).__name__} {words}".strip()
    return words[:_MOST_LETTERS].rstrip(" .:")


class WriteError(UserError, OSError):
    """A disk is full, read-only, or does not take a file for another reason."""


class Interrupted(Exception):  # noqa: N818 (not an error)
    """The run was asked to stop, saved its state, and can be resumed.

    Attributes:
      exit_code: Exit code that shells expect after the signal.
    """

    def __init__(self, number: int, step: int, workdir: str):
        super().__init__(
            f"Stopped by {signal.Signals(number).name} after step {step}; a checkpoint "
            f"is in '{workdir}'. The same command goes on from there."
        )
        self.exit_code = 128 + number
