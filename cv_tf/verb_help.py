"""What `--help` of a verb prints."""

from __future__ import annotations

import dataclasses
import sys
import textwrap
from collections.abc import Callable, Iterable
from inspect import get_annotations

from cv_tf.settings import help_of, to_flags

# Flags of every command: they are no settings, and change no result.
COMMON_FLAGS = {
    "--quiet": "No progress and no hints: results, warnings and errors alone.",
    "--flagfile=FILE": "Read flags from a file, one a line.",
}


def help_text(settings_class: type, main: Callable, is_all: bool = True) -> str:
    """What a verb is for, and its flags with their defaults and choices.

    Args:
      settings_class: Its settings; `main_flags` names those that matter most, and
        without it, all do.
      main: Its function; the docstring of the module heads the help.
      is_all: Whether all flags are listed, by topic, under the whole docstring; else
        the main flags, under the examples.
    """
    about = (sys.modules[main.__module__].__doc__ or "").strip()
    fields = dataclasses.fields(settings_class)
    names = getattr(settings_class, "main_flags", ())
    if is_all or not names:
        return "\n".join([about, *_by_topic(settings_class), *_common()])
    field_of = {field.name: field for field in fields}
    lines = [_head(about), "", "The flags that matter most"]
    lines += _flags(field_of[name] for name in names)
    lines += [*_common(), "", f"--help=all lists all {len(fields)} flags."]
    return "\n".join(lines)


def _head(about: str) -> str:
    """The beginning of a docstring, up to its first examples."""
    paragraphs = about.split("\n\n")
    examples = [i for i, text in enumerate(paragraphs) if text.startswith(" ")]
    return "\n\n".join(paragraphs[: examples[0] + 1 if examples else None])


def _by_topic(settings_class: type) -> list[str]:
    lines = []
    own, *others = settings_class.__mro__
    topics = [own, *others[::-1]]
    # A setting that a subclass declares again belongs to the topic of the subclass.
    topic_of = {
        name: topic for topic in [*others[::-1], own] for name in get_annotations(topic)
    }
    all_fields = dataclasses.fields(settings_class)
    for topic in topics:
        fields = [field for field in all_fields if topic_of[field.name] is topic]
        if fields:
            lines += ["", (topic.__doc__ or topic.__name__).strip().split("\n")[0]]
        lines += _flags(fields)
    return lines


def _flags(fields: Iterable[dataclasses.Field]) -> list[str]:
    lines = []
    for field in fields:
        lines += [f"  {flag}" for flag in to_flags({field.name: field.default})]
        lines.append(_indented(help_of(field)))
    return lines


def _common() -> list[str]:
    lines = ["", "Flags of every command"]
    for flag, text in COMMON_FLAGS.items():
        lines += [f"  {flag}", _indented(text)]
    return lines


def _indented(text: str) -> str:
    return textwrap.indent(textwrap.fill(text, 74), " " * 6)
