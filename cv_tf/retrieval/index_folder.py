"""The folder that an index is saved in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cv_tf.catalog.whole_file import whole_folder

# Written last, and the name by which a folder is known to be an index.
ABOUT = "index.json"


def write_index(
    folder: Path,
    about: dict[str, Any],
    write_files: Callable[[Path], None],
    overwrite: bool,
) -> None:
    """Writes an index; a reader sees all of it or nothing.

    Args:
      folder: On a local disk; its parent exists.
      about: What index.json says of the index.
      write_files: Writes the other files into the folder that it is given.
      overwrite: Whether an index may be replaced that is there already.

    Raises:
      ValueError: If there is something at `folder` that may not be replaced, or no
        folder to put it into.
    """
    folder = folder.absolute()
    if not folder.parent.is_dir():
        raise ValueError(
            f"There is no folder '{folder.parent}' to save an index in. Make it first."
        )
    if folder.exists():
        if not (folder / ABOUT).is_file():
            raise ValueError(
                f"'{folder}' exists and is not an index. Choose another folder."
            )
        if not overwrite:
            raise ValueError(
                f"'{folder}' holds an index. Choose another folder, or pass "
                "overwrite=True to replace it."
            )
    with whole_folder(folder) as unfinished:
        write_files(unfinished)
        sizes = {path.name: path.stat().st_size for path in unfinished.iterdir()}
        text = json.dumps(about | {"files": sizes}, indent=1)
        (unfinished / ABOUT).write_text(text + "\n", encoding="utf-8")


def read_about(folder: Path) -> dict[str, Any]:
    """Reads what index.json says, and checks that the other files are there in full.

    Raises:
      ValueError: If the folder is no index, or not all of one.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        sizes = dict(about["files"])
    except FileNotFoundError:
        raise ValueError(
            f"'{folder}' is no index: it has no {ABOUT}. Name a folder that an "
            "index was saved in."
        ) from None
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(folder, f"{ABOUT} cannot be read: {error!r}") from error
    for name, size in sizes.items():
        path = folder / name
        found = path.stat().st_size if path.is_file() else "no such file"
        if found != size:
            raise damaged(folder, f"{name} should have {size} bytes, has {found}")
    return about


def damaged(folder: Path, what: str) -> ValueError:
    """An error to raise about a folder."""
    return ValueError(
        f"The index '{folder}' is damaged ({what}). Copy it again, or build it again "
        "from the embeddings."
    )
