"""From the cells of a table to the paths of its photos."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from cv_tf.catalog.columns import Problem
from cv_tf.files import is_remote


def resolve_images(
    images: Sequence[str], folder: str, lines: Sequence[int], problems: list[Problem]
) -> list[str]:
    """Makes paths of images absolute: relative ones start at the table's folder.

    A path that leaves the folder is a problem. A product without an image keeps "".
    Like a missing file, it is a bad image, which the user may choose to reject.
    """
    resolved = []
    for image, line in zip(images, lines, strict=True):
        if not image.strip() or is_remote(image) or image.startswith("/"):
            resolved.append(image if image.strip() else "")
            continue
        path = posixpath.normpath(image)
        if path.split("/")[0] == "..":
            what = (
                f"image {image!r} leaves the table's folder {folder}. Move the photos "
                "below it, or give the absolute path"
            )
            problems.append((line, what))
        resolved.append(f"{folder}/{path}")
    return resolved
