"""One request for one photo: what is asked, and what is made of the answer."""

from __future__ import annotations

import contextlib
import hashlib
import http
import itertools
import time
from pathlib import Path

from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from cv_tf.downloads.addresses import Address, check_allowed, redirected
from cv_tf.downloads.connections import Connections, Exchange
from cv_tf.downloads.failures import FetchFailure
from cv_tf.downloads.limits import DownloadLimits
from cv_tf.downloads.photo_cache import StoredPhoto
from cv_tf.downloads.photo_kinds import suffix_of

_REDIRECTS = (301, 302, 303, 307, 308)
# Request Timeout, Too Early, Too Many Requests; and all from 500 on.
_PASSING = (408, 425, 429)
_MOST_REDIRECTS = 5
_LONGEST_WAIT = 120.0  # Seconds that a server may ask to wait.
_HEADERS = {
    "User-Agent": "cv_tf (reads photos of a catalog)",
    "Accept": "image/*, */*;q=0.5",
    # Of what is compressed, a megabyte may become a gigabyte.
    "Accept-Encoding": "identity",
}
_AT_ONCE = 2**16  # Bytes.
_MOST_SPARE = 2**16  # Bytes of an answer that are read for the connection's sake.
_MOST_LETTERS = 500  # Of a header that is kept, or of a server's words.


class Fetcher:
    """Asks servers for photos, and writes them to a folder.

    Threads may share it.

    Args:
      limits: Bounds of a photo.
      folder: Where photos are written that are not whole yet.
    """

    def __init__(self, limits: DownloadLimits, folder: Path):
        self._limits, self._folder = limits, folder
        self._connections = Connections(limits)
        self._number = itertools.count()

    def fetch(
        self, target: Address, known: StoredPhoto | None, deadline: float
    ) -> tuple[StoredPhoto, Path | None]:
        """Fetches the photo at an address.

        Args:
          target: The address.
          known: The photo that is there, which is kept if the server says that it has
            not changed; None to fetch it in any case.
          deadline: On the clock `time.monotonic`, for the whole photo.

        Returns:
          The photo, and the file in the folder that has its content; None instead of a
          file if it has not changed.

        Raises:
          Redirect: If the server names another address.
          FetchFailure: If there is no photo.
        """
        check_allowed(target, self._limits.allow_http, self._limits.allow_private)
        headers = _HEADERS | _conditions(known)
        with self._connections.asking(target, headers, deadline) as exchange:
            status = exchange.response.status
            if status == 200:
                return self._receive(exchange)
            _read_rest(exchange)
            if status == 304 and known is not None:
                return known._replace(asked=time.time()), None
            if status in _REDIRECTS:
                raise Redirect(_where_to(exchange, target, self._limits))
            raise _refusal(exchange)

    def close(self) -> None:
        """Ends all requests."""
        self._connections.close()

    def _receive(self, exchange: Exchange) -> tuple[StoredPhoto, Path]:
        announced = _announced(exchange)
        most = self._limits.most_bytes
        if announced > most:
            raise _too_large(f"{announced:,} bytes", most)
        received = self._folder / f"{next(self._number)}.photo"
        try:
            digest, size, suffix = self._write(exchange, received)
            if exchange.wire.excess and announced:
                raise FetchFailure(
                    f"the server sends more than the {announced:,} bytes that it "
                    "announces"
                )
        except BaseException:
            received.unlink(missing_ok=True)
            raise
        etag, modified = exchange.header("ETag"), exchange.header("Last-Modified")
        etag = etag if _can_be_sent(etag) else ""
        modified = modified if _can_be_sent(modified) else ""
        photo = StoredPhoto(digest, suffix, size, etag, modified, time.time())
        return photo, received

    def _write(self, exchange: Exchange, path: Path) -> tuple[str, int, str]:
        """Writes the body of an answer; returns digest, size and suffix."""
        digest, size, suffix = hashlib.sha256(), 0, ""
        with path.open("xb") as file:
            while chunk := exchange.read(_AT_ONCE):
                suffix = suffix or suffix_of(chunk)
                size += len(chunk)
                if size > self._limits.most_bytes:
                    exchange.wire.is_spoiled = True
                    more = f"more than {self._limits.most_bytes:,} bytes"
                    raise _too_large(more, self._limits.most_bytes)
                digest.update(chunk)
                file.write(chunk)
        if not size:
            raise FetchFailure("the answer of the server is empty")
        return digest.hexdigest(), size, suffix


