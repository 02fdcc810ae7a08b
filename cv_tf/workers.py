"""The workers of a training on several machines, as TF_CONFIG names them.

TensorFlow is not loaded, so that mistakes are told at once.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from cv_tf.errors import cause_of
from cv_tf.files import parse_json
from cv_tf.settings import ConfigError

_EXAMPLE = (
    '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


_SHOWN = 2_000  # Letters of the variable in a message.


class Workers(NamedTuple):
    """The place of this process among the workers."""

    num_workers: int  # Processes that train together.
    task_index: int  # Number of this process; 0 is the chief, which writes the files.


def are_set() -> bool:
    """Tells whether TF_CONFIG is set."""
    return bool(os.environ.get("TF_CONFIG", "").strip())


def read() -> Workers:
    """Reads TF_CONFIG.

    Raises:
      ConfigError: If it is not set, or cannot be used.
    """
    if not are_set():
        raise ConfigError(
            "--strategy=multi_worker, but the environment variable TF_CONFIG is not "
            f"set. Set it on each machine, with its own index, like {_EXAMPLE}."
        )
    text = os.environ["TF_CONFIG"]
    try:
        parsed = parse_json(text)
        addresses = parsed["cluster"]["worker"]
        task = parsed["task"]["type"]
        index = int(parsed["task"]["index"])
        if not isinstance(addresses, list) or not all(map(_is_text, addresses)):
            raise TypeError("worker is no list of addresses")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ConfigError(
            f"TF_CONFIG cannot be read ({type(error).__name__}: {cause_of(error)}). "
            f"Expected is JSON like {_EXAMPLE}, but it is {text[:_SHOWN]!r}."
        ) from error
    if task != "worker" or not 0 <= index < len(addresses):
        raise ConfigError(
            f"TF_CONFIG says that this is {task!r} number {index}. All have to be "
            f"workers, numbered from 0 to {len(addresses) - 1}: there are "
            f"{len(addresses)} addresses. Worker 0 is the chief."
        )
    return Workers(len(addresses), index)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
