"""The folder of a nightly run: its files, which appear together, and what made them."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cv_tf.atomic import whole_files, write_json
from cv_tf.command import check_parent
from cv_tf.errors import UserError, reading
from cv_tf.files import digest_of, number_in, read_json
from cv_tf.locks import only_writer
from cv_tf.unfinished import is_unfinished, making_parents, settle

_REMEDY = "Remove it: the next run makes everything anew."
_WHAT = "the state of a nightly run"


class StateError(UserError):
    """A folder that cannot hold the state of a nightly run."""


@dataclass(frozen=True)
class LastRun:
    """By what the files in the folder were made.

    Attributes:
      run: Number of the run; the first is 1.
      made_by: What vectors and frames were made by.
      inputs: Digest of all that the files depend on.
      checksums: SHA-256 of the files, by their names.
    """

    run: int
    made_by: Mapping[str, Any]
    inputs: str
    checksums: Mapping[str, str]


class StateFolder:
    """The files that a nightly run leaves, and needs the next time.

    Attributes:
      path: The folder, which need not exist.
      scratch: Folder of what is being made.
    """

    def __init__(self, path: Path):
        self.path = path
        self.embeddings = path / "embeddings.parquet"
        self.rejects = path / "embeddings.rejects.csv"
        self.photos = path / "photos.parquet"  # `KnownPhotos`.
        self.groups = path / "groups.csv"
        self.summary = path / "groups.summary.json"
        self.changes = path / "changes.csv"
        self.page = path / "groups.html"
        self.drift = path / "drift.json"
        # For a shop, by the suffix of its format, and what may go with it.
        self.shop = {it: path / f"shop{it}" for it in (".csv", ".tsv", ".jsonl")}
        self.with_shop = tuple(path / f"shop.{it}.csv" for it in ("models", "options"))
        self.state = path / "state.json"  # `LastRun`.
        self.scratch = path / "tonight"
        self.digests = path / "digests"  # Cache of digests of photos.
        self._lock = path / ".lock"

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that a run writes, but for the one that says how it made them."""
        return (
            *(self.embeddings, self.rejects, self.photos, self.groups, self.summary),
            *(self.changes, self.page, self.drift),
            *self.shop.values(),
            *self.with_shop,
        )

    def made(self, path: Path) -> Path:
        """Where a file is while it is being made."""
        return self.scratch / path.name

    def check_path(self) -> None:
        """Checks that the folder is there, or can be made.

        Raises:
          StateError: If it is a file.
          ConfigError: If it would be in a file, or may not be made.
        """
        if self.path.exists() and not self.path.is_dir():
            raise StateError(f"'{self.path}' is a file; --output must be a folder.")
        check_parent(self.path)

    @contextlib.contextmanager
    def only_run(self) -> Iterator[None]:
        """Makes this process the only one that works in the folder, which is made.

        What a killed run had finished appears; what it had not is kept in `scratch`.

        Raises:
          BusyError: If another process is at work there.
          StateError: If the folder is a file, or holds other files.
        """
        self.check_path()
        # A run that has failed at once leaves nothing.
        with making_parents(self.state), only_writer(self._lock, self.path):
            settle(self.state)
            self._check()
            yield

    def _check(self) -> None:
        if self.state.exists():
            return
        ours = {self._lock, self.scratch, self.digests}
        others = [
            path
            for path in sorted(self.path.iterdir())
            if path not in ours and not is_unfinished(path)
        ]
        # Who has removed the state to begin anew has left what it was of.
        if others and not set(others) <= set(self.files):
            unknown = next(path for path in others if path not in self.files)
            raise StateError(
                f"'{self.path}' holds no nightly run, but other files, such as "
                f"'{unknown.name}'. Name another folder with --output."
            )

    def last_run(self) -> LastRun | None:
        """What the files were made by; None before the first run.

        Raises:
          UserError: If the file that tells it is damaged.
        """
        if not self.state.exists():
            return None
        content = read_json(self.state, _WHAT, _REMEDY)
        with reading(self.state, _WHAT, _REMEDY):
            made_by, checksums = content["made_by"], content["checksums"]
            for of in (made_by, checksums):
                if not isinstance(of, dict):
                    raise TypeError(f"it has a {type(of).__name__} for an object")
            run = int(number_in(content, "run", 1, 2**31))
            return LastRun(run, made_by, str(content["inputs"]), checksums)

    def is_as_written(self, last: LastRun, *paths: Path) -> bool:
        """Whether files, all by default, are what the last run has written."""
        return all(
            last.checksums.get(path.name)
            == (digest_of(path) if path.is_file() else None)
            for path in paths or self.files
        )

    def clear_scratch(self, but: str) -> None:
        """Removes what an earlier run was making, but for files that are so called."""
        self.scratch.mkdir(exist_ok=True)
        settle(self.scratch / but)
        for path in self.scratch.iterdir():
            if not path.name.startswith((but, f".{but}")):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)

    def keep(self, run: int, made_by: Mapping[str, Any], inputs: str) -> None:
        """Puts all files that were made in place, together; what was not made goes."""
        there = [path for path in self.files if self.made(path).is_file()]
        checksums = {path.name: digest_of(self.made(path)) for path in there}
        state = LastRun(run, made_by, inputs, checksums)
        with whole_files(self.state, *self.files) as (unfinished, *files):
            write_json(unfinished, asdict(state))
            for path, file in zip(self.files, files, strict=True):
                if path in there:
                    self.made(path).replace(file)
        self.remove_scratch()

    def remove_scratch(self) -> None:
        """Removes all that was being made."""
        shutil.rmtree(self.scratch, ignore_errors=True)
