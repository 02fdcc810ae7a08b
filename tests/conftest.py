"""Fixtures that every room's tests share."""

import contextlib
import csv
import dataclasses
import fcntl
import gc
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from PIL import Image, ImageDraw
from verbs import ProcessHere, run_here

import cv_tf  # noqa: F401  (selects the Keras 2 API before anything loads TensorFlow)
from cv_tf import command
from cv_tf.answers import Answer, AnswerStore
from cv_tf.catalog import read_catalog
from cv_tf.comparison import CompareConfig, ComparisonPlan, Row, make_plan, read_rows
from cv_tf.comparison.plan import Run
from cv_tf.config import Config

# Whoever asks for one of these trains, starts a process, or waits for one that does.
_COSTLY = {"bucket", "chromium", "finished_run", "run_process", "runs_here"}
_COSTLY |= {"start_verb", "tf_configs"}


# Tests that fork: a fork costs as much as its process has in memory.
_FORKING = ("test_atomic.py",)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that ask for a costly fixture, and puts those that fork first."""
    for item in items:
        if _COSTLY.intersection(item.fixturenames):
            item.add_marker(pytest.mark.integration)
    items.sort(key=lambda item: item.path.name not in _FORKING)


def pytest_collection_finish() -> None:
    """Spares the garbage collector the modules, and most of its rounds.

    It goes through all that TensorFlow keeps, which is a tenth of the time otherwise.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(autouse=True)
