"""Builds the API documentation: a page for each public module of cv_tf.

    python -m docs.api.build build/site/api

They link to the other pages of the site if these are there. A warning of pdoc (an
import that fails, an annotation that means nothing), a link to nowhere, and the name of
something that is not public are errors.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import os
import re
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

import pdoc
import pdoc.doc
import pdoc.extract
import pdoc.render

import cv_tf
from cv_tf.settings import help_of
from docs.api.pages import Page

# Annotations in classes of other packages, and what TFDS has ours inherit.
_OF_OTHERS = (
    r"Error parsing type annotation .* for "
    r"(?:(?!cv_tf\.)\w|cv_tf\.catalog\.catalog_builder\.CatalogConfig\.__init__)"
)


def build(folder: Path) -> None:
    """Writes the pages.

    Raises:
      UserWarning: Whatever pdoc warns of.
      ValueError: If a page refers to what is not there.
    """
    warnings.filterwarnings("error", module="pdoc")  # Others may warn as they like.
    warnings.filterwarnings("ignore", _OF_OTHERS, module="pdoc")
    os.environ["PDOC_ALLOW_EXEC"] = "1"  # Packages ask the system what it is.
    pdoc.render.configure(
        docformat="google",
        footer_text=f"cv_tf {cv_tf.__version__}",
        template_directory=Path(__file__).parent,
    )
    site = folder.parent / "docs"
    pdoc.render.env.globals["has_site"] = (site / "index.html").is_file()
    names = list(pdoc.extract.walk_specs(["cv_tf"]))
    modules = [pdoc.doc.Module.from_name(name) for name in names if _is_module(name)]
    _spell_as_people_do()
    for module in modules:
        module.submodules = [m for m in module.submodules if _is_module(m.modulename)]
        for described in module.classes:
            _describe(described)
    others = (f"!{re.escape(name)}$" for name in names if not _is_module(name))
    pdoc.pdoc("cv_tf", *others, output_directory=folder)
    _name_by_faces(folder, filter(_is_module, names))
    _check(folder)


def _name_by_faces(folder: Path, names: Iterable[str]) -> None:
    """Links what a room's face lists, by the name that it is imported by."""
    short = {}
    for room in names:
        face = importlib.import_module(room)
        for name in getattr(face, "__all__", ()):
            module = getattr(getattr(face, name), "__module__", None) or ""
            if room != "cv_tf" and module.startswith(f"{room}."):
                short[f"{module}.{name}"] = (room, name)
    long = re.compile(r"\b(" + "|".join(map(re.escape, short)) + r")\b")
    for path in folder.rglob("*.html"):

        def link(found: re.Match, path: Path = path) -> str:
            room, name = short[found[0]]
            page = os.path.relpath(
                folder / f"{room.replace('.', '/')}.html", path.parent
            )
            return f'<a href="{page}#{name}">{room}.{name}</a>'

        path.write_text(long.sub(link, path.read_text()))


def _is_module(name: str) -> bool:
    """Whether that is what a room means by it, and not a function of the same name."""
    room, _, child = name.rpartition(".")
    found = getattr(sys.modules.get(room), child, None)
    return found is None or inspect.ismodule(found)


def _spell_as_people_do() -> None:
    """Gives classes of others the names that they are imported by."""
    import tensorflow as tf  # noqa: PLC0415 (pdoc has imported cv_tf first)
    import tf_keras as keras  # noqa: PLC0415

    for of_tensorflow in (tf.Tensor, tf.Variable):
        of_tensorflow.__module__ = "tf"
    for module in (keras, keras.layers, keras.losses, keras.callbacks):
        for name in ("Model", "Layer", "Loss", "Callback"):
            if found := getattr(module, name, None):
                found.__module__ = module.__name__


def _describe(described: pdoc.doc.Class) -> None:
    """Adds what is known of a class's members, and leaves out what is of others."""
    described.members = {
        name: member
        for name, member in described.members.items()
        if _is_ours(getattr(described.obj, name, None), member.taken_from[0])
    }
    if issubclass(described.obj, tuple):
        described.obj.__new__.__module__ = described.obj.__module__  # Of annotations.
        for field in described.obj._fields:
            described.members[field].docstring = ""
    if constructor := described.members.get("__init__"):
        constructor.docstring = ""  # The class says what it takes.
    if dataclasses.is_dataclass(described.obj):
        for field in dataclasses.fields(described.obj):
            if "help" in field.metadata:
                described.members[field.name].docstring = help_of(field)


def _is_ours(value: object, module: str) -> bool:
    """Whether a member was defined here, and is not the property of a base class."""
    getter = getattr(value, "fget", None)
    return (getter.__module__ if getter else module).startswith("cv_tf.")


def _check(folder: Path) -> None:
    pages = {path: Page(path) for path in sorted(folder.rglob("*.html"))}
    ids = {path: page.ids for path, page in pages.items()}
    ids[folder.parent / "docs" / "index.html"] = {""}
    problems = [problem for page in pages.values() for problem in page.problems(ids)]
    if problems:
        raise ValueError("\n".join(["The pages are wrong:", *problems]))
    print(f"{len(pages)} pages: {folder}/index.html")


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve())
