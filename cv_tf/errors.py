"""What ends a command before it is done."""

from __future__ import annotations

import signal


class UserError(ValueError):
    """What a user can mend: a value, a file, a package that is missing.

    Its message says what happened, what was expected, and what to do. Commands print it
    without a traceback and exit with 1; any other error but an `OSError` is a bug.
    """


class Interrupted(Exception):  # noqa: N818 (nothing went wrong)
    """The run was asked to stop, saved its state, and can be resumed.

    Attributes:
      exit_code: What shells expect after the signal.
    """

    def __init__(self, number: int, step: int, workdir: str):
        super().__init__(
            f"Stopped by {signal.Signals(number).name} after step {step}; a checkpoint "
            f"is in '{workdir}'. The same command goes on from there."
        )
        self.exit_code = 128 + number
