"""Connections to servers, which stay open from photo to photo."""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
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
        self._idle: list[_Wire] = []  # The one that was used last is at the end.
        self._busy: set[_Wire] = set()
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
          headers: Of the request, besides Host.
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

    def _take(self, address: Address, deadline: float) -> _Wire:
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

    def _put_back(self, wire: _Wire) -> None:
        """Keeps a connection for the next photo, if its answer was read whole."""
        with self._lock:
            self._busy.discard(wire)
            if self._is_closed or wire.is_spoiled or not wire.is_open():
                wire.close()
                return
            self._idle.append(wire)
            if len(self._idle) > self._limits.at_once:
                self._idle.pop(0).close()

    def _connect(self, address: Address, deadline: float) -> _Wire:
        failure = FetchFailure(too_slow(self._limits.seconds), again=True)
        for ip in self._addresses(address.host, address.port):
            seconds = min(CONNECT_SECONDS, deadline - time.monotonic())
            if seconds <= 0:
                break
            try:
                with network_errors(self._limits.seconds):
                    return _Wire(address, ip, seconds, self._tls)
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
      seconds: Of one attempt, for the words of what takes longer.
    """

    def __init__(self, wire: _Wire, response: HTTPResponse, seconds: float):
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


class _Wire:
    """One connection to one IP address of a server.

    Attributes:
      place: Scheme, host and port.
      excess: Whether bytes came after the end of the last answer.
      is_used: Whether something was asked before.
      is_spoiled: Whether it cannot be used again.
    """

    def __init__(self, address: Address, ip: str, seconds: float, tls: ssl.SSLContext):
        self.place = address.scheme, address.place
        self.excess = self.is_used = self.is_spoiled = False
        self.deadline = time.monotonic() + seconds
        self._response: HTTPResponse | None = None
        self._link: HTTPConnection
        if address.scheme == "https":
            name = address.host.rstrip(".")
            self._link = HTTPSConnection(
                ip, address.port, timeout=seconds, server_hostname=name, ssl_context=tls
            )
        else:
            self._link = HTTPConnection(ip, address.port, timeout=seconds)
        make: Any = functools.partial(_TimedResponse, wire=self)
        self._link.response_class = make
        try:
            self._link.connect()
        except BaseException:
            self._link.close()
            raise
        # Kept, for the link forgets it when the server says that it will close.
        self._socket = self._link.sock

    def ask(
        self, address: Address, headers: Mapping[str, str], deadline: float
    ) -> HTTPResponse:
        self.deadline, self.excess, self.is_used = deadline, False, True
        self._link.timeout = max(deadline - time.monotonic(), 0.001)
        self._link.request(
            "GET",
            address.target,
            headers={"Host": address.place, **headers},
            preload_content=False,
            decode_content=False,
        )
        self._response = self._link.getresponse()
        return self._response

    def is_open(self) -> bool:
        """Whether it can be used again: nothing has come that nobody has asked for."""
        read = self._response is None or self._response.isclosed()
        return read and not self.excess and self._link.is_connected

    def break_off(self) -> None:
        """Ends the waiting of another thread for this connection."""
        with contextlib.suppress(OSError):
            # That of SSLSocket would take the encryption away from under the reader.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            if self._response is not None:
                self._response.close()
            self._link.close()


class _TimedResponse(http.client.HTTPResponse):
    """An answer that is read until the deadline of its wire, status line included."""

    def __init__(self, sock: socket.socket, *args: Any, wire: _Wire, **kwargs: Any):
        super().__init__(sock, *args, **kwargs)
        self.fp = _Reader(_TimedSocket(self.fp.detach(), sock, wire), wire)


class _TimedSocket(io.RawIOBase):
    """What a socket receives; each wait lasts until the deadline at most."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, wire: _Wire):
        self._raw, self._socket, self._wire = raw, sock, wire
        self.is_stopped = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.is_stopped:
            return 0
        seconds = self._wire.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the deadline is over")
        self._socket.settimeout(seconds)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
            super().close()


class _Reader(io.BufferedReader):
    """Tells the wire upon its end whether there is more than what was announced."""

    def __init__(self, raw: _TimedSocket, wire: _Wire):
        super().__init__(raw)
        self._timed, self._wire = raw, wire

    def close(self) -> None:
        if not self.closed:
            self._timed.is_stopped = True  # What is in the buffer is all there is.
            # Some servers send an empty line after an answer.
            self._wire.excess = bool(self.peek(1).strip(b"\r\n"))
        super().close()
