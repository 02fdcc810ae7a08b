"""Photos as a server sends them: decoded, made small, encoded anew, and kept."""

from __future__ import annotations

import io
import re
import threading
from collections import OrderedDict
from collections.abc import Callable

from cv_tf.pipeline import BadImageError
from cv_tf.report import small_photo

# Pixels of the longer side: in a grid, and alone or zoomed.
SIDES = (480, 1600)
_QUALITY = 88  # JPEG quality, from 0 to 95.
_MOST_BYTES = 128 * 2**20  # Of encoded photos that are kept.
# A path or an address in the message of a library.
_PATH = re.compile(r"(?:^|[\s'\"(=])(?:[a-z]+:)?/+[^\s]", re.IGNORECASE)


class ServedPhotos:
    """JPEG files of photos, of which the latest are kept. Threads may share it.

    Args:
      read: Function from a path or URI, and the longest side in pixels, to a picture;
        it raises `BadImageError`.
      most_bytes: Bytes that are kept at most.
    """

    def __init__(
        self, read: Callable = small_photo, most_bytes: int = _MOST_BYTES
    ) -> None:
        self._read, self._room = read, most_bytes
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def jpeg(self, image: str, side: int) -> bytes:
        """The content of a JPEG file without metadata.

        Args:
          image: Path or URI of the photo; "" for none.
          side: One of `SIDES`.

        Raises:
          BadImageError: If there is no photo; the message names no path.
        """
        key = image, side
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        content = self._encode(image, side)
        self._keep(key, content)
        return content

    def _encode(self, image: str, side: int) -> bytes:
        try:
            photo = self._read(image, side)
            file = io.BytesIO()
            # Pillow would keep the comment of the photo.
            photo.save(file, "JPEG", quality=_QUALITY, comment=b"")
            return file.getvalue()
        except BadImageError as error:
            raise BadImageError(_without_path(str(error), image)) from error
        except (OSError, ValueError, MemoryError) as error:
            raise BadImageError("the photo cannot be read") from error

    def _keep(self, key: tuple[str, int], content: bytes) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = content
                self._room -= len(content)
            while self._room < 0 and self._kept:
                self._room += len(self._kept.popitem(last=False)[1])


def _without_path(reason: str, image: str) -> str:
    """What is wrong with a photo; no more than that if the text has a path."""
    if _PATH.search(reason) or (image and image in reason) or "name=" in reason:
        return "the photo cannot be read"
    return reason
