"""Connections to servers, which stay open from photo to photo."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Iterator, Mapping

from urllib3.response import HTTPResponse

from cv_tf.downloads.addresses import Address
from cv_tf.downloads.failures import (
    CONNECT_SECONDS,
    FetchFailure,
    network_errors,
    too_slow,
)
from cv_tf.downloads.host_guard import look_up
from cv_tf.downloads.limits import DownloadLimits
from cv_tf.downloads.wire import Wire

_NAMES_SECONDS = 60.0  # For which the addresses of a host are remembered.
_MOST_ADDRESSES = 4  # Of a host that are tried.
_Found = list[str] | FetchFailure  # What became of looking up a host.


class Connections:
    """Connections, each used by one thread at a time.

    Each is made to an IP address that was looked up and checked just before, and the
    name of the host is what its certificate has to be for. Proxies of the environment
    are not used: they would do the looking up.

    Threads may share it.
    """

    def __init__(self, limits: DownloadLimits):
        self._limits = limits
        self._lock = threading.Lock()
        self._idle: list[Wire] = []  # The one that was used last is at the end.
        self._busy: set[Wire] = set()
        self._names: dict[tuple[str, int], tuple[float, _Found]] = {}
        self._is_closed = False
        self._tls = ssl.create_default_context()

    @contextlib.contextmanager
    def asking(
        self, address: Address, headers: Mapping[str, str], deadline: float
    ) -> Iterator[Exchange]:
        """Asks for what is at an address; gives the answer, whose body is unread.

        Args:
          address: Whose scheme and port are allowed.
          headers: Headers of the request, besides Host.
          deadline: On the clock `time.monotonic`; all that is read until then counts,
            however slowly it comes.

        Raises:
          FetchFailure: If there is no answer.
        """
        exchange = self._ask(address, headers, deadline)
        try:
            yield exchange
        finally:
            self._put_back(exchange.wire)

    def close(self) -> None:
        """Closes all connections; who waits for an answer gets a failure at once."""
        with self._lock:
            self._is_closed = True
            for wire in self._busy:
                wire.break_off()
            for wire in self._idle:
                wire.close()
            self._idle.clear()

    def _ask(
        self, address: Address, headers: Mapping[str, str], deadline: float
    ) -> Exchange:
        while True:
            wire = self._take(address, deadline)
            is_used = wire.is_used
            try:
                with network_errors(self._limits.seconds):
                    response = wire.ask(address, headers, deadline)
                return Exchange(wire, response, self._limits.seconds)
            except BaseException as error:
                wire.is_spoiled = True
                self._put_back(wire)
                # A server may close a connection just when it is used again.
                if not (is_used and isinstance(error, FetchFailure) and error.again):
                    raise
                if time.monotonic() >= deadline or self._is_closed:
                    raise

    def _take(self, address: Address, deadline: float) -> Wire:
        with self._lock:
            at = len(self._idle)
            while at:
                at -= 1
                if self._idle[at].place == (address.scheme, address.place):
                    wire = self._idle.pop(at)
                    if wire.is_open():
                        self._busy.add(wire)
                        return wire
                    wire.close()
        wire = self._connect(address, deadline)
        with self._lock:
            self._busy.add(wire)
            if self._is_closed:
                wire.break_off()
        return wire

    def _put_back(self, wire: Wire) -> None:
        """Keeps a connection for the next photo, if its answer was read whole."""
        with self._lock:
            self._busy.discard(wire)
            if self._is_closed or wire.is_spoiled or not wire.is_open():
                wire.close()
                return
            self._idle.append(wire)
            if len(self._idle) > self._limits.at_once:
                self._idle.pop(0).close()

    def _connect(self, address: Address, deadline: float) -> Wire:
        failure = FetchFailure(too_slow(self._limits.seconds), again=True)
        for ip in self._addresses(address.host, address.port):
            seconds = min(CONNECT_SECONDS, deadline - time.monotonic())
            if seconds <= 0:
                break
            try:
                with network_errors(self._limits.seconds):
                    return Wire(address, ip, seconds, self._tls)
            except FetchFailure as error:
                failure = error
        raise failure

    def _addresses(self, host: str, port: int) -> list[str]:
        """The checked addresses of a host; what was found is known for a minute."""
        now = time.monotonic()
        with self._lock:
            until, found = self._names.get((host, port), (0.0, list[str]()))
        if now >= until:
            try:
                addresses = look_up(host, port, self._limits.allow_private)
                found = addresses[:_MOST_ADDRESSES]
            except FetchFailure as failure:
                if failure.again:
                    raise
                found = failure
            with self._lock:
                self._names[host, port] = (now + _NAMES_SECONDS, found)
        if isinstance(found, FetchFailure):
            raise FetchFailure(found.reason, found.again) from found
        return found


class Exchange:
    """A request and its answer.

    Attributes:
      response: The answer, with status and headers.
      wire: The connection on which it comes.

    Args:
      seconds: Time limit of one attempt, which messages name.
    """

    def __init__(self, wire: Wire, response: HTTPResponse, seconds: float):
        self.wire, self.response, self._seconds = wire, response, seconds

    def read(self, num_bytes: int) -> bytes:
        """Reads what comes next of the body; b"" at its end.

        Raises:
          FetchFailure: If the connection breaks, or the time is over.
        """
        with network_errors(self._seconds):
            return self.response.read(num_bytes, decode_content=False) or b""

    def header(self, name: str) -> str:
        """The value of a header; "" if it is not there."""
        return self.response.headers.get(name, "")
