"""The folder of a run: its files, and whether the run can be resumed."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv_tf
from cv_tf import command
from cv_tf.atomic import whole_files, write_json, write_text
from cv_tf.config import Config, ConfigError, DownloadSettings
from cv_tf.errors import UserError, reading
from cv_tf.files import digest_of, expanded, number_in, read_bounded, read_json
from cv_tf.metrics import FIGURES
from cv_tf.settings import values_of
from cv_tf.unfinished import is_unfinished, settle

if TYPE_CHECKING:
    from cv_tf.metrics import ProductResults

# Settings that may change when a run is resumed: where files are, and how fast it is.
FREE_SETTINGS = (
    "workdir",
    "data_dir",
    "cache_dir",
    "memory_gigabytes",
    "embed_batch_size",
    # A batch gives the same gradients wherever its rows are computed.
    "strategy",
    "tpu",
    "micro_batch",
    "write_groups",
    *(field.name for field in dataclasses.fields(DownloadSettings)),
)
# What is said of one table, and once.
_OF_A_TABLE = ("columns", "image_base", "refresh_photos")

# Lines of runs of earlier versions that had these for defaults: they ask for nothing,
# and the setting that replaced all of them has one value.
_FORMER_DEFAULTS = (
    "--same_color=0.5",
    "--group_color_weight=0.5",
    "--search_color_weight=0.2",
)


_MOST_SETTINGS = 2**20  # Bytes of `config.cfg`.
# A setting as `cv_tf.command.to_flagfile` writes it; no name of a file to go on with.
_SETTING = re.compile(r"--(?!flagfile\b)[a-z0-9_]+(=|$)")


class WorkdirError(UserError):
    """The folder cannot be used for this run."""


class Workdir:
    """The folder of a run, and the paths in it; the folder need not exist.

    Raises:
      WorkdirError: If the path is empty.
    """

    def __init__(self, path: str | Path):
        if not str(path):
            raise WorkdirError(
                "--workdir is not set. Name a folder for checkpoints and figures."
            )
        self.path = Path(expanded(path))
        self.config = self.path / "config.cfg"  # All settings; --flagfile reads it.
        self.metrics = self.path / "metrics.json"  # Figures before and after training.
        # What each product that is reported on adds to the figures after training.
        self.queries = self.path / "queries.parquet"
        # The same before training, which the gain of training is measured from.
        self.untrained = self.path / "untrained.parquet"
        self.embedder = self.path / "embedder.keras"  # The trained Embedder.
        # What an Embedder is adapted to, where it is; see `cv_tf.training.adapt`.
        self.adaptation = self.path / "adaptation.json"
        # With --write_groups: photos of a data set, vectors, groups, and their page.
        self.photos = self.path / "photos"
        self.embeddings = self.path / "embeddings.parquet"
        self.groups = self.path / "groups.csv"
        self.page = self.path / "groups.html"
        self.rejects = self.path / "rejects.csv"  # Photos that could not be used.
        # Groups that were taken for styles.
        self.pseudo_labels = self.path / "pseudo_labels.csv"
        # What people had said when the run began.
        self.answers = self.path / "answers.csv"
        self.inputs = self.path / "inputs.parquet"  # Products and photos of the run.
        self.checksums = self.path / "checksums.json"  # Of the files that it wrote.
        self.lock = self.path / ".lock"
        self.checkpoints = self.path / "checkpoints"
        self.tensorboard = self.path / "tensorboard"

    def check(self, config: Config) -> None:
        """Checks that the folder is free, or holds a run with the same settings.

        Raises:
          WorkdirError: If it holds something else.
        """
        settle(self.metrics)  # Files that a killed process was to write together.
        if self.path.exists() and not self.path.is_dir():
            raise WorkdirError(f"'{self.path}' is a file; --workdir must be a folder.")
        if not self.config.exists():
            # A process that is killed before it has written the config may leave these.
            files = self.path.iterdir() if self.path.exists() else ()
            if not all(path == self.lock or is_unfinished(path) for path in files):
                raise WorkdirError(
                    f"'{self.path}' is not empty and holds no run. Name another "
                    "--workdir, or empty this one."
                )
            return
        differing = _differences(self.read_config(), config)
        if differing:
            raise WorkdirError(
                f"'{self.path}' holds a run with other settings:\n"
                + "\n".join(f"  {line}" for line in differing)
                + "\nName another --workdir to start a new run, or use the same "
                "settings to go on with that one."
            )

    def open(self, config: Config) -> None:
        """Checks the folder as `check` does, and makes it if it is not there."""
        self.check(config)
        if not self.config.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            write_text(self.config, command.to_flagfile(config))

    def read_config(self) -> Config:
        """The settings of the run in this folder.

        Raises:
          WorkdirError: If there is none, or it cannot be read.
        """
        if not self.config.is_file():
            raise WorkdirError(
                f"'{self.path}' holds no run: '{self.config}' is missing."
            )
        remedy = "Bring a copy back, or name another --workdir."
        with reading(self.config, "the settings of a run", remedy, WorkdirError):
            text = read_bounded(str(self.config), _MOST_SETTINGS).decode("utf-8")
            lines = map(str.strip, text.splitlines())
            given = [
                line
                for line in lines
                if line and line[0] != "#" and line not in _FORMER_DEFAULTS
            ]
            if others := [line for line in given if not _SETTING.match(line)]:
                raise ValueError(f"{others[0]!r:.80} is no setting")
            try:
                return command.parse_flags(Config, ["", *given])
            except ConfigError as error:
                raise ValueError(str(error)) from error

    def trained_embedder(self) -> Path:
        """Returns the file of the Embedder of a finished run.

        Raises:
          ConfigError: If there is none.
          WorkdirError: If it is not the one that was written.
        """
        settle(self.embedder)
        if not self.embedder.is_file():
            raise ConfigError(
                f"There is no '{self.embedder}'. A finished training writes it; pass "
                "its --workdir."
            )
        if not self.is_as_written(self.embedder):
            raise WorkdirError(
                f"'{self.embedder}' is not as training has written it. Bring a copy "
                "back, or run training again with the same command, which writes it "
                "anew from the last checkpoint."
            )
        return self.embedder

    def read_metrics(self) -> dict[str, Any]:
        """Reads `metrics.json`; returns an empty dict if there is none.

        Raises:
          WorkdirError: If it is damaged: no figures, or none that are numbers.
        """
        if not self.metrics.exists():
            return {}
        remedy = "Bring a copy back, or remove it to have the figures measured anew."
        with reading(self.metrics, "the figures of a run", remedy, WorkdirError):
            metrics = read_json(self.metrics, "JSON", remedy, WorkdirError)
            for name in ("before", "after", "trained_on", "training"):
                if not isinstance(metrics.get(name, {}), dict):
                    raise TypeError(f"{name} is no object")
            _check_figures(metrics)
            return metrics

    def read_queries(self) -> ProductResults | None:
        """Reads `queries.parquet`; None if there is none, as of an earlier version.

        Raises: as `read_results`.
        """
        return self.read_results(self.queries)

    def read_results(self, path: Path) -> ProductResults | None:
        """Reads one of the tables of what products add to figures; None without it.

        Raises:
          WorkdirError: If it is not as it was written.
          UserError: If it is damaged.
        """
        if not path.is_file():
            return None
        remedy = "Bring a copy back, or remove it to do without its intervals."
        if not self.is_as_written(path):
            raise WorkdirError(f"'{path}' is not as it was written. {remedy}")
        return cv_tf.metrics.ProductResults.read(path, remedy)

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Writes `metrics.json`."""
        with self.writing(self.metrics) as (made,):
            write_json(made, metrics)

    @contextlib.contextmanager
    def writing(self, *paths: Path) -> Iterator[tuple[Path, ...]]:
        """Gives names for files of the run, which appear together with their checksums.

        Raises:
          WriteError: If the disk is full or read-only.
        """
        with whole_files(*paths, self.checksums) as (*made, checksums):
            yield tuple(made)
            written = {path.name: digest_of(path) for path in made}
            write_json(checksums, self.read_checksums() | written)

    def is_as_written(self, path: Path) -> bool:
        """Whether a file of the run is there, with the content that was written.

        What an earlier version has written has no checksum, and is taken as it is.
        """
        known = self.read_checksums().get(path.name)
        return path.is_file() and known in (None, digest_of(path))

    def read_checksums(self) -> dict[str, Any]:
        """The SHA-256 of files by their names; empty if none are known."""
        try:
            return read_json(self.checksums, "a table of checksums", "")
        except (OSError, UserError):
            return {}


