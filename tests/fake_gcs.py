"""A stand-in for Google Cloud Storage that counts what it is asked for.

    python tests/fake_gcs.py COMMAND [ARGUMENT ...]

runs a command that has a bucket of its own, `gs://bucket`. It is kept in memory and
knows the calls of TensorFlow's and of PyArrow's client. Both have Google's hosts built
in: they get here through a proxy, which is this server, with its own certificate.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

import trustme

BUCKET = "bucket"
_CREDENTIALS = {
    "type": "authorized_user",
    "client_id": "id",
    "client_secret": "secret",
    "refresh_token": "token",
}
_HOSTS = [f"{name}.googleapis.com" for name in ("www", "storage", "oauth2")]


class Request(NamedTuple):
    """What a client asked for, and how much content it was sent.

    `range` is that of the bytes it wanted, "" for all of them.
    """

    method: str
    object: str
    range: str
    num_bytes: int


class FakeGcs:
    """A bucket with a server for it.

    Args:
      folder: Where the certificate and credentials of clients are written.
      latency: Seconds until a request is answered.

    Attributes:
      objects: The bucket's content by name.
      is_public: Whether it can be read without credentials.
      requests: All that were answered with content or a description.
    """

    def __init__(self, folder: Path, latency: float = 0.0):
        authority = trustme.CA()
        self.latency = latency
        self.objects: dict[str, bytes] = {}
        self.is_public = False
        self.requests: list[Request] = []
        self._certificate = folder / "authority.pem"
        authority.cert_pem.write_to_path(self._certificate)
        self._credentials = folder / "credentials.json"
        self._credentials.write_text(json.dumps(_CREDENTIALS))
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(*_HOSTS).configure_cert(self.context)
        self._server = _Server(("localhost", 0), _Handler)
        self._server.bucket = self

    @property
    def environment(self) -> dict[str, str]:
        """What a process has to have in its environment to get here."""
        return {
            "https_proxy": f"http://localhost:{self._server.server_address[1]}",
            "no_proxy": "",
            "CURL_CA_BUNDLE": str(self._certificate),  # TensorFlow goes by this one,
            "SSL_CERT_FILE": str(self._certificate),  # and PyArrow by this.
            "GOOGLE_APPLICATION_CREDENTIALS": str(self._credentials),
        }

    def put(self, folder: Path, name: str) -> None:
        """Puts the files below a folder into one of the bucket."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.objects[f"{name}/{path.relative_to(folder)}"] = path.read_bytes()

    def reads(self, pattern: str) -> list[Request]:
        """The requests for content of the objects whose name matches."""
        return [
            request
            for request in self.requests
            if request.num_bytes and re.search(pattern, request.object)
        ]

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Answers requests until the block is left."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    bucket: FakeGcs

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # Clients may hang up.
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    wbufsize = -1  # Headers and content leave together.

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        context = self.server.bucket.context
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")
        self.close_connection = False

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _answer(self) -> None:
        bucket = self.server.bucket
        content = self._receive()
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        time.sleep(bucket.latency)
        is_known = self.headers.get("Authorization") == "Bearer token"
        if not (is_known or bucket.is_public or url.path.endswith("/token")):
            self._send(401)
            return
        for pattern, method, answer in _ROUTES:
            found = re.fullmatch(pattern, url.path)
            if found and self.command == method:
                names = [unquote(name) for name in found.groups()]
                answer(self, content, query, *names)
                return
        self._send(501, f"{self.command} {self.path}".encode())

    def _receive(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _send_json(self, value: dict) -> None:
        self._log("")
        self._send(200, json.dumps(value).encode())

    def _log(self, name: str, num_bytes: int = 0) -> None:
        wanted = self.headers.get("Range", "")
        request = Request(self.command, name, wanted, num_bytes)
        self.server.bucket.requests.append(request)

    def _stat(self, content: bytes, query: dict[str, str], name: str) -> None:
        if query.get("alt") == "media":
            self._read(content, query, name)
        elif name in self.server.bucket.objects:
            self._send_json(self._describe(name))
        else:
            self._send(404)

    def _describe(self, name: str) -> dict[str, str]:
        size = len(self.server.bucket.objects[name])
        changed = "2024-01-01T00:00:00.000Z"
        described = {"name": name, "bucket": BUCKET, "size": str(size)}
        return described | {"generation": "1", "updated": changed}

    def _read(self, content: bytes, query: dict[str, str], name: str) -> None:
        whole = self.server.bucket.objects.get(name)
        if whole is None:
            self._send(404)
            return
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted:
            self._log(name, len(whole))
            self._send(200, whole)
            return
        start = int(wanted[1])
        part = whole[start : int(wanted[2]) + 1 if wanted[2] else None]
        if not part:
            self._send(416)
            return
        self._log(name, len(part))
        of_whole = f"bytes {start}-{start + len(part) - 1}/{len(whole)}"
        self._send(206, part, Content_Range=of_whole)

    def _list(self, content: bytes, query: dict[str, str]) -> None:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        items, folders = [], set()
        for name in sorted(self.server.bucket.objects):
            if not name.startswith(prefix):
                continue
            rest = name.removeprefix(prefix)
            if delimiter and delimiter in rest:
                folders.add(f"{prefix}{rest.split(delimiter)[0]}{delimiter}")
            else:
                items.append(self._describe(name))
        most = int(query.get("maxResults", 1000))
        self._send_json({"items": items[:most], "prefixes": sorted(folders)})

    def _upload(self, content: bytes, query: dict[str, str]) -> None:
        name = query["name"]
        if query["uploadType"] == "resumable":
            host = "https://www.googleapis.com"
            self._send(200, Location=f"{host}/upload/session/{quote(name, safe='')}")
            return
        self._store(content, query, name)

    def _store(self, content: bytes, query: dict[str, str], name: str) -> None:
        self.server.bucket.objects[name] = content
        self._send_json(self._describe(name))

    def _copy(
        self, content: bytes, query: dict[str, str], source: str, target: str
    ) -> None:
        objects = self.server.bucket.objects
        objects[target] = objects[source]
        self._send_json({"done": True})

    def _delete(self, content: bytes, query: dict[str, str], name: str) -> None:
        there = self.server.bucket.objects.pop(name, None) is not None
        self._send(204 if there else 404)

    def _give_token(self, content: bytes, query: dict[str, str]) -> None:
        token = {"access_token": "token", "token_type": "Bearer", "expires_in": 3600}
        self._send_json(token)

    def _say_nothing(self, content: bytes, query: dict[str, str]) -> None:
        self._send_json({"name": BUCKET})

    def log_message(self, *arguments: object) -> None:
        pass


_OBJECTS = f"/storage/v1/b/{BUCKET}/o"
_ROUTES = (
    (rf"/storage/v1/b/{BUCKET}(?:/storageLayout)?", "GET", _Handler._say_nothing),
    (_OBJECTS, "GET", _Handler._list),
    (rf"{_OBJECTS}/([^/]+)", "GET", _Handler._stat),
    (rf"/download{_OBJECTS}/([^/]+)", "GET", _Handler._read),
    (rf"/{BUCKET}/(.+)", "GET", _Handler._read),
    (rf"{_OBJECTS}/([^/]+)", "DELETE", _Handler._delete),
    (rf"{_OBJECTS}/([^/]+)/rewriteTo/b/{BUCKET}/o/([^/]+)", "POST", _Handler._copy),
    (rf"/upload{_OBJECTS}", "POST", _Handler._upload),
    ("/upload/session/(.+)", "PUT", _Handler._store),
    ("/(?:oauth2/v3/)?token", "POST", _Handler._give_token),
)


def main() -> int:
    """Runs a command that has the bucket; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latency", type=float, default=0.0, help="s a request")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bucket = FakeGcs(Path(folder), arguments.latency)
        with bucket.running():
            environment = os.environ | bucket.environment
            done = subprocess.run(arguments.command, env=environment, check=False)
    num_bytes = sum(request.num_bytes for request in bucket.requests)
    print(f"{len(bucket.requests):,} requests, {num_bytes:,} bytes read")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
