"""Exceptions that end a command: errors that a user can mend, and interruptions."""

from __future__ import annotations

import signal


class UserError(ValueError):
    """Base of all errors that a user can mend: a value, a file, a missing package.

    The message says what happened, what was expected, and what to do. Commands print it
    without a traceback and exit with 1; any other error but an `OSError` is a bug.
    """


class MissingPackageError(UserError, ImportError):
    """An optional package is not installed, or does not fit this Python."""


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
