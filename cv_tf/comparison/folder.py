"""The folder of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cv_tf.comparison.plan import Plan
from cv_tf.training.workdir import WorkdirError, write_text

# The flags of the last start: they say whose the folder is, and ask for the same again.
_MARK = "compare.cfg"


def check_folder(plan: Plan) -> None:
    """Checks that the folder is free, or holds runs with the same settings.

    Recipes and seeds may be added: what is there is not run again.

    Raises:
      WorkdirError: If it holds something else, or a run has other settings.
    """
    folder = plan.folder
    if folder.exists() and not folder.is_dir():
        raise WorkdirError(f"'{folder}' is a file; --workdir must be a folder.")
    if folder.exists() and not (folder / _MARK).is_file():
        others = [path for path in folder.iterdir() if not _is_leftover(path)]
        if others:
            raise WorkdirError(
                f"'{folder}' is not empty and holds no comparison. Name another "
                "--workdir, or empty this one."
            )
    for run in plan.runs:
        run.workdir.check(run.config)


def open_folder(plan: Plan) -> None:
    """Makes the folder, if it is not there, and says in it whose it is."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    write_text(plan.folder / _MARK, flagfile_text(plan.flags))


def flagfile_text(flags: Sequence[str]) -> str:
    """Flags as a text that --flagfile reads."""
    return "".join(f"{flag}\n" for flag in flags)


def table_path(folder: Path, suffix: str) -> Path:
    """Where the table is written: `table.md`, `table.csv` or `table.json`."""
    return folder / f"table.{suffix}"


def _is_leftover(path: Path) -> bool:
    """Whether a kill left the file, before there was anything else."""
    return path.name.startswith(f".{_MARK}.")
