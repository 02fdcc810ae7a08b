"""What a setting is: a dataclass field that knows what it may be."""

from __future__ import annotations

import dataclasses
from typing import Any

from cv_tf.errors import UserError


class ConfigError(UserError):
    """A setting has a value that cannot be used."""


def setting(
    default: Any,
    help: str,  # noqa: A002 (the word of argparse and absl)
    one_of: tuple[str | int, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    was: str = "",
) -> Any:
    """A dataclass field that also makes a good flag.

    Args:
      default: Value where none is given; its type is that of the flag.
      help: What it is for, as `--help` says it.
      one_of: Values to choose from; empty for any.
      minimum: Least value; None for any.
      maximum: Greatest value; None for any.
      was: Former name of the flag, which is still understood; empty for none.
    """
    metadata = {
        "help": help,
        "one_of": one_of,
        "minimum": minimum,
        "maximum": maximum,
    }
    if was:
        metadata["was"] = was
    return dataclasses.field(default=default, metadata=metadata)


def help_of(field: dataclasses.Field) -> str:
    """What a setting is for, and its choices."""
    text, one_of = field.metadata["help"], field.metadata["one_of"]
    return f"{text} One of: {', '.join(map(str, one_of))}." if one_of else text


def check_all(settings: Any) -> None:
    """Checks every value of a dataclass of settings against its declaration.

    Raises:
      ConfigError: Naming the flag, and what was expected.
    """
    for field in dataclasses.fields(settings):
        check(field, getattr(settings, field.name))


def check(field: dataclasses.Field, value: Any) -> None:
    """Checks a value's type, choice and range against its declaration.

    Raises:
      ConfigError: Naming the flag, and what was expected.
    """
    one_of, minimum, maximum = (
        field.metadata[name] for name in ("one_of", "minimum", "maximum")
    )
    kind = type(field.default)
    if not isinstance(value, (int, float) if kind is float else kind):
        raise ConfigError(
            f"--{field.name} is {value!r}, which must be of type {kind.__name__}."
        )
    if one_of and value not in one_of:
        known = ", ".join(map(str, one_of))
        raise ConfigError(f"--{field.name}={value} is not one of: {known}.")
    if minimum is not None and not value >= minimum:
        raise ConfigError(f"--{field.name}={value} must be {minimum} or more.")
    if maximum is not None and not value <= maximum:
        raise ConfigError(f"--{field.name}={value} must be {maximum} or less.")
