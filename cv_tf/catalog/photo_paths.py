"""From the cells of a table to the paths of its photos, and what else may be meant."""

from __future__ import annotations

import functools
import os
import posixpath
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote

from absl import logging

from cv_tf.catalog.raw_table import Problem
from cv_tf.files import FILE_ADDRESS, expanded, is_remote
from cv_tf.spelling import composed, folded

# A drive, a server of Windows, or the address of a file on a server.
_ELSEWHERE = re.compile(r"[a-z]:[\\/]|\\\\|file://", re.IGNORECASE)
# An address without its protocol, as web pages have it: //cdn.shop.com/a.jpg.
_NO_SCHEME = re.compile(r"//[\w-]+(\.[\w-]+)+(:\d+)?/")
# How names of photos end, also of those that are named as what cannot be read.
PHOTO_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".gif", ".bmp"),
    *(".tif", ".tiff", ".jp2", ".heic", ".heif"),
)
_MAX_SUGGESTIONS = 3


def resolve_images(
    name: str,
    images: Sequence[str],
    folder: str,
    lines: Sequence[int],
    problems: list[Problem],
    base: str = "",
) -> list[str]:
    """Makes paths of images absolute: relative ones start at the table's folder.

    Addresses of photos (`https://shop/a.jpg`) stay as they are; `//shop/a.jpg` is one,
    too. Understood as well are paths with backslashes, with `~`, with names whose
    Unicode form differs from the file's, and addresses `file:///...`. A relative path
    that leaves the folder is a problem. A product without an image keeps "". Like a
    missing file, it is a bad image, which the user may choose to reject; so is the path
    of another machine, which stays as it is.

    Args:
      name: Name of the table, for messages.
      images: The cells of its column `image`.
      folder: Absolute path or URI of the table's folder.
      lines: Line of each cell, for problems.
      problems: The problems of the table; those that are found are added.
      base: The folder or address in which relative paths start; "" for `folder`.
    """
    folders, what = FolderNames(), "folder" if base else "table's folder"
    if address := is_remote(base):
        base = base.rstrip("/")
    elif base:
        folder = str(Path(expanded(base)).absolute())
    resolved, num_backslashes = [], 0
    for image, line in zip(images, lines, strict=True):
        path = image
        if not _is_ordinary(image):
            path = _plain_path(image, folder, folders)
            num_backslashes += "\\" in image and "\\" not in path
            if is_remote(path) or is_elsewhere(path):
                resolved.append(path)
                continue
        if not path.strip():
            resolved.append("")
            continue
        if address:
            resolved.append(f"{base}/{posixpath.normpath(f'/{path}').lstrip('/')}")
            continue
        is_ascii = path.isascii()
        if not path.startswith("/"):
            path = posixpath.normpath(path)
            if path == ".." or path.startswith("../"):
                problems.append((line, _say_outside(image, folder, what)))
            path = f"{folder}/{path}"
        resolved.append(path if is_ascii else folders.spelled(path))
    if num_backslashes:
        logging.warning(
            "%s: in %s of %s paths of photos, backslashes are read as slashes.",
            name,
            f"{num_backslashes:,}",
            f"{len(images):,}",
        )
    return resolved


def _say_outside(image: str, folder: str, what: str) -> str:
    return (
        f"image {image!r} leaves the {what} {folder}. Move the photos below "
        "it, or give the absolute path"
    )


def _is_ordinary(image: str) -> bool:
    """Whether a cell needs no more than to be joined to the folder."""
    return (
        image.isascii()
        and ":" not in image
        and "\\" not in image
        and not image.startswith(("~", "//"))
    )


