"""The README and the pages of docs: what they tell to run is run, on little.

All blocks run from top to bottom in one folder, page after page as the index lists
them, as a reader would run them, but for this: a command that stands on several pages
runs once, photos are few and small, `TINY` makes trainings last a few steps, `CHANGED`
replaces what is elsewhere, and verbs are run in this process. Each has tests in
processes of its own. Trainings draw no pictures, the runs of a comparison are no
processes, and `review` is answered without a page.
"""

import csv
import dataclasses
import re
import runpy
import shlex
import subprocess
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from doc_pages import INDEX, ROOT, pages_in_order

from cv_tf import reviewing
from cv_tf.answers import Answer
from cv_tf.config import Config
from docs.generated import SETTINGS, settings_class_of

# Verbs that other tests have imported are run here as if they were not.
pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")

PAGES = [ROOT / "README.md"]
PAGES += [page for page in pages_in_order() if INDEX.parent in page.parents]
# What a reader runs first; all pages take two minutes.
FIRST = ("README.md", "docs/index.md")

_MODEL = ("--backbone=tiny", "--weights=none", "--image_size=32", "--embed_size=32")
_MODEL += ("--whiten=pca", "--whiten_dimensions=4", "--frozen_stride=0")
_TRAINING = ("--steps=2", "--batch_size=8", "--warmup_steps=1", "--probe_every=0")
_TRAINING += ("--projection_hidden=8", "--projection_dimensions=8")
_DRAWN = ("--dataset=synthetic_color_variants/tiny", "--data_dir=tfds")

# Flags that are added, so that commands take seconds.
TINY = {
    "cv_tf.train": (*_MODEL, *_TRAINING, "--baselines=false"),
    "cv_tf.compare": (*_MODEL, *_TRAINING[1:], "--images=16", "--seeds=0"),
    "cv_tf.inspect": (*_MODEL, "--batch_size=8", "--products=2"),
    "cv_tf.export": ("--photos=8",),
    "cv_tf.evaluate --method=frozen": _MODEL,
    "cv_tf.train --flagfile=configs/cvssl.cfg": _DRAWN,
    "cv_tf.compare --flagfile=configs/compare_hm.cfg": (
        "--configs=configs/hm_frozen.cfg,configs/hm_cvssl.cfg",
    ),
}

# What is replaced, because it is elsewhere or long.
_CONFIG = 'steps=2, batch_size=8, backbone="tiny", weights="none", image_size=32'
CHANGED = {"gs://bucket/datasets": "shards", "steps=600": f'{_CONFIG}, whiten="none"'}
_TINY = '"synthetic_color_variants/tiny", "tfds"'
CHANGED |= {'"hm_personalized_fashion/variants"': _TINY}

