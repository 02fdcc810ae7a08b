"""What `--help` of a verb prints."""

from __future__ import annotations

import dataclasses
import sys
import textwrap
from collections.abc import Callable
from inspect import get_annotations

from cv_tf.settings import help_of, to_flags


def help_text(settings_class: type, main: Callable) -> str:
    """All flags by topic, with their defaults and choices."""
    lines = [(sys.modules[main.__module__].__doc__ or "").strip()]
    topics = settings_class.__mro__[::-1]
    # A setting that a subclass declares again belongs to the topic of the subclass.
    topic_of = {name: topic for topic in topics for name in get_annotations(topic)}
    all_fields = dataclasses.fields(settings_class)
    for topic in topics:
        fields = [field for field in all_fields if topic_of[field.name] is topic]
        if fields:
            lines += ["", (topic.__doc__ or topic.__name__).strip().split("\n")[0]]
        for field in fields:
            lines += [f"  {flag}" for flag in to_flags({field.name: field.default})]
            lines += [textwrap.indent(textwrap.fill(help_of(field), 74), " " * 6)]
    lines += ["", "--flagfile=FILE reads flags from a file, one a line."]
    return "\n".join(lines)
