"""The command line: flags from settings, help by topic, plain errors, text tables."""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from absl import flags

from cv_tf.errors import UserError
from cv_tf.files import expanded, is_remote, is_there, kind_of_file, say_unknown
from cv_tf.noise import quiet_libraries
from cv_tf.progress import quiet
from cv_tf.settings import ConfigError, to_flags
from cv_tf.spelling import clean, composed
from cv_tf.unfinished import is_completed, settle
from cv_tf.verb_help import help_text

Settings = TypeVar("Settings")
_STOPPED = 130  # The exit code that shells expect after Ctrl-C.
_SEE_HELP = "See --help, or --help=all for every flag."
# Flags of the command line itself: they are no settings, and make no other result.
_QUIET = {"--quiet": True, "--quiet=true": True}
_QUIET |= {"--noquiet": False, "--quiet=false": False}
# Pieces between commas that are tried as one name, besides all of them.
_MOST_PIECES = 20
_DEFINE: dict[type, Callable[..., Any]] = {
    bool: flags.DEFINE_boolean,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
    list: flags.DEFINE_list,
}


def run(
    main: Callable[[Any], Any],
    settings_class: type,
    parse: Callable[[Sequence[str]], Any] | None = None,
) -> None:
    """Parses the command line into settings, calls `main`, and exits.

    The exit code is 0 after success, 1 after a `UserError` or `OSError`, which is
    printed without a traceback, 2 for wrong flags, and 130 if the user stopped it.
    Any other exception is a bug and keeps its traceback.

    Args:
      main: Function of the settings that does the work; its module's docstring heads
        the help.
      settings_class: A dataclass made of `cv_tf.settings.setting` fields.
      parse: Function from the command line to settings; None for `parse_flags`.
    """
    argv = [it for it in sys.argv if it.lower() not in _QUIET]
    if wanted := _help_wanted(argv[1:]):
        print(help_text(settings_class, main, wanted == "all"))
        sys.exit(0)
    said = [_QUIET[it.lower()] for it in sys.argv if it.lower() in _QUIET]
    with quiet(bool(said) and said[-1]), quiet_libraries():
        try:
            settings = parse(argv) if parse else parse_flags(settings_class, argv)
        except (flags.Error, UserError, OSError) as error:
            print(f"Wrong use: {error}\n{_SEE_HELP}", file=sys.stderr)
            sys.exit(2)
        _speak_plainly()
        try:
            main(settings)
        except (UserError, OSError) as error:
            print(f"Failed: {error}", file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            print("Stopped.", file=sys.stderr)
            sys.exit(_STOPPED)


def _help_wanted(arguments: Sequence[str]) -> str:
    """The help that a command line asks for: "short" or "all"; "" for none."""
    for place, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--helpfull":
            return "all"
        if name in ("--help", "-help", "-h"):
            following = arguments[place + 1 : place + 2]
            return "all" if "all" in (value, *following) else "short"
    return ""


def _speak_plainly() -> None:
    """Has what is said on the way printed as it is, without "WARNING:absl:" before."""
    if logging.root.handlers:  # Whoever has set them up knows better.
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.root.addHandler(handler)


def parse_flags(settings_class: type[Settings], argv: Sequence[str]) -> Settings:
    """Makes settings from a command line; --flagfile=FILE reads more from a file.

    Raises `absl.flags.Error` if a flag is unknown or cannot be parsed, and
    `ConfigError` if a value cannot be used.
    """
    return settings_class(**given_flags(settings_class, argv))


def given_flags(settings_class: type, argv: Sequence[str]) -> dict[str, Any]:
    """The values of the flags that a command line gives, unchecked, and of no others.

    Raises `absl.flags.Error` if a flag is unknown, its value cannot be parsed, or it is
    given by its present and its former name.
    """
    values = _define(settings_class)
    positional = values(list(argv))[1:]
    if positional:
        raise flags.Error(
            f"'{positional[0]}' is not a flag; every setting is given as --name=value."
        )
    if values["quiet"].present:  # `run` takes those of the command line.
        raise flags.Error(
            "--quiet is no setting: it takes no value, and has no place in a file of "
            "flags. Give it on the command line, as --quiet."
        )
    given = {}
    for field in dataclasses.fields(settings_class):
        name, was, flag = field.name, field.metadata["was"], values[field.name]
        # A flag that is given by a former name counts as given by both.
        former = [it for it in was if values[it].present]
        if former and flag.present > sum(values[it].present for it in former):
            raise flags.Error(
                f"--{former[0]} is the former name of --{name}, and both are given. "
                f"Pass --{name} only."
            )
        if flag.present:
            value = flag.value
            given[name] = tuple(value) if isinstance(value, list) else value
    return given


def find_files(
    settings: Any, names: Sequence[str], folders: Sequence[str] = ()
) -> dict[str, Any]:
    """The paths in settings of these names, with `~` replaced, checked if on disk.

    A setting is one path, or a tuple of several, split at every comma. Those whose
    names are in `folders`, too, may be folders.

    Raises:
      ConfigError: If a file on disk does not exist, or is a folder.
    """
    files: dict[str, Any] = {}
    for name in names:
        value, may_be_folder = getattr(settings, name), name in folders
        if isinstance(value, str):
            files[name] = _find_file(name, value, may_be_folder) if value else ""
        else:
            paths = split_names(value, lambda path: is_there(expanded(path)))
            files[name] = tuple(_find_file(name, it, may_be_folder) for it in paths)
    return files


def _find_file(name: str, path: str, may_be_folder: bool) -> str:
    if is_remote(path):
        return path
    if not path:
        raise ConfigError(
            f"--{name} has an empty entry. Put one comma between two files."
        )
    found = Path(expanded(path))
    settle(found)  # Files that a killed run was to write together appear together.
    if not found.exists():
        raise ConfigError(f"--{name}={found}: there is no such file.")
    kind = kind_of_file(found)
    if kind and not (may_be_folder and found.is_dir()):
        raise ConfigError(f"--{name}={found} is {kind}; name a file.")
    return str(found)


def check_output(
    output: str, overwrite: bool, suffixes: tuple[str, ...], flag: str = "--output"
) -> Path:
    """The path of an output file, with `~` replaced, checked before heavy work.

    `suffixes` are in small letters, such as ".csv"; `flag` is its name for messages.
    Raises ConfigError if the file cannot be written.
    """
    path = Path(expanded(output))
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
    """Checks that a file or folder may be written.

    Folders that it is to be in need not exist: they are made when it is written.

    Raises:
      ConfigError: If it exists and may not be replaced, or its parent folder is a file
        or cannot be made.
    """
    settle(path)  # An earlier run of this command may have been killed.
    if path.exists() and not overwrite and not is_completed(path):
        raise ConfigError(f"'{path}' exists. Pass --overwrite to replace it.")
    check_parent(path)


def check_parent(path: Path) -> None:
    """Checks that the folder of a path is there, or can be made.

    Raises:
      ConfigError: If it is or would be in a file, may not be made, or takes no files.
    """
    parent = path.absolute().parent
    there = next(it for it in (parent, *parent.parents) if it.exists())
    if not there.is_dir():
        raise ConfigError(f"'{there}' is a file, so that '{path}' cannot be in it.")
    missing = parent.relative_to(there).parts
    # Addresses, and homes of users who are not known, are no names of folders.
    is_name = not any(it.endswith(":") or it.startswith("~") for it in missing)
    may_write = os.access(there, os.W_OK | os.X_OK)
    if not missing and not may_write:
        raise ConfigError(
            f"You may not write to the folder '{there}', so that '{path}' cannot be in "
            "it. Name another folder, or let its owner change its permissions."
        )
    if missing and not (is_name and may_write):
        raise ConfigError(
            f"There is no folder '{path.parent}' to write to, and it cannot be made in "
            f"'{there}'. Name a folder on a disk of this machine."
        )


def split_names(pieces: Sequence[str], is_known: Callable[[str], bool]) -> list[str]:
    """Tells names in a comma-separated list from each other; they may have commas, too.

    All pieces together are a name if it is known, and so is the longest run of pieces,
    from the left. Names are also known without blanks around them, in the composed
    Unicode form, and without quotes. What is not known stays as it is, without blanks.

    Args:
      pieces: The list, split at every comma, blanks included.
      is_known: Whether there is something of this name.
    """
    names: list[str] = []
    start = 0
    while start < len(pieces):
        most = min(start + _MOST_PIECES, len(pieces))
        name, end = pieces[start].strip(), start + 1
        for last in dict.fromkeys((len(pieces), *range(most, start, -1))):
            run = ",".join(pieces[start:last])
            if known := next(filter(is_known, _spellings(run)), None):
                name, end = known, last
                break
        names.append(name)
        start = end
    return names


def _spellings(name: str) -> Iterator[str]:
    yield name
    yield name.strip()
    yield (stripped := clean(name))
    if stripped[:1] == stripped[-1:] == '"':
        yield stripped[1:-1].replace('""', '"')


def rows_of_names(
    pieces: Sequence[str], names: Sequence[str], where: str, what: str = "product"
) -> list[int]:
    """The row numbers of the names that a comma-separated list has.

    Args:
      pieces: The list, split at every comma, as for `split_names`.
      names: The names of all rows.
      where: The file of the names, for messages.
      what: The kind of things that are named, for messages.

    Raises:
      ConfigError: If there is no such name.
    """
    rows = range(len(names))
    row_of = dict(zip(map(composed, names), rows, strict=True))
    row_of |= dict(zip(names, rows, strict=True))
    wanted = split_names(pieces, row_of.__contains__)
    if "" in wanted:
        raise ConfigError(
            f"The list of {what}s {','.join(pieces)!r} has an empty entry. Put one "
            "comma between two."
        )
    if unknown := [name for name in wanted if name not in row_of]:
        raise ConfigError(say_unknown(where, what, unknown, names))
    return [row_of[name] for name in wanted]


def to_flagfile(settings: Any) -> str:
    """Spells settings as a text that --flagfile reads back to equal settings."""
    return "\n".join(to_flags(dataclasses.asdict(settings))) + "\n"


def changed_settings(settings: Any) -> dict[str, Any]:
    """The settings that differ from the defaults, in the order of their declaration."""
    return {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
        if getattr(settings, field.name) != field.default
    }


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lays out rows as lines; the first column is aligned left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


class _Pieces(flags.ListParser):
    """Splits a list at every comma, and keeps blanks and quotes."""

    def parse(self, argument: str | list[str]) -> list[str]:
        """See base class."""
        if isinstance(argument, list):
            return argument
        return argument.split(",") if argument else []


def _define(settings_class: type) -> flags.FlagValues:
    """Defines flags in a set of their own: absl's global flags are not touched."""
    values = flags.FlagValues()
    flags.DEFINE_string("flagfile", "", "A file of flags.", flag_values=values)
    flags.DEFINE_boolean("quiet", False, "No progress.", flag_values=values)
    for field in dataclasses.fields(settings_class):
        default, text = field.default, field.metadata["help"]
        default = list(default) if isinstance(default, tuple) else default
        if field.metadata["names"]:
            flags.DEFINE(_Pieces(), field.name, default, text, flag_values=values)
        else:
            _DEFINE[type(default)](field.name, default, text, flag_values=values)
        for former in field.metadata["was"]:
            flags.DEFINE_alias(former, field.name, flag_values=values)
    return values
