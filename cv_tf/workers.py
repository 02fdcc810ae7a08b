"""The machines of a training that runs on several, as TF_CONFIG names them."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from cv_tf.errors import UserError

_EXAMPLE = (
    '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class Workers(NamedTuple):
    """A process and how many there are.

    Attributes:
      num_workers: Processes that train together.
      index: Of this one; 0 is the chief, which writes the files.
    """

    num_workers: int
    index: int


def are_set() -> bool:
    """Whether TF_CONFIG names any."""
    return bool(os.environ.get("TF_CONFIG", "").strip())


def read() -> Workers:
    """Reads TF_CONFIG.

    Raises:
      ValueError: If it is not set, or does not say what it has to.
    """
    if not are_set():
        raise UserError(
            "--strategy=multi_worker, but the environment variable TF_CONFIG is not "
            f"set. Set it on each machine, with its own index, like {_EXAMPLE}."
        )
    text = os.environ["TF_CONFIG"]
    try:
        parsed = json.loads(text)
        addresses = list(parsed["cluster"]["worker"])
        task = parsed["task"]["type"]
        index = int(parsed["task"]["index"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"TF_CONFIG cannot be read ({type(error).__name__}: {error}). Expected is "
            f"JSON like {_EXAMPLE}, but it is {text!r}."
        ) from error
    if task != "worker" or not 0 <= index < len(addresses):
        raise UserError(
            f"TF_CONFIG says that this is {task!r} number {index}. All have to be "
            f"workers, numbered from 0 to {len(addresses) - 1}: there are "
            f"{len(addresses)} addresses. Worker 0 is the chief."
        )
    return Workers(len(addresses), index)