def _check_figures(values: Mapping[str, Any]) -> None:
    """Raises an error if a value that is named like a figure is no finite number."""
    for name, value in values.items():
        if name in ("intervals", "gains"):
            _check_intervals(value)
        elif name in FIGURES:
            number_in(values, name, -sys.float_info.max, sys.float_info.max)
        elif isinstance(value, dict):
            _check_figures(value)


def _check_intervals(values: Any) -> None:
    """Raises an error if a value that should be an interval, or hold some, does not."""
    if not isinstance(values, dict):
        raise TypeError("an interval is no object")
    if values.keys() & {"low", "high"}:
        for name in ("low", "high"):
            number_in(values, name, -sys.float_info.max, sys.float_info.max)
        return
    for value in values.values():
        _check_intervals(value)


def inherited_settings(
    given: Mapping[str, Any], settings_class: type, must_exist: bool = False
) -> dict[str, Any]:
    """The settings of the run in --workdir, for a command that builds on it, by name.

    There are none without --workdir or a run in it, or with --method=frozen, which no
    run has trained. What the columns of a table are is not taken for another table.

    Args:
      given: Flags of the command line, from `cv_tf.command.given_flags`.
      settings_class: `Config`, or one of its bases: its settings are inherited.
      must_exist: Whether a workdir without a run is an error.

    Raises:
      WorkdirError: If the run is missing and must exist, or cannot be read.
    """
    folder = given.get("workdir")
    if not folder or given.get("method") == "frozen":
        return {}
    workdir = Workdir(folder)
    if not must_exist and not workdir.config.is_file():
        return {}
    inherited = values_of(workdir.read_config(), settings_class)
    for name in _OF_A_TABLE if "catalog" in given else ():
        inherited.pop(name, None)
    return inherited


def _differences(old: Config, new: Config) -> list[str]:
    there, now = dataclasses.asdict(old), dataclasses.asdict(new)
    return [
        f"--{name}={there[name]} there, {now[name]} now"
        for name in there
        if name not in FREE_SETTINGS and there[name] != now[name]
    ]
