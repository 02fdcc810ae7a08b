"""Settings: dataclass fields that declare help, choices and range of a flag."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence
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
    was: tuple[str, ...] = (),
    names: bool = False,
) -> Any:
    """Declares a dataclass field that is also a flag of the command line.

    Args:
      default: Default value; the flag has its type.
      help: Text for `--help`.
      one_of: Allowed values; empty for any.
      minimum: Least allowed value; None for any.
      maximum: Greatest allowed value; None for any.
      was: Former names of the flag, which are still understood.
      names: True for a list of names from a user's data, which may contain commas: the
        text between commas is kept as typed, for `cv_tf.command.split_names`.
    """
    metadata = {
        "help": help,
        "one_of": one_of,
        "minimum": minimum,
        "maximum": maximum,
        "was": was,
        "names": names,
    }
    return dataclasses.field(default=default, metadata=metadata)


def help_of(field: dataclasses.Field) -> str:
    """The help text of a setting, with its choices."""
    text, one_of = field.metadata["help"], field.metadata["one_of"]
    return f"{text} One of: {', '.join(map(str, one_of))}." if one_of else text


def to_flags(values: Mapping[str, Any]) -> list[str]:
    """Spells values as flags: `{"steps": 3}` becomes `["--steps=3"]`."""
    spelled = {
        name: _to_list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
    }
    return [f"--{name}={value}" for name, value in spelled.items()]


def _to_list(values: Sequence[str]) -> str:
    """A comma-separated list, as flags are parsed: what has a comma is quoted."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def values_of(settings: Any, settings_class: type) -> dict[str, Any]:
    """The values, by name, of the settings that a dataclass shares with a base."""
    names = [field.name for field in dataclasses.fields(settings_class)]
    return {name: getattr(settings, name) for name in names}


def check_all(settings: Any) -> None:
    """Checks every value of a dataclass of settings against its declaration.

    Raises:
      ConfigError: If a value cannot be used; the message names the flag.
    """
    for field in dataclasses.fields(settings):
        check(field, getattr(settings, field.name))


def check(field: dataclasses.Field, value: Any) -> None:
    """Checks a value's type, choice and range against its declaration.

    Raises:
      ConfigError: If the value cannot be used; the message names the flag.
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
