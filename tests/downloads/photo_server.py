"""A server on this machine that answers as servers of photos do, good ones and bad."""

from __future__ import annotations

import contextlib
import io
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

Route = Callable[["Handler"], None]


def jpeg(number: int = 0, size: int = 8) -> bytes:
    """A photo; each number has another one."""
    file = io.BytesIO()
    color = (number % 256, number // 256 % 256, 90)
    Image.new("RGB", (size, size), color).save(file, "JPEG", quality=95)
    return file.getvalue() + f"<{number}>".encode()


class Handler(BaseHTTPRequestHandler):
    """Looks the path up in the routes of its server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: PhotoServer

    def do_GET(self):
        of = self.server
        with of.lock:
            of.asked[self.path] += 1
            of.requests.append((self.path, dict(self.headers), time.monotonic()))
            of.num_running += 1
            of.most_running = max(of.most_running, of.num_running)
        try:
            route = of.routes.get(self.path) or of.otherwise
            with contextlib.suppress(OSError):
                route(self)
        finally:
            with of.lock:
                of.num_running -= 1

    def answer(self, status: int = 200, body: bytes = b"", **headers: object) -> None:
        """Sends an answer at once; `Content_Length=None` leaves a header out."""
        headers = {"Content_Length": len(body), "Content_Type": "image/jpeg"} | headers
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self._headers_buffer.append(b"\r\n" + body)
        self.flush_headers()

    def drip(self, data: bytes, pause: float) -> None:
        """Sends byte by byte."""
        for byte in data:
            self.wfile.write(bytes([byte]))
            if self.server.is_over.wait(pause):
                return

    def hang(self) -> None:
        """Says nothing until the server ends."""
        self.server.is_over.wait(30)
        self.close_connection = True

    def log_message(self, *args):
        pass


class PhotoServer(ThreadingHTTPServer):
    """Counts what it is asked for. Without a route, it sends a photo of the path."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes: dict[str, Route] = {}
        self.otherwise: Route = lambda it: it.answer(body=photo_of(it.path))
        self.lock = threading.Lock()
        self.asked: Counter[str] = Counter()
        self.requests: list[tuple[str, dict[str, str], float]] = []
        self.num_running = self.most_running = 0
        self.is_over = threading.Event()

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.server_port}{path}"

    def handle_error(self, request, client_address):
        pass  # Clients that give up.


def photo_of(path: str) -> bytes:
    return jpeg() + path.encode()


@contextlib.contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[PhotoServer]:
    server = PhotoServer()
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.is_over.set()
        server.shutdown()
        server.server_close()