# Commands that are not run, by the reason.
_LARGE = "python -m cv_tf.train --flagfile=configs/large.cfg --catalog=my.csv"
_STRICT = "--dataset=hm_personalized_fashion/strict"
_VARIANTS = "--dataset=hm_personalized_fashion/variants"
_SPARK = "--engine=spark --spark_master=spark://host:7077"
NOT_RUN = {
    "is one of its tests": ("make test", ".venv/bin/python -m pytest"),
    "is run by hand, below": ("make train",),
    "installs": (
        "python3 -m venv .venv",
        ".venv/bin/pip install --upgrade pip",
        ".venv/bin/pip install -e .",
        ".venv/bin/pip install -e .[test]",
        "pip install cv_tf[spark]",
        "pip install -e .[dev]",
        "pip install -e .",
        "pip install -e .[review]",
    ),
    "reads files that are downloaded by hand (test_prepare_verb.py)": (
        f"python -m cv_tf.prepare {_STRICT} --manual_dir=downloads/hm",
        f"python -m cv_tf.train {_STRICT} --workdir=runs/hm",
        f"python -m cv_tf.prepare {_VARIANTS} --manual_dir=downloads/hm",
        f"python -m cv_tf.train --flagfile=configs/hm_cvssl.cfg {_VARIANTS} "
        "--workdir=runs/variants",
        "python -m cv_tf.benchmark --workdir=runs/variants --name=hm_cvssl "
        "--output=hm_cvssl.json",
        "python -m cv_tf.benchmark --embeddings=mine=mine.parquet --output=mine.json",
        "python -m cv_tf.benchmark "
        "--results=benchmarks/results/variants.json,mine.json --output=all.json",
        "python -m cv_tf.evaluate --embeddings=mine.parquet --baseline=other.parquet "
        "--labels=variants/catalog.csv --labels_split=validation",
    ),
    "needs a Spark master (jobs/)": (
        "python -m cv_tf.embed --workdir=runs/my --catalog=my.csv --output=my.parquet "
        f"{_SPARK}",
        f"python -m cv_tf.group --embeddings=my.parquet --output=groups.csv {_SPARK}",
    ),
    "needs accelerators or machines (test_strategy.py)": (
        f"{_LARGE} --workdir=runs/my --mixed_precision=float16",
        f"{_LARGE} --workdir=/shared/my",
        f"{_LARGE} --workdir=runs/my --strategy=tpu --tpu=local "
        "--mixed_precision=bfloat16",
        'export TF_CONFIG={"cluster": {"worker": ["host0:2222", "host1:2222"]},\n'
        '                   "task": {"type": "worker", "index": 0}}',
    ),
    "asks a server of TensorFlow Serving": (
        "curl http://localhost:8501/v1/models/my:predict -d "
        '{"instances": [{"b64": "$(base64 -w0 photo.jpg)"}]}',
    ),
    "needs Docker": (
        "docker build -t cv_tf .",
        "docker build --build-arg EXTRAS=[gpu] -t cv_tf:gpu .",
        "docker run --rm --gpus all -v /srv/runs:/runs -v /srv/shop:/shop:ro "
        "--entrypoint python cv_tf:gpu -m cv_tf.train --flagfile=configs/hm_found.cfg "
        "--catalog=/shop/today.csv --workdir=/runs/my",
        "docker run --rm -v /srv/runs:/runs -v /srv/cache:/cache "
        "-v /srv/shop:/shop:ro cv_tf --workdir=/runs/my --catalog=/shop/today.csv "
        "--cache_dir=/cache --fail_on_drift",
    ),
    "takes hours": (
        "python benchmarks/ladder.py --catalog=CATALOG.csv --runs=runs/ladder",
    ),
}
_NOT_RUN = {command for commands in NOT_RUN.values() for command in commands}

# Blocks of these languages are only shown, and so are directives of the site.
SHOWN = {"bibtex", "crontab", "{toctree}", "{glossary}"}

# The extra 'onnx' is part of the extra 'test', but not of every environment.
HAS_ONNX = find_spec("tf2onnx") and find_spec("onnxruntime")


class Block(NamedTuple):
    """A fenced block: where it begins, of what language it is, and its text."""

    place: str
    language: str
    text: str


