"""What a run that was asked to stop says."""

import signal

import pytest

from cv_tf.errors import Interrupted


@pytest.mark.parametrize(
    ("number", "name", "code"),
    [(signal.SIGTERM, "SIGTERM", 143), (signal.SIGINT, "SIGINT", 130)],
)
def test_message_and_exit_code(number, name, code):
    interrupted = Interrupted(number, 37, "runs/a")
    assert str(interrupted) == (
        f"Stopped by {name} after step 37; a checkpoint is in 'runs/a'. The same "
        "command goes on from there."
    )
    assert interrupted.exit_code == code