def _cheap(request) -> Iterator[None]:
    """Fails a test that starts a process or trains without saying so by its marker."""
    if request.node.get_closest_marker("integration"):
        yield
        return

    def refuse(*_, **__):
        raise AssertionError("This takes seconds: mark the test 'integration'.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", refuse)
        if "cv_tf.training.session" in sys.modules:
            patch.setattr("cv_tf.training.session.fit", refuse)
        yield


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch) -> None:
    """Tests write thousands of files, and no power fails while they run."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


SHARED_DATA = Path(__file__).parents[1].parent / "shared" / "data"


def _folder(name: str) -> Path:
    folder = SHARED_DATA / name
    if not (folder / "catalog.csv").is_file():
        pytest.skip(f"the photos of '{name}' are not on this machine ({folder})")
    return folder


@pytest.fixture(scope="session")
def hm_dev() -> Path:
    """The folder of 8,096 real product photos, or a skip with the reason."""
    return _folder("hm_dev")


@pytest.fixture(scope="session")
def magento() -> Path:
    """The folder of 107 large studio photos, or a skip with the reason."""
    return _folder("magento")


@pytest.fixture(scope="session")
def drawn_catalog(tmp_path_factory) -> Path:
    """A table of 45 drawn products: 18 styles in two or three colors, two categories.

    12 styles are of the split "train" (30 products), 6 of "validation" (15).
    """
    return _draw_catalog(tmp_path_factory.mktemp("drawn"))


def _draw_catalog(folder: Path) -> Path:
    rows = []
    for style in range(18):
        for color in ("black", "navy", "crimson")[: 2 + style % 2]:
            name = f"{style:02d}-{color}"
            _draw_garment(folder / f"{name}.jpg", style, color)
            row = {"product_id": name, "image": f"{name}.jpg", "color": color}
            row["style_id"] = f"style {style}"
            row["category"] = "Shirts" if style % 2 else "Trousers"
            row["split"] = "train" if style < 12 else "validation"
            rows.append(row)
    return _write_table(folder / "catalog.csv", rows)


@pytest.fixture
def answered_truly(drawn_catalog, tmp_path) -> Callable[[int], Path]:
    """Makes a store of true answers about the first products, each with all others."""

    def make(number):
        known = read_catalog(drawn_catalog)
        ids, styles = known.product_id[:number].tolist(), known.style[:number]
        set_of = {style: place for place, style in enumerate(dict.fromkeys(styles))}
        path = tmp_path / "my.sqlite"
        with AnswerStore(path) as store:
            sets = tuple(set_of[style] for style in styles)
            store.add(Answer("group", tuple(ids), (), sets, "Ann"))
        return path

    return make


@pytest.fixture(scope="session")
def changed_catalog(drawn_catalog) -> Callable[..., Path]:
    """A function that writes another table of the same photos and returns its path.

    It takes a name; columns to leave out; and rows to add.
    """

    def write(name: str, without: tuple[str, ...] = (), more: tuple[dict, ...] = ()):
        return _change_table(drawn_catalog, name, without, more)

    return write


def _change_table(table: Path, name: str, without=(), more=()) -> Path:
    with table.open(newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file), *more]
    rows = [{k: row[k] for k in row if k not in without} for row in rows]
    return _write_table(table.with_name(name), rows)


@pytest.fixture(scope="module")
def bucket(tmp_path_factory) -> Iterator[Any]:
    """The bucket `gs://bucket` of processes with its environment."""
    from fake_gcs import FakeGcs  # noqa: PLC0415 (few tests need its library)

    fake = FakeGcs(tmp_path_factory.mktemp("bucket"))
    with fake.running():
        yield fake


@pytest.fixture(scope="session")
def tiny_run(drawn_catalog) -> Callable[..., Config]:
    """A function from settings to those of a training that takes seconds."""

    def configure(workdir: Path, **settings) -> Config:
        tiny = {"backbone": "tiny", "weights": "none", "image_size": 32, "steps": 8}
        tiny |= {"batch_size": 8, "warmup_steps": 2, "checkpoint_every": 3}
        tiny |= {"projection_hidden": 16, "projection_dimensions": 16}
        tiny |= {"probe_every": 0, "whiten": "none", "average": "none"}
        tiny |= {"baselines": False}
        tiny |= {"catalog": str(drawn_catalog), "workdir": str(workdir)}
        return Config(**tiny | settings)

    return configure


@pytest.fixture(scope="module")
def no_pictures() -> Iterator[None]:
    """Trainings draw nothing for TensorBoard, which takes half of a tiny one's time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("show_first_batch", "write_projector"):
            patch.setattr(f"cv_tf.report.{name}", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def runs_here(no_pictures) -> Iterator[None]:
    """Comparisons make their runs in this process, not each in one of its own."""
    with pytest.MonkeyPatch.context() as patch:
        stand_in = SimpleNamespace(Popen=ProcessHere, DEVNULL=None, STDOUT=None)
        patch.setattr("cv_tf.comparison.runs.subprocess", stand_in)
        yield


@pytest.fixture(scope="session")
def read_events() -> Callable[[Path], dict[str, list[tuple[int, Any]]]]:
    """A function from a folder to what TensorBoard reads in it.

    That is, from the name of each series to pairs of a step and an array.
    """
    import tensorflow as tf  # noqa: PLC0415 (not all tests need it)
    from tensorboard.backend.event_processing import event_accumulator  # noqa: PLC0415

    def read(folder: Path):
        guidance = {event_accumulator.TENSORS: 0}  # All of them.
        events = event_accumulator.EventAccumulator(str(folder), guidance).Reload()
        return {
            tag: [
                (event.step, tf.make_ndarray(event.tensor_proto))
                for event in events.Tensors(tag)
            ]
            for tag in events.Tags()["tensors"]
        }

    return read


@pytest.fixture(scope="session")
def start_verb(tmp_path_factory) -> Callable[..., subprocess.Popen]:
    """A function that starts `python -m cv_tf.VERB` with flags, as a user would.

    It takes the settings as a Config or as flags. With `tensorflow=False`, importing
    TensorFlow is an error. `environment` is added to that of this process.
    """
    forbidden = tmp_path_factory.mktemp("forbidden")
    text = "raise RuntimeError('TensorFlow was loaded')"
    (forbidden / "tensorflow.py").write_text(text)

    def start(
        verb: str,
        *flags: str | Config,
        tensorflow: bool = True,
        environment: Mapping[str, str] = MappingProxyType({}),
    ):
        arguments = [sys.executable, "-m", f"cv_tf.{verb}", *_spelled(flags)]
        environment = os.environ | environment
        if not tensorflow:
            environment["PYTHONPATH"] = str(forbidden)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(arguments, env=environment, **pipes)

    return start


def _spelled(flags: Iterable[str | Config]) -> list[str]:
    """Flags as they are, and those of settings."""
    return [
        one
        for flag in flags
        for one in (
            command.to_flagfile(flag).split("\n")[:-1]
            if isinstance(flag, Config)
            else [flag]
        )
    ]


@pytest.fixture(scope="session")
def tf_configs() -> Callable[[int], list[str]]:
    """A function from a number of workers on this machine to their TF_CONFIGs."""

    def configure(num_workers: int) -> list[str]:
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(num_workers)]
            for each in sockets:
                each.bind(("localhost", 0))
            hosts = [f"localhost:{each.getsockname()[1]}" for each in sockets]
        tasks = [{"type": "worker", "index": index} for index in range(num_workers)]
        return [
            json.dumps({"cluster": {"worker": hosts}, "task": task}) for task in tasks
        ]

    return configure


@pytest.fixture(scope="session")
def run_process(start_verb) -> Callable[..., subprocess.CompletedProcess]:
    """Like `start_verb`, and waits for the end.

    With TensorFlow a process takes five seconds before it begins: one a verb is enough.
    """

    def run(*arguments, **options) -> subprocess.CompletedProcess:
        with start_verb(*arguments, **options) as process:
            output, errors = process.communicate()
        return subprocess.CompletedProcess(
            process.args, process.returncode, output, errors
        )

    return run


