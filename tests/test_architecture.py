"""The rooms of ARCHITECTURE.md, and what they may use."""

import ast
import importlib
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

import cv_tf

ROOT = Path(cv_tf.__file__).parent
PAGE = ROOT.parent / "ARCHITECTURE.md"
VERBS = (
    *("train", "evaluate", "compare", "embed", "group", "search", "review"),
    *("update", "inspect", "export", "prepare", "benchmark"),
)


def _name_of(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {_name_of(path): path for path in sorted(ROOT.rglob("*.py"))}
ROOMS = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


def _room_of(module):
    return module.split(".")[1] if "." in module else ""


def _imports(module):
    """The modules and names of cv_tf that a module uses, with the line."""
    for node in ast.walk(ast.parse(FILES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "cv_tf":
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield (name if name in FILES else node.module), node.lineno
        elif isinstance(node, ast.Attribute):
            # `import cv_tf` and `cv_tf.ROOM.NAME` load late.
            of = node.value
            if isinstance(of, ast.Name) and of.id == "cv_tf":
                yield f"cv_tf.{node.attr}", node.lineno


USED = {module: sorted(set(_imports(module))) for module in FILES}


@pytest.fixture(scope="module")
def order():
    """The rooms, and the modules beside them, from the one that uses nothing on."""
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)
    return {name: place for place, name in enumerate(rows)}


def test_the_page_has_all_rooms(order):
    beside = {name.split(".")[1] for name in FILES if name.count(".") == 1}
    assert set(order) == beside - {*VERBS, "__main__"}


def test_what_the_page_points_to_is_there():
    table = PAGE.read_text().partition("## Where is")[2].partition("## The rooms")[0]
    paths = re.findall(r"`([a-z_]+/[a-z_]+\.py)`", table)
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).is_file()] == []
    functions = re.findall(r"`(?:\w+\.)?(\w+)` in `(\S+)`", table)
    functions += re.findall(r"`(\w+)`, `\w+` in `(\S+)`", table)
    for name, path in functions:
        assert f"def {name}(" in (ROOT / path).read_text(), (name, path)


def test_rooms_use_only_what_stands_above_them(order):
    broken = [
        f"{module}:{line} uses {used}"
        for module in FILES
        for used, line in USED[module]
        if _room_of(module) not in (*VERBS, "__main__", "", _room_of(used))
        and order.get(_room_of(used), len(order)) >= order[_room_of(module)]
    ]
    assert broken == []


def test_rooms_are_entered_through_their_faces():
    past = [
        f"{module}:{line} goes past the face of {_room_of(used)} to {used}"
        for module in FILES
        for used, line in USED[module]
        if used.count(".") > 1
        and _room_of(used) in ROOMS
        and _room_of(used) != _room_of(module)
    ]
    assert past == []


def test_modules_do_not_use_each_other_in_circles():
    left = {
        module: {used for used, _ in USED[module] if used != module} & set(FILES)
        for module in FILES
        if FILES[module].name != "__init__.py"
    }
    while left:
        free = [module for module, used in left.items() if not used & set(left)]
        assert free, f"These use each other: {sorted(left)}"
        for module in free:
            del left[module]


def test_no_file_name_occurs_twice():
    names = Counter(path.name for path in FILES.values())
    del names["__init__.py"]
    assert [name for name, count in names.items() if count > 1] == []


def test_no_class_name_occurs_twice():
    classes = defaultdict(list)
    for module, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                classes[node.name].append(module)
    assert {name: of for name, of in classes.items() if len(of) > 1} == {}


@pytest.mark.parametrize("limit", [60])
def test_functions_fit_on_a_page(limit):
    long = [
        f"{module}.{node.name} has {node.end_lineno - node.lineno + 1} lines"
        for module, path in FILES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= limit
    ]
    assert long == []


@pytest.mark.integration  # Loads all of them.
@pytest.mark.parametrize("room", ["", *ROOMS])
def test_every_name_of_a_face_is_there(room):
    if room == "datasets":
        pytest.skip("each of its modules is a data set, loaded by name")
    face = importlib.import_module(f"cv_tf.{room}".rstrip("."))
    assert face.__all__
    modules = {path.stem for path in Path(face.__file__).parent.glob("*.py")}
    for name in face.__all__:
        thing = getattr(face, name)
        # A name that is also a module's would be one or the other by chance.
        assert room == "" or name not in modules
        assert getattr(thing, "__doc__", None) or not callable(thing)