def blocks_of(page: str, text: str) -> Iterator[Block]:
    fences = re.compile(r"^```([\w{}]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    for found in fences.finditer(text):
        line = text[: found.start()].count("\n") + 1
        yield Block(f"{page}:{line}", found[1], found[2])


def commands_of(text: str) -> Iterator[list[str]]:
    """The words of each command; comments are none, quotes may go over lines."""
    command = ""
    for line in text.replace("\\\n", " ").splitlines():
        command += line
        try:
            words = shlex.split(command, comments=True)
        except ValueError:  # A quote is open.
            command += "\n"
            continue
        if words:
            yield words
        command = ""


def run_command(words: list[str], monkeypatch) -> None:
    """Runs a command of this package, or a script of it, made tiny."""
    if words[0] == "mkdir":
        subprocess.run(words, check=True)
        return
    if "--format=onnx" in words and not HAS_ONNX:
        return
    if words[0] not in ("python", ".venv/bin/python"):
        raise AssertionError(f"{shlex.join(words)}: is neither run nor in NOT_RUN.")
    is_module = words[1] == "-m"
    name, *flags = words[2:] if is_module else words[1:]
    command = " ".join([name, *flags])
    added = [
        flag for of, more in TINY.items() if command.startswith(of) for flag in more
    ]
    monkeypatch.setattr("sys.argv", [name, *flags, *added])
    run = runpy.run_module if is_module else runpy.run_path
    try:
        run(name, run_name="__main__", **{"alter_sys": True} if is_module else {})
    except SystemExit as end:
        assert not end.code, f"exit code {end.code}"


def fill_in(questions: Path) -> None:
    """Answers the questions to people, every other one by yes."""
    head, *rows = questions.read_text().splitlines()
    words = ("yes", "no")
    answered = [
        row.replace('"",', f'"{words[number % 2]}",', 1)
        for number, row in enumerate(rows)
    ]
    assert answered != rows
    questions.write_text("\n".join([head, *answered, ""]))


def answer_questions(review, host: str, port: int, started) -> None:
    """Three answers by somebody who agrees to what is proposed, instead of a server."""
    started(f"http://{host}:{port}")
    for _ in range(3):
        if asked := review.ask("Ann"):
            review.say(Answer(*asked[:4], by="Ann", stratum=asked.stratum))


def run_block(block: Block, names: dict, monkeypatch, done: set[str]) -> None:
    """Runs a block in the current folder; Python among the names that are there.

    Commands that are `done` are not run again, and those that are run are added.
    """
    if block.language == "python":
        exec(compile(block.text, block.place, "exec"), names)
    elif block.language == "sh":
        for words in commands_of(block.text):
            command = " ".join(words)
            if command in _NOT_RUN | done:
                continue
            done.add(command)
            run_command(words, monkeypatch)
            for flag in words:
                if flag.startswith("--questions="):
                    fill_in(Path(flag.removeprefix("--questions=")))
    elif block.language not in SHOWN:
        raise AssertionError(f"'{block.language}' is neither run nor in SHOWN.")


@cache
def all_blocks() -> tuple[Block, ...]:
    return tuple(
        block
        for page in PAGES
        for block in blocks_of(str(page.relative_to(ROOT)), page.read_text())
    )


def all_commands() -> list[list[str]]:
    return [w for b in all_blocks() if b.language == "sh" for w in commands_of(b.text)]


def as_shopify(table: str) -> str:
    """A catalogue as the product export of a shop, a handle a product."""
    lines = ["Handle,Title,Option1 Name,Option1 Value,Variant SKU,Image Src"]
    for row in csv.DictReader(table.splitlines()):
        sku, color = row["product_id"], row["color"]
        lines.append(f"{sku},Product {sku},Color,{color},{sku},{row['image']}")
    return "\n".join([*lines, ""])


@pytest.fixture
def folder(drawn_catalog, tmp_path, monkeypatch) -> Path:
    """What a reader has: catalogues, a photo, and the files of this project."""
    table = drawn_catalog.read_text()
    photos = re.compile(r"(\d+-\w+)\.jpg")
    table = photos.sub(lambda found: f"{drawn_catalog.parent}/{found[0]}", table)
    table = table.replace("\n01-black,", "\n0108775015,")
    table = table.replace("\n01-navy,", "\n0108775044,")
    for name in ("my.csv", "other.csv", "later.csv"):
        (tmp_path / name).write_text(table)
    (tmp_path / "products_export.csv").write_text(as_shopify(table))
    photo = drawn_catalog.with_name("01-black.jpg").read_bytes()
    (tmp_path / "photo.jpg").write_bytes(photo)
    (tmp_path / "photos").mkdir()
    for name in ("01-black.jpg", "01-navy.jpg", "02-black.jpg"):
        photo = drawn_catalog.with_name(name)
        if photo.is_file():
            (tmp_path / "photos" / name).write_bytes(photo.read_bytes())
    for name in ("configs", "benchmarks"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run_pages(runs_here, folder, monkeypatch) -> Callable[[Iterable[Block]], dict]:
    """A function that runs blocks one after the other; it returns their names."""
    # What would serve until it is stopped; test_page_of_questions.py has it.
    monkeypatch.setattr(reviewing, "create_app", lambda review, *_, **__: review)
    monkeypatch.setattr(reviewing, "serve", answer_questions)

    def run(blocks):
        names = {"images": np.zeros((2, 48, 40, 3), np.uint8)}
        done: set[str] = set()
        for block in blocks:
            text = block.text
            for old, new in CHANGED.items():
                text = text.replace(old, new)
            try:
                run_block(block._replace(text=text), names, monkeypatch, done)
            except BaseException as error:
                raise AssertionError(f"{block.place} does not run:\n{text}") from error
        return names

    return run


@pytest.mark.integration
def test_the_first_pages_run_from_top_to_bottom(run_pages, folder):
    blocks = [of for of in all_blocks() if of.place.split(":")[0] in FIRST]
    # Which takes half a minute with the network of use; all pages have it.
    run_pages(of for of in blocks if "--make_model" not in of.text)
    written = {path.name for path in folder.iterdir()}
    assert {"my.parquet", "groups.csv", "groups.html"} <= written


@pytest.mark.slow
@pytest.mark.integration
def test_all_pages_run_from_top_to_bottom(run_pages, folder):
    names = run_pages(all_blocks())
    written = {path.name for path in folder.iterdir()}
    assert {"groups.csv", "groups.html", "neighbors.html"} <= written
    assert {"views.html", "pair.html", "other.json", "my.tflite"} <= written
    assert {"my.answers.sqlite", "answered.html", "changes.csv"} <= written
    assert ("my.onnx" in written) == bool(HAS_ONNX)
    assert (folder / "runs" / "compare" / "table.md").is_file()
    of_first_job = {path.name for path in (folder / "runs" / "cvssl").iterdir()}
    assert {"groups.csv", "groups.html", "neighbors.html", "pair.html"} <= of_first_job
    assert len(names["rows"]) == len(names["images"])


def test_flags_of_all_commands_are_there():
    settings = [Config, *map(settings_class_of, SETTINGS)]
    known = {field.name for of in settings for field in dataclasses.fields(of)}
    verbs = [words for words in all_commands() if words[2:3] and "cv_tf." in words[2]]
    given = {word.partition("=")[0] for words in verbs for word in words[3:]}
    assert len(given) > 30
    assert given - {f"--{name}" for name in known} == {"--flagfile"}


def test_every_verb_is_run():
    run = {words[2] for words in all_commands() if " ".join(words) not in _NOT_RUN}
    verbs = {"train", "evaluate", "compare", "embed", "group", "search", "inspect"}
    verbs |= {"review", "update"}
    assert {f"cv_tf.{verb}" for verb in verbs | {"export"}} <= run


def test_what_is_said_of_blocks_is_of_some():
    commands = {" ".join(words) for words in all_commands()}
    assert commands >= _NOT_RUN
    for start in TINY:
        assert any(f"python {start}" in c or f"-m {start}" in c for c in commands), (
            start
        )
    for old in CHANGED:
        assert any(old in block.text for block in all_blocks()), old
    assert {block.language for block in all_blocks()} >= SHOWN


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```sh\nmake cake\n```\n", "make cake: is neither run nor in NOT_RUN"),
        ("```sh\npython -m cv_tf.group --embedings=x\n```\n", "exit code 2"),
        ("```sh\npython -m cv_tf.group --embeddings=x\n```\n", "exit code 1"),
        ("```\nmake train\n```\n", "'' is neither run nor in SHOWN"),
        ("```python\nfrom cv_tf import cake\n```\n", "cannot import name 'cake'"),
    ],
)
def test_a_block_that_does_not_run_is_told(text, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (block,) = blocks_of("page.md", text)
    with pytest.raises((AssertionError, ImportError), match=message):
        run_block(block, {}, monkeypatch, set())


def test_commands_are_what_a_shell_makes_of_a_block():
    text = "make a  # b\n\nmake c \\\n  'd e'\nexport F='{\n}'\n"
    assert list(commands_of(text)) == [
        ["make", "a"],
        ["make", "c", "d e"],
        ["export", "F={\n}"],
    ]