def _plain_path(image: str, folder: str, folders: FolderNames) -> str:
    """A cell as a relative or absolute path with slashes; those of elsewhere stay."""
    if FILE_ADDRESS.match(image):
        path = expanded(image)
        return path[1:] if is_elsewhere(path[1:]) else path
    if _NO_SCHEME.match(image) and not os.path.lexists(image):
        return f"https:{image}"
    # A name on Linux may have a backslash, begin with ~, or look like a drive.
    there = folders.has(posixpath.join(folder, image))
    if there or is_remote(image) or is_elsewhere(image):
        return image
    path = image.replace("\\", "/")
    if path.startswith("~") and not os.path.lexists(f"{folder}/{path}"):
        return expanded(path)
    return path


def is_elsewhere(image: str) -> bool:
    r"""Whether a path is one of another machine, such as `C:\photos\a.jpg`."""
    if not _ELSEWHERE.match(image):
        return False
    return not FILE_ADDRESS.match(image)


class FolderNames:
    """The names in local folders, each of which is listed once, when it is needed.

    Threads may share it.
    """

    def __init__(self) -> None:
        self._folders: dict[str, _Folder] = {}
        self._spelled: dict[str, str] = {}
        self._lock = threading.Lock()

    def has(self, path: str) -> bool:
        """Whether there is a file or folder of exactly this name."""
        folder, name = posixpath.split(path)
        return not is_remote(path) and name in self._folder(folder).names

    def spelled(self, path: str) -> str:
        """A path with names in the Unicode form that they have on disk.

        What is not there stays as it is.
        """
        if path.isascii() or is_remote(path):
            return path
        folder, name = posixpath.split(path)
        if folder not in self._spelled:
            self._spelled[folder] = self.spelled(folder)
        folder = self._spelled[folder]
        there = self._folder(folder or ".")
        if not name.isascii() and name not in there.names:
            same = there.by_form.get(composed(name), [])
            name = same[0] if len(same) == 1 else name
        return posixpath.join(folder, name)

    def similar(self, image: str, folder: str = "") -> list[str]:
        """Up to three files that the path of a missing photo may be meant for.

        They differ in case, in the suffix, or as names do in addresses, such as in
        `%20` for a blank; or an absolute path is one within the table's folder.

        Args:
          image: Absolute path of a photo.
          folder: The table's folder, if any; paths within are given relative to it.
        """
        with self._lock:
            found = self._alike(image)
            if not found and folder and not image.startswith(f"{folder}/"):
                found = self._alike(f"{folder}/{image.lstrip('/')}")
        files = [path for path in found if os.path.isfile(path)]  # noqa: PTH113
        within = f"{folder}/" if folder else ""
        return [path.removeprefix(within) for path in files[:_MAX_SUGGESTIONS]]

    def _alike(self, path: str) -> list[str]:
        if os.path.lexists(path):
            return [path]
        folder, name = posixpath.split(path)
        if folder == path:
            return []
        return [
            posixpath.join(near, other)
            for near in self._alike(folder)
            for other in self._folder(near).by_stem.get(_stem(name), [])
        ]

    def _folder(self, path: str) -> _Folder:
        if path not in self._folders:
            self._folders[path] = _Folder(path)
        return self._folders[path]


class _Folder:
    """The names in a folder, and those that are the same in some respect."""

    def __init__(self, path: str):
        try:
            self.names = set(os.listdir(path))  # noqa: PTH208 (names, not paths)
        except (OSError, ValueError):  # None, a file, or not allowed.
            self.names = set()

    @functools.cached_property
    def by_form(self) -> dict[str, list[str]]:
        return self._by(composed)

    @functools.cached_property
    def by_stem(self) -> dict[str, list[str]]:
        return self._by(_stem)

    def _by(self, key: Callable[[str], str]) -> dict[str, list[str]]:
        same: dict[str, list[str]] = {}
        for name in sorted(self.names):
            same.setdefault(key(name), []).append(name)
        return same


def _stem(name: str) -> str:
    """What is left of a name without case, suffix, and the spelling of addresses."""
    plain = unquote(name.partition("?")[0]).replace("+", " ")
    stem = folded(plain)
    while stem.endswith(PHOTO_SUFFIXES):
        stem = stem.rpartition(".")[0]
    return stem
