"""Reading without warnings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from absl import logging


@contextlib.contextmanager
def quiet_logs() -> Iterator[None]:
    """Silences warnings, such as those of TFDS about its own folders."""
    level = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(level)
