"""What pages of the site have from the code: all settings, and the parts of the API.

A page has a comment where that belongs, `<!-- settings -->` or `<!-- modules -->`.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Callable, Iterable, Iterator
from inspect import get_annotations, ismodule
from typing import TYPE_CHECKING

import cv_tf
from cv_tf.settings import help_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# The settings of each verb, in the order in which people meet them.
SETTINGS = {
    "train": "cv_tf.config.Config",
    "embed": "cv_tf.embed.EmbedConfig",
    "group": "cv_tf.group.GroupConfig",
    "evaluate": "cv_tf.evaluate.EvaluateConfig",
    "update": "cv_tf.update.UpdateConfig",
    "review": "cv_tf.review.ReviewConfig",
    "search": "cv_tf.search.SearchConfig",
    "inspect": "cv_tf.inspect.InspectConfig",
    "compare": "cv_tf.comparison.CompareConfig",
    "export": "cv_tf.export.ExportConfig",
    "prepare": "cv_tf.prepare.PrepareConfig",
    "benchmark": "cv_tf.benchmark.BenchmarkConfig",
}
Topics = dict[type, list[dataclasses.Field]]
_FLAG = re.compile(r"(?<!`)--\w+(?:=[\w/.]*\w)?")


def setup(app: Sphinx) -> dict[str, bool]:
    """Has pages completed when they are read."""
    app.connect("source-read", _complete)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _complete(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Puts what is made in the place of its mark, in the text of a page."""
    makers: dict[str, Callable[[], str]] = {"settings": settings, "modules": modules}
    for name, make in makers.items():
        mark = f"<!-- {name} -->"
        if mark in source[0]:
            source[0] = source[0].replace(mark, make())


def settings() -> str:
    """Every setting of every verb, by topic, as Markdown.

    A topic that several verbs have is described once, at the end; the verbs link to it.
    """
    of_verbs = {verb: topics_of(settings_class_of(verb)) for verb in SETTINGS}
    users: dict[type, list[str]] = {}
    for verb, topics in of_verbs.items():
        for topic in topics:
            users.setdefault(topic, []).append(verb)
    shared = {topic for topic, verbs in users.items() if len(verbs) > 1}
    lines = []
    for verb, topics in of_verbs.items():
        lines += [f"## {verb}", "", _does(verb), ""]
        for topic, fields in reversed(topics.items()):
            if topic not in shared:
                lines += _topic(topic, fields)
        if links := [_link(topic) for topic in topics if topic in shared]:
            lines += [f"It also has the settings of: {'; '.join(links)}.", ""]
    lines += ["## Settings that verbs share", ""]
    for topic, verbs in users.items():
        if topic in shared:
            lines += [f"({_anchor(topic)})=", ""]
            lines += _topic(topic, of_verbs[verbs[0]][topic])
            lines += [f"Of {_listed(verbs)}.", ""]
    return "\n".join(lines)


def topics_of(settings_class: type) -> Topics:
    """The fields of settings by the class that declares them, the most general first.

    A setting that a subclass declares again belongs to the subclass.
    """
    classes = settings_class.__mro__[::-1]
    declared = {name: topic for topic in classes for name in get_annotations(topic)}
    topics: Topics = {}
    for field in dataclasses.fields(settings_class):
        topics.setdefault(declared[field.name], []).append(field)
    return {topic: topics[topic] for topic in classes if topic in topics}


def settings_class_of(verb: str) -> type:
    """The class of a verb's settings."""
    module, _, attribute = SETTINGS[verb].rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _does(verb: str) -> str:
    """The first line of what `--help` says."""
    module = importlib.import_module(f"cv_tf.{verb}")
    return f"{_first_line(module)} The command is `python -m cv_tf.{verb}`."


def _first_line(described: object) -> str:
    return (described.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


def _title(topic: type) -> str:
    return _first_line(topic).removesuffix(".")


def _anchor(topic: type) -> str:
    return f"settings-of-{topic.__name__.lower()}"


def _link(topic: type) -> str:
    title = _title(topic)
    return f"[{title[0].lower()}{title[1:]}](#{_anchor(topic)})"


def _topic(topic: type, fields: Iterable[dataclasses.Field]) -> Iterator[str]:
    yield from (f"### {_title(topic)}", "")
    yield from ("| flag | default | |", "| --- | --- | --- |")
    for field in fields:
        text = _FLAG.sub(r"`\g<0>`", f"{help_of(field)}{_range(field)}")
        text = text.replace("|", r"\|")
        yield f"| `--{field.name}` | {_default(field.default)} | {text} |"
    yield ""


def _default(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (tuple, list)):
        value = ",".join(map(str, value))
    return f"`{value}`" if value != "" else ""


def _range(field: dataclasses.Field) -> str:
    low, high = field.metadata["minimum"], field.metadata["maximum"]
    if low is None and high is None:
        return ""
    if high is None:
        return f" {low} or more."
    return f" {high} or less." if low is None else f" From {low} to {high}."


def _listed(names: list[str]) -> str:
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} and {last}" if others else last


def modules() -> str:
    """The verbs and rooms of cv_tf, with links to their pages in the API."""
    lines = ["| module | |", "| --- | --- |"]
    for name in sorted(cv_tf.__all__):
        found = getattr(cv_tf, name)
        if ismodule(found):
            page = f"../../api/cv_tf/{name}.html"
            link = f'<a href="{page}"><code>cv_tf.{name}</code></a>'
            lines.append(f"| {link} | {_first_line(found)} |")
    return "\n".join(lines)