@pytest.fixture(scope="session")
def run_verb() -> Callable[..., subprocess.CompletedProcess]:
    """A function like `run_process`, which takes no process: the verb is run here.

    What another test has patched in `cv_tf` does not hold for a verb that may not load
    TensorFlow, because it imports `cv_tf` anew.
    """

    def run(
        verb: str,
        *flags: str | Config,
        tensorflow: bool = True,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> subprocess.CompletedProcess:
        return run_here(verb, _spelled(flags), tensorflow, environment)

    return run


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], None]], Path]:
    """A function that makes a folder which all workers of this session share.

    It takes the folder's name, and what fills it; whoever asks first does so, and the
    others wait. Nobody may change what is in it.
    """
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        folder, done = root / name, root / f"{name}.done"
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                folder.mkdir(exist_ok=True)
                fill(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def finished_run(
    made_once, tiny_run, run_process
) -> tuple[Config, subprocess.CompletedProcess]:
    """The main job, from the command line; one photo of its catalogue is none.

    It takes a process and 16 seconds of a core, once for all workers.
    """

    def configure(folder: Path) -> Config:
        return tiny_run(
            folder / "main job",
            catalog=str(folder / "photos" / "one_bad_photo.csv"),
            on_bad_image="reject",
            steps=12,
            probe_every=6,
            probe_products=9,
            whiten="pca",
            whiten_dimensions=8,  # Quick to search.
            average="inverse",
            baselines=True,
        )

    def fill(folder: Path) -> None:
        bad = {"product_id": "text", "image": "text.jpg", "style_id": "style 17"}
        bad |= {"color": "", "category": "Shirts", "split": "validation"}
        photos = folder / "photos"
        photos.mkdir()
        _change_table(_draw_catalog(photos), "one_bad_photo.csv", more=(bad,))
        (photos / "text.jpg").write_text("This is not a photo.")
        process = run_process("train", configure(folder))
        left = (process.args, process.returncode, process.stdout, process.stderr)
        (folder / "process.json").write_text(json.dumps(left))

    folder = made_once("finished_run", fill)
    left = json.loads((folder / "process.json").read_text())
    return configure(folder), subprocess.CompletedProcess(*left)


@pytest.fixture
def planned(drawn_catalog, tmp_path) -> Callable[..., ComparisonPlan]:
    """A function from recipes to the plan of comparing them; nothing is run.

    It takes the flags of each recipe by its name, and settings of the comparison or of
    all recipes.
    """

    def plan(recipes: dict[str, tuple[str, ...]], **settings) -> ComparisonPlan:
        for name, flags in recipes.items():
            (tmp_path / f"{name}.cfg").write_text("\n".join([*flags, ""]))
        own = {field.name for field in dataclasses.fields(CompareConfig)}
        overrides = {"catalog": str(drawn_catalog)} | {
            name: settings.pop(name) for name in set(settings) - own
        }
        config = CompareConfig(
            configs=tuple(f"{tmp_path}/{name}.cfg" for name in recipes),
            **{"workdir": f"{tmp_path}/comparison"} | settings,
        )
        return make_plan(config, overrides)

    return plan


@pytest.fixture
def compared(planned) -> Callable[..., tuple[ComparisonPlan, tuple[Row, ...]]]:
    """A function from figures to a comparison that is over; nothing is run.

    It takes the R@1 within the block of each recipe by its name, one for each seed from
    0 on, or None for a run that failed. A single number is of a frozen network. The
    other figures follow from these: mAP@R is half of it, FMS a quarter, and so on.
    """

    def compare(recalls: dict[str, float | list[float | None]]):
        method = {float: ("--method=frozen",), list: ("--method=simclr",)}
        recipes = {name: method[type(of)] for name, of in recalls.items()}
        num_seeds = max(len(of) for of in recalls.values() if isinstance(of, list))
        plan = planned(recipes, seeds=tuple(map(str, range(num_seeds))))
        failures = {}
        for run in plan.runs:
            recall = recalls[run.recipe.name]
            if isinstance(recall, list):
                recall = recall[run.config.seed]
            if recall is None:
                failures[run.name] = "no space left."
            else:
                _write_figures(run, recall)
        return plan, read_rows(plan, failures)

    return compare


def _write_figures(run: Run, recall: float) -> None:
    figures = dict.fromkeys(("recall_at_1", "cgacc", "ari", "nmi"), recall / 8)
    figures |= {"recall_at_1_in_block": recall, "fms": recall / 4}
    figures |= dict.fromkeys(("map_at_r", "map_at_r_in_block"), recall / 2)
    cost = {"seconds": 10 * recall, "images_per_second": 1000 * recall}
    cost |= {"peak_memory_gigabytes": 2.0, "images_seen": 9600}
    run.workdir.open(run.config)
    metrics = {"split": "", "after": figures, "training": cost}
    run.workdir.write_metrics(figures if run.recipe.is_frozen else metrics)


def _write_table(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _draw_garment(path: Path, style: int, color: str) -> None:
    """Width, height, neckline and stripes are the style's."""
    photo = Image.new("RGB", (48, 64), "white")
    draw = ImageDraw.Draw(photo)
    half, top = 8 + style % 5 * 2, 10 + style % 3 * 3
    draw.rectangle([24 - half, top, 24 + half, 56], fill=color)
    if style % 2:
        draw.ellipse([18, top - 4, 30, top + 6], fill="white")
    for y in range(top + 12, 56, 5 + style % 7):
        draw.line([24 - half, y, 24 + half, y], fill="grey")
    photo.save(path, quality=90)