class Redirect(Exception):  # noqa: N818 (not an error)
    """The photo is at another address.

    Attributes:
      target: That address.
    """

    def __init__(self, target: Address):
        super().__init__(target.url)
        self.target = target


def check_redirects(num_redirects: int) -> None:
    """Checks how many redirects there were.

    Raises:
      FetchFailure: If there are too many.
    """
    if num_redirects > _MOST_REDIRECTS:
        raise FetchFailure(f"the server redirects more than {_MOST_REDIRECTS} times")


def _conditions(known: StoredPhoto | None) -> dict[str, str]:
    """The headers by which a server says whether a photo has changed."""
    if known is None:
        return {}
    conditions = {"If-None-Match": known.etag, "If-Modified-Since": known.modified}
    return {name: value for name, value in conditions.items() if value}


def _can_be_sent(tag: str) -> bool:
    return len(tag) <= _MOST_LETTERS and tag.isascii() and tag.isprintable()


def _announced(exchange: Exchange) -> int:
    """The size that a server announces; 0 if it does not.

    Raises:
      FetchFailure: If the body is compressed.
    """
    coding = exchange.header("Content-Encoding").strip().lower()
    if coding not in ("", "identity"):
        raise FetchFailure(
            f"the server sends the photo compressed ({coding[:20]!a}), though it was "
            "asked not to"
        )
    length = exchange.header("Content-Length").strip()
    if exchange.header("Transfer-Encoding") or not length.isdecimal():
        return 0
    return int(length[:20])


def _too_large(size: str, most: int) -> FetchFailure:
    return FetchFailure(f"the photo has {size}; at most {most:,} are taken")


def _where_to(exchange: Exchange, target: Address, limits: DownloadLimits) -> Address:
    location = exchange.header("Location")
    if not location:
        raise FetchFailure("the server redirects, but does not say where to")
    # Bytes that are no ASCII are UTF-8 nearly always; HTTP reads them as Latin-1.
    with contextlib.suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")
    there = redirected(target, location)
    try:
        check_allowed(there, limits.allow_http, limits.allow_private)
    except FetchFailure as failure:
        reason = f"the server redirects to {there.place}, but {failure.reason}"
        raise FetchFailure(reason) from failure
    return there


def _refusal(exchange: Exchange) -> FetchFailure:
    status = exchange.response.status
    try:
        words = f"{status} ({http.HTTPStatus(status).phrase})"
    except ValueError:
        words = str(status)
    again = status in _PASSING or status >= 500
    wait = _wait_of(exchange) if again else 0.0
    if wait > _LONGEST_WAIT:
        return FetchFailure(
            f"the server answers {words} and asks to come again in {wait:,.0f} seconds"
        )
    return FetchFailure(f"the server answers {words}", again, wait)


def _wait_of(exchange: Exchange) -> float:
    """Seconds that a server asks to wait; 0 if it does not."""
    if not (text := exchange.header("Retry-After").strip()[:_MOST_LETTERS]):
        return 0.0
    try:
        return max(0.0, float(Retry().parse_retry_after(text)))
    except (HTTPError, ValueError, OverflowError):
        return 0.0


def _read_rest(exchange: Exchange) -> None:
    """Reads an answer that is not needed, if it is short, to keep the connection."""
    try:
        length = int(exchange.header("Content-Length") or _MOST_SPARE)
        if length < _MOST_SPARE:
            while exchange.read(_AT_ONCE):
                pass
    except (FetchFailure, ValueError):
        exchange.wire.is_spoiled = True
