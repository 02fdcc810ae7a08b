"""A connection to a server: what is read from it, and until when."""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import logging
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

from cv_tf.downloads.addresses import Address

# How the names of threads begin for which urllib3 logs nothing: what a server does
# wrong is a reason, and not a traceback a photo.
THREADS = "cv_tf-download"


def _is_of_others(record: logging.LogRecord) -> bool:
    return not (record.threadName or "").startswith(THREADS)


for _name in ("urllib3.connection", "urllib3.response"):
    logging.getLogger(_name).addFilter(_is_of_others)


class Wire:
    """One connection to one IP address of a server.

    Attributes:
      place: Scheme, host and port.
      excess: Whether bytes came after the end of the last answer.
      is_used: Whether something was asked before.
      is_spoiled: Whether it cannot be used again.

    Args:
      address: Whose server is meant.
      ip: Where that server is.
      seconds: In which the connection has to come about.
      tls: For `https://`; the certificate has to be that of the address' host.
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
        """Asks for what is at an address; its body is unread.

        Raises what the network, TLS and HTTP raise.
        """
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
        """Closes the connection."""
        with contextlib.suppress(OSError):
            if self._response is not None:
                self._response.close()
            self._link.close()


class _TimedResponse(http.client.HTTPResponse):
    """An answer that is read until the deadline of its wire, status line included."""

    def __init__(self, sock: socket.socket, *args: Any, wire: Wire, **kwargs: Any):
        super().__init__(sock, *args, **kwargs)
        self.fp = _Reader(_TimedSocket(self.fp.detach(), sock, wire), wire)


class _TimedSocket(io.RawIOBase):
    """What a socket receives; each wait lasts until the deadline at most."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, wire: Wire):
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

    def __init__(self, raw: _TimedSocket, wire: Wire):
        super().__init__(raw)
        self._timed, self._wire = raw, wire

    def close(self) -> None:
        if not self.closed:
            self._timed.is_stopped = True  # What is in the buffer is all there is.
            # Some servers send an empty line after an answer.
            self._wire.excess = bool(self.peek(1).strip(b"\r\n"))
        super().close()
