"""What faults are tried on: verbs on little data, their files, and who reads these."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any, NamedTuple

from fault_data import draw_products, write_vectors
from fault_server import Order, Server


def _words(text: str) -> list[str]:
    return text.split()


# A training of some seconds.
TRAIN = _words(
    "--catalog=catalog.csv --cache_dir=cache --workdir=run --backbone=tiny "
    "--weights=none --image_size=32 --steps=6 --batch_size=8 --warmup_steps=2 "
    "--checkpoint_every=2 --projection_hidden=16 --projection_dimensions=16 "
    "--probe_every=0 --whiten=none --average=none --baselines=false "
    "--on_bad_image=reject"
)
_EMBED = _words(
    "--workdir=run --catalog=catalog.csv --cache_dir=cache --output=my.parquet "
    "--shard_size=8"
)
_GROUP = _words(
    "--embeddings=vectors.parquet --output=groups.csv --calibrate=labels.csv "
    "--page=groups.html --changes=changes.csv"
)
_GROUPS = _words(
    "groups.csv groups.summary.json groups.threshold.csv groups.html changes.csv"
)


class Job(NamedTuple):
    """A verb, or a function, that writes files.

    Attributes:
      name: Its name in cases.
      run: What is run, as in `Order`.
      arguments: Its flags or arguments.
      outputs: What it writes, relative to its folder: files and folders.
      readers: Verbs with flags, or functions with arguments, that read that.
      former: The job, or jobs, whose files are there before, written from other inputs.
      kills: Number of kills at full scale.
      chain: The chance that another kill follows a kill.
    """

    name: str
    run: str
    arguments: list[Any]
    outputs: tuple[str, ...]
    readers: tuple[tuple[str, list[Any]], ...] = ()
    former: str = ""
    kills: int = 100
    chain: float = 0.3

    def order(self, folder: Path, **more: Any) -> Order:
        """The order to do it in a folder."""
        return Order(self.run, self.arguments, str(folder), **more)


_READ_GROUPS = (
    ("evaluate", ["--groups=groups.csv", "--labels=labels.csv"]),
    (
        "group",
        _words(
            "--embeddings=vectors.parquet --previous=groups.csv --output=read.csv "
            "--overwrite"
        ),
    ),
)
_READ_VECTORS = (
    ("evaluate", ["--embeddings=my.parquet", "--labels=catalog.csv"]),
    ("search", ["--embeddings=my.parquet", "--product_id=1-navy"]),
)
_READ_RUN = (("evaluate", ["--workdir=run", "--output=read.json", "--overwrite"]),)
_IN_PLACE = ["--previous=groups.csv", "--overwrite"]
JOBS = {
    job.name: job
    for job in (
        Job(
            "train",
            "train",
            TRAIN,
            ("run/embedder.keras", "run/metrics.json", "run/config.cfg"),
            _READ_RUN,
            chain=0.6,
        ),
        Job(
            "embed",
            "embed",
            _EMBED,
            ("my.parquet", "my.rejects.csv"),
            _READ_VECTORS,
            chain=0.6,
        ),
        Job(
            "embed_over",
            "embed",
            [*_EMBED, "--overwrite"],
            ("my.parquet", "my.rejects.csv"),
            _READ_VECTORS,
            former="embed",
            chain=0.6,
        ),
        Job(
            "group",
            "group",
            [*_GROUP, "--previous=earlier.csv"],
            tuple(_GROUPS),
            _READ_GROUPS,
        ),
        Job(
            "group_over",
            "group",
            [*_GROUP, "--previous=earlier.csv", "--overwrite"],
            tuple(_GROUPS),
            _READ_GROUPS,
            former="group",
        ),
        Job(
            "group_in_place",
            "group",
            [*_GROUP, *_IN_PLACE],
            tuple(_GROUPS),
            _READ_GROUPS,
            former="group",
        ),
        Job(
            "evaluate",
            "evaluate",
            _words(
                "--embeddings=vectors.parquet --labels=labels.csv "
                "--output=figures.json --page=figures.html --overwrite"
            ),
            ("figures.json", "figures.html"),
            former="evaluate",
            kills=40,
        ),
        Job(
            "index_exact",
            "fault_functions:save_index",
            ["index_exact", "index"],
            ("index",),
            (("fault_functions:read_index", ["index"]),),
            former="index_exact",
            kills=60,
        ),
        Job(
            "index_scann",
            "fault_functions:save_index",
            ["index_scann", "index"],
            ("index",),
            (("fault_functions:read_index", ["index"]),),
            former="index_scann",
            kills=60,
        ),
        Job(
            "export",
            "export",
            _words("--workdir=run --output=saved --photos=4 --overwrite"),
            ("saved", "saved.md"),
            former="export",
            kills=60,
            chain=0.6,
        ),
        Job(
            "export_tflite",
            "export",
            _words(
                "--workdir=run --output=my.tflite --format=tflite --photos=4 "
                "--overwrite"
            ),
            ("my.tflite", "my.tflite.md"),
            former="export_tflite",
            kills=40,
            chain=0.6,
        ),
        Job(
            "answers",
            "fault_functions:add_answers",
            ["my.sqlite", "../told", 40],
            ("my.sqlite",),
            chain=0.5,
        ),
    )
}
# The folders of inputs, "new" and "former", that a job finds in its folder.
_RUN = ("catalog.csv", "photos", "run")
_VECTORS = ("vectors.parquet", "labels.csv", "earlier.csv", "photos")
_NEEDS = {
    "train": ("catalog.csv", "photos"),
    "embed": _RUN,
    "export": (*_RUN, "cache"),
    "group": _VECTORS,
    "evaluate": _VECTORS,
    "fault_functions:save_index": ("index_exact", "index_scann"),
    "fault_functions:add_answers": (),
}
ALL = tuple({name: 0 for names in _NEEDS.values() for name in names})


class Base:
    """The inputs of all jobs, and the folders that jobs begin with.

    All is made when it is first asked for, by one thread at a time.

    Args:
      folder: A new folder.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._lock = threading.RLock()

    def inputs(self, which: str, server: Server, needs: tuple[str, ...] = ALL) -> Path:
        """A folder with inputs, "new" or "former" ones, and at least those in `needs`.

        They are drawn, but for a training and the groups of an earlier run.
        """
        place, number = self._folder / which, ("new", "former").index(which)
        with self._lock:
            if not place.exists():
                place.mkdir(parents=True)
                draw_products(place, number)
                write_vectors(place, number)
            if "run" in needs and not (place / "run").exists():
                self._do(server, "train", [*TRAIN, f"--seed={number}"], place)
            if "earlier.csv" in needs and not (place / "earlier.csv").exists():
                self._group_earlier(server, place, number)
            if "index_exact" in needs and not (place / "index_exact").exists():
                self._do(server, "fault_functions:build_indexes", [number], place)
        return place

    def _group_earlier(self, server: Server, place: Path, number: int) -> None:
        write_vectors(place, number + 2, "earlier.parquet")
        flags = ["--embeddings=earlier.parquet", "--output=earlier.csv"]
        self._do(server, "group", flags, place)
        # Some products are new to the later run, others in each of the two inputs.
        rows = (place / "earlier.csv").read_text().splitlines(keepends=True)
        kept = rows[: 5 + 10 * number] + rows[12 + 10 * number :]
        (place / "earlier.csv").write_text("".join(kept))

    @staticmethod
    def _do(server: Server, run: str, arguments: list[Any], folder: Path) -> None:
        end = server.run_one(Order(run, arguments, str(folder), limit=300.0))
        if end.code:
            raise SystemExit(f"The inputs cannot be made: {run}: {end.output}")

    def start(self, job: Job, server: Server) -> Path:
        """The folder that a job begins with."""
        folder = self._folder / f"start_{job.name}"
        with self._lock:
            if folder.exists():
                return folder
            folder.mkdir(parents=True)
            needs = _NEEDS[job.run]
            if job.former:
                maker = JOBS[job.former]
                copy_inputs(self.inputs("former", server, needs), folder, job)
                self._do(server, maker.run, maker.arguments, folder)
                for name in (*needs, "cache"):
                    remove(folder / name)
            copy_inputs(self.inputs("new", server, needs), folder, job)
        return folder


def copy_inputs(source: Path, folder: Path, job: Job) -> None:
    """Copies the inputs of a job into its folder."""
    for name in _NEEDS[job.run]:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name)
        else:
            shutil.copy2(source / name, folder / name)


def remove(path: Path) -> None:
    """Removes a file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
