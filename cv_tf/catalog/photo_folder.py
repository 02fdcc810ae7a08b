"""A folder of photos as a catalogue: a product a photo."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from absl import logging

from cv_tf.catalog.columns import CatalogError, check_ids, raise_problems
from cv_tf.catalog.photo_paths import PHOTO_SUFFIXES
from cv_tf.catalog.table import Catalog, number_blocks, objects
from cv_tf.catalog.table_files import SUFFIXES
from cv_tf.files import expanded, is_text, repeated
from cv_tf.spelling import clean


def catalog_of_folder(folder: str, block_columns: Sequence[str]) -> Catalog:
    """Makes a catalogue of a folder: a product a photo, sub-folders are categories.

    A product is named as its photo's file, without the suffix; where two files have one
    name, all are named by their paths within the folder, with the suffix.

    Args:
      folder: Absolute path of the folder.
      block_columns: Columns that make the blocks; a folder has `category` alone.

    Raises:
      CatalogError: If it has no photos, or blocks are to be made of other columns.
    """
    if others := [name for name in block_columns if name != "category"]:
        raise CatalogError(
            f"'{folder}' is a folder of photos, whose sub-folders are the column "
            f"'category': there is no column {others[0]!r}. Leave --block_columns out, "
            "or name a table with --catalog."
        )
    catalog = catalog_of_photos(folder)
    names = (it.name for it in Path(folder).iterdir())
    tables = [name for name in names if name.lower().endswith(SUFFIXES)]
    if tables:
        logging.warning(
            "'%s' is read as a folder of photos. It also has %s: name that file with "
            "--catalog to read it as a table.",
            folder,
            " and ".join(sorted(tables)[:2]),
        )
    paths = catalog.product_id.tolist()
    stems = [posixpath.splitext(posixpath.basename(path))[0] for path in paths]
    category = [posixpath.dirname(path) for path in paths]
    if not block_columns or not any(category):
        return replace(catalog, product_id=_names(paths, stems))
    block, block_names = number_blocks([category], len(paths))
    return replace(
        catalog, product_id=_names(paths, stems), block=block, block_names=block_names
    )


def _names(paths: Sequence[str], stems: Sequence[str]) -> np.ndarray:
    return objects(paths if repeated(stems) else stems)


def catalog_of_photos(photos: str | Path | Sequence[str | Path]) -> Catalog:
    """Makes a catalogue of photos alone: one product a photo, all in one block.

    A product is named by the path of its photo, within the folder or as it is listed,
    in Unicode's form NFC.

    Args:
      photos: A folder, which is searched with the folders in it, or a list of files.

    Raises:
      CatalogError: If there is no such folder, no photo, or a file is listed twice.
    """
    if isinstance(photos, (str, Path)):
        folder = Path(expanded(photos)).absolute()
        if not folder.is_dir():
            raise CatalogError(f"'{photos}' is not a folder of photos.")
        files = [path for path in sorted(folder.rglob("*")) if _is_photo(path, folder)]
        names = [path.relative_to(folder).as_posix() for path in files]
    else:
        folder = Path.cwd()
        names = [str(path) for path in photos]
        files = [Path(expanded(path)).absolute() for path in photos]
    if not files:
        raise CatalogError(
            f"'{folder}' has no photos: no name ends in {', '.join(PHOTO_SUFFIXES)}."
        )
    check_names(list(map(str, files)))
    ids = list(map(clean, names))
    problems: list[tuple[int, str]] = []
    check_ids(folder.name, ids, range(1, len(ids) + 1), problems)
    raise_problems(folder.name, problems)
    return Catalog(
        name=folder.name,
        product_id=objects(ids),
        image=objects(list(map(str, files))),
        style=np.full(len(files), -1, np.int32),
        block=np.zeros(len(files), np.int32),
        block_names=("all",),
        split=None,
        color=None,
        box=None,
        line=np.arange(1, len(files) + 1, dtype=np.int32),
        folder=str(folder),
    )


def _is_photo(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in PHOTO_SUFFIXES and not hidden and path.is_file()


def check_names(paths: Sequence[str]) -> None:
    """Raises `CatalogError` if a name on disk is no text, as of some ZIP files."""
    wrong = [ascii(path) for path in paths if not is_text(path)]
    if wrong:
        files = f"{len(wrong)} files" if len(wrong) > 1 else "a file"
        raise CatalogError(
            f"The name of {files}, such as {wrong[0]}, is not UTF-8. Rename it, or "
            "unpack the photos by a program that asks for the encoding of names."
        )
