"""The command line: flags from settings, help by topic, errors in plain words."""

from __future__ import annotations

import dataclasses
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from inspect import get_annotations
from pathlib import Path
from typing import Any, TypeVar

from absl import flags

from cv_tf.errors import UserError
from cv_tf.files import is_remote
from cv_tf.settings import ConfigError, help_of

Settings = TypeVar("Settings")
_STOPPED = 130  # What shells expect after Ctrl-C.


def run(
    main: Callable[[Settings], Any],
    settings_class: type[Settings],
    parse: Callable[[Sequence[str]], Settings] | None = None,
) -> None:
    """Parses the command line into settings, calls `main`, and exits.

    Exits with 0 if all went well, 1 if `main` failed for a reason that the user can
    mend (an error of input, printed without a traceback), 2 for wrong flags, 130 if the
    user stopped it.

    Args:
      main: What to do with the settings.
      settings_class: A dataclass made of `cv_tf.settings.setting` fields.
      parse: Makes the settings from the command line; None for `parse_flags`.
    """
    argv = list(sys.argv)
    if any(argument in ("--help", "-h", "-help", "--helpfull") for argument in argv):
        print(help_text(settings_class, main))
        sys.exit(0)
    try:
        settings = parse(argv) if parse else parse_flags(settings_class, argv)
    except (flags.Error, UserError, OSError) as error:
        print(f"Wrong use: {error}\nSee --help.", file=sys.stderr)
        sys.exit(2)
    try:
        main(settings)
    except (UserError, OSError) as error:
        print(f"Failed: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        sys.exit(_STOPPED)


def parse_flags(settings_class: type[Settings], argv: Sequence[str]) -> Settings:
    """Makes settings from a command line; --flagfile=FILE reads more from a file.

    Args:
      settings_class: A dataclass made of `cv_tf.settings.setting` fields.
      argv: Name of the program, then flags.

    Raises:
      absl.flags.Error: If a flag is unknown or its value cannot be parsed.
      ConfigError: If a value cannot be used.
    """
    return settings_class(**given_flags(settings_class, argv))


def given_flags(settings_class: type, argv: Sequence[str]) -> dict[str, Any]:
    """What a command line says: the values of its flags, and of no others.

    Args:
      settings_class: A dataclass; it is not made, so that its values are not checked.
      argv: As for `parse_flags`.

    Raises:
      absl.flags.Error: If a flag is unknown or its value cannot be parsed.
    """
    values = _define(settings_class)
    positional = values(list(argv))[1:]
    if positional:
        raise flags.Error(
            f"'{positional[0]}' is not a flag; every setting is given as --name=value."
        )
    return {
        field.name: _as_field(values[field.name].value)
        for field in dataclasses.fields(settings_class)
        if values[field.name].present or _given_as_before(field, values)
    }


def find_files(settings: Any, names: Sequence[str]) -> dict[str, str]:
    """The files that some settings name, with `~` replaced; "" stays as it is.

    Args:
      settings: A dataclass of settings.
      names: Names of the settings that hold a path, on disk or in object storage.

    Raises:
      ConfigError: If a file on disk is not there.
    """
    files = {}
    for name in names:
        path = getattr(settings, name)
        if path and not is_remote(path):
            path = str(Path(path).expanduser())
            if not Path(path).is_file():
                raise ConfigError(f"--{name}={path}: there is no such file.")
        files[name] = path
    return files


def check_output(
    output: str, overwrite: bool, suffixes: tuple[str, ...], flag: str = "--output"
) -> Path:
    """Checks that a file may be written, before anything heavy is done for it.

    Args:
      output: As the user gave it.
      overwrite: Whether it may replace a file.
      suffixes: What its name may end in.
      flag: Its name, for messages.

    Raises:
      ConfigError: If it cannot be written.
    """
    path = Path(output).expanduser()
    known = " or ".join(suffixes)
    if not output:
        raise ConfigError(f"{flag} is not set. Name a file that ends in {known}.")
    if path.suffix.lower() not in suffixes:
        raise ConfigError(f"{flag}={output} must end in {known}, which say its format.")
    if path.is_dir():
        raise ConfigError(f"'{path}' is a folder; {flag} must be a file.")
    check_free(path, overwrite)
    return path


def check_free(path: Path, overwrite: bool) -> None:
    """Checks that nothing is in the way of a file or folder that is to be written.

    Raises:
      ConfigError: If it is there and may not be replaced, or its folder is not.
    """
    if path.exists() and not overwrite:
        raise ConfigError(f"'{path}' exists. Pass --overwrite to replace it.")
    if not path.parent.is_dir():
        raise ConfigError(f"There is no folder '{path.parent}' to write to.")


def to_flagfile(settings: Any) -> str:
    """Writes settings as a text that --flagfile reads back to equal settings."""
    names = [field.name for field in dataclasses.fields(settings)]
    flags_of = to_flags({name: getattr(settings, name) for name in names})
    return "\n".join(flags_of) + "\n"


def to_flags(values: Mapping[str, Any]) -> list[str]:
    """Spells values as flags, one each."""
    spelled = {
        name: ",".join(value) if isinstance(value, tuple) else value
        for name, value in values.items()
    }
    return [f"--{name}={value}" for name, value in spelled.items()]


def changed_settings(settings: Any) -> dict[str, Any]:
    """The settings that are not the defaults, in the order of their declaration."""
    return {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
        if getattr(settings, field.name) != field.default
    }


def help_text(settings_class: type, main: Callable) -> str:
    """All flags by topic, with their defaults and choices."""
    lines = [(sys.modules[main.__module__].__doc__ or "").strip()]
    topics = settings_class.__mro__[::-1]
    # What is declared anew is of the later topic.
    topic_of = {name: topic for topic in topics for name in get_annotations(topic)}
    for topic in topics:
        fields = [
            field
            for field in dataclasses.fields(settings_class)
            if topic_of[field.name] is topic
        ]
        if fields:
            lines += ["", (topic.__doc__ or topic.__name__).strip().split("\n")[0]]
        for field in fields:
            default = field.default
            default = ",".join(default) if isinstance(default, tuple) else default
            lines.append(f"  --{field.name}={default}")
            lines.append(
                textwrap.fill(
                    help_of(field),
                    80,
                    initial_indent=" " * 6,
                    subsequent_indent=" " * 6,
                )
            )
    lines += ["", "--flagfile=FILE reads flags from a file, one a line."]
    return "\n".join(lines)


def _define(settings_class: type) -> flags.FlagValues:
    """A fresh set of absl flags, so that nothing global is touched."""
    values = flags.FlagValues()
    flags.DEFINE_string("flagfile", "", "A file of flags.", flag_values=values)
    for field in dataclasses.fields(settings_class):
        default, text = field.default, field.metadata["help"]
        define = {
            bool: flags.DEFINE_boolean,
            int: flags.DEFINE_integer,
            float: flags.DEFINE_float,
            str: flags.DEFINE_string,
            tuple: flags.DEFINE_list,
        }[type(default)]
        default = list(default) if isinstance(default, tuple) else default
        define(field.name, default, text, flag_values=values)
        if "was" in field.metadata:
            flags.DEFINE_alias(field.metadata["was"], field.name, flag_values=values)
    return values


def _given_as_before(field: dataclasses.Field, values: flags.FlagValues) -> bool:
    """Whether a flag is given by the name that it had in an earlier version."""
    was = field.metadata.get("was")
    return bool(was) and values[was].present > 0


def _as_field(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of rows, with the first column on the left and the others on the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
