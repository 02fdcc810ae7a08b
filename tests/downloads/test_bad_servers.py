"""Servers that fail, lie, redirect or are slow."""

import functools
import ssl
import time
from email.utils import formatdate
from pathlib import Path

import pytest
import trustme
from photo_server import jpeg, photo_of, serving

from cv_tf.downloads import download_run, fetch, host_guard
from cv_tf.downloads.addresses import check_allowed

pytestmark = pytest.mark.integration

BIG = jpeg() + bytes(300_000)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "the server answers 404 (Not Found)"),
        (410, "the server answers 410 (Gone)"),
        (403, "the server answers 403 (Forbidden)"),
        (401, "the server answers 401 (Unauthorized)"),
        (204, "the server answers 204 (No Content)"),
        (206, "the server answers 206 (Partial Content)"),
        (304, "the server answers 304 (Not Modified)"),
        (499, "the server answers 499"),
    ],
)
def test_what_is_not_tried_again(status, words, server, reason_of):
    server.routes["/a"] = lambda it: it.answer(status)
    assert reason_of(server.url("/a")) == words
    assert server.asked == {"/a": 1}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_is_tried_again(status, server, reason_of):
    server.routes["/a"] = lambda it: it.answer(status)
    assert reason_of(server.url("/a"), attempts=3).endswith(", in 3 attempts")
    assert server.asked == {"/a": 3}


def _cut(it):
    it.close_connection = True
    it.connection.shutdown(2)


def _then_a_photo(server, first):
    """A route that answers by `first` once, and then sends a photo."""
    server.routes["/a"] = lambda it: (
        first(it) if server.asked["/a"] == 1 else it.answer(body=photo_of("/a"))
    )


@pytest.mark.parametrize(
    "first",
    [
        lambda it: it.answer(503),
        lambda it: it.answer(body=BIG[:1000], Content_Length=len(BIG)) or _cut(it),
        _cut,
        lambda it: it.wfile.write(b"nonsense\r\n\r\n") or _cut(it),
        lambda it: (
            it.answer(
                body=b"40\r\nabc", Transfer_Encoding="chunked", Content_Length=None
            )
            or _cut(it)
        ),
    ],
    ids=["503", "cut", "closed", "no HTTP", "cut chunk"],
)
def test_the_second_attempt_succeeds(first, server, download):
    _then_a_photo(server, first)
    url = server.url("/a")
    assert Path(download(url)[url].path).read_bytes() == photo_of("/a")
    assert server.asked == {"/a": 2}


def test_the_reason_of_a_cut(server, reason_of):
    server.routes["/a"] = lambda it: (
        it.answer(body=BIG[:1000], Content_Length=len(BIG)) or _cut(it)
    )
    missing = f"{len(BIG) - 1000:,}"
    assert reason_of(server.url("/a"), attempts=1) == (
        f"the connection broke before the end of the photo: {missing} of its bytes are "
        "missing"
    )


def test_a_server_may_ask_to_wait(server, download):
    _then_a_photo(server, lambda it: it.answer(429, Retry_After=1))
    begun = time.monotonic()
    url = server.url("/a")
    assert download(url)[url].path
    assert 1.0 <= time.monotonic() - begun < 3.0


def test_while_a_server_is_waited_for_nothing_else_is_asked_of_it(server, download):
    _then_a_photo(server, lambda it: it.answer(503, Retry_After=1))
    urls = [server.url(path) for path in ("/a", "/b", "/c")]
    assert all(found.path for found in download(*urls, at_once=1).values())
    times = [at for _, _, at in server.requests]
    assert times[1] - times[0] >= 0.9


@pytest.mark.parametrize("is_date", [False, True])
def test_nobody_waits_for_long(is_date, server, reason_of):
    after = formatdate(time.time() + 3600, usegmt=True) if is_date else 600
    server.routes["/a"] = lambda it: it.answer(503, Retry_After=after)
    assert "asks to come again in" in reason_of(server.url("/a"))
    assert server.asked == {"/a": 1}


@pytest.mark.parametrize("after", ["soon", "-5", "9" * 400, ""])
def test_a_wait_that_is_none(after, server, download):
    _then_a_photo(server, lambda it: it.answer(503, Retry_After=after))
    url = server.url("/a")
    download(url)
    assert server.asked["/a"] in (1, 2)


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (b"<!doctype html>", {}, "the server sends a web page, not a photo"),
        (b"", {}, "the answer of the server is empty"),
        (b"", {"Content_Length": None, "Connection": "close"}, "is empty"),
        (BIG, {"Content_Length": 20}, "more than the 20 bytes that it announces"),
        (BIG, {"Content_Encoding": "gzip"}, "compressed ('gzip'), though"),
        (BIG, {"Content_Length": 2_000_000}, "has 2,000,000 bytes; at most 200,000"),
        (BIG, {}, "has 300,"),
        (BIG, {"Content_Length": None, "Connection": "close"}, "more than 200,000"),
    ],
)
def test_what_is_no_photo(body, headers, words, server, reason_of):
    def route(it):
        it.answer(body=body, **headers)
        it.close_connection |= "Connection" in headers

    server.routes["/a"] = route
    assert words in reason_of(server.url("/a"), megabytes=0.2)
    assert server.asked == {"/a": 1}


def test_types_are_told_by_content(server, download):
    server.routes["/a"] = lambda it: it.answer(body=jpeg(), Content_Type="text/html")
    url = server.url("/a.html".replace(".html", ""))
    assert download(url)[url].path.endswith(".jpg")


def test_a_photo_of_unknown_length(server, download):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (BIG[:999], BIG[999:]))
    server.routes["/a"] = lambda it: it.answer(
        body=chunks + b"0\r\n\r\n", Transfer_Encoding="chunked", Content_Length=None
    )
    url = server.url("/a")
    assert Path(download(url)[url].path).read_bytes() == BIG


def test_endless_headers_are_refused(server, reason_of):
    many = {f"X_{number}": "y" for number in range(200)}
    server.routes["/many"] = lambda it: it.answer(body=jpeg(), **many)
    server.routes["/long"] = lambda it: it.answer(body=jpeg(), X=70_000 * "y")
    for path in server.routes:
        reason = reason_of(server.url(path), attempts=1)
        assert reason.startswith("the answer of the server is no proper HTTP")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 \x1b[2J 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\nX\0: \xff\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: \x1b[2J\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\x1b[2J\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://\x1b[2J/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: //\r\nContent-Length: 0\r\n\r\n",
        b"\x1b[2J",
        b"\0",
    ],
)
def test_nonsense_has_a_reason_that_can_be_shown(raw, server, reason_of, caplog):
    server.routes["/a"] = lambda it: it.wfile.write(raw) and _cut(it)
    reason = reason_of(server.url("/a"), attempts=1)
    assert reason
    assert reason.isascii()
    assert reason.isprintable()
    assert caplog.messages == []


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n\xff\xd8\xff",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
    ids=["headers", "body", "nothing but interim answers"],
)
def test_a_server_that_drips_is_cut_off(begin, server, reason_of):
    def route(it):
        it.wfile.write(begin)
        it.drip(b"HTTP/1.1 200 OK\r\nX: " + 10_000 * b"y", pause=0.05)

    server.routes["/a"] = route
    begun = time.monotonic()
    reason = reason_of(server.url("/a"), seconds=0.4, attempts=1)
    assert reason == "the photo is not there after 0.4 s"
    assert time.monotonic() - begun < 1.5


def test_redirects_are_followed(server, other_server, download):
    server.routes["/a"] = lambda it: it.answer(302, Location="/b?x")
    server.routes["/b?x"] = lambda it: it.answer(301, Location=other_server.url("/c"))
    other_server.routes["/c"] = lambda it: it.answer(307, Location=server.url("/d"))
    url = server.url("/a")
    assert Path(download(url)[url].path).read_bytes() == photo_of("/d")
    assert download(url)[url].path
    assert server.asked == {"/a": 1, "/b?x": 1, "/d": 1}
    assert other_server.requests[0][1]["Host"].endswith(f":{other_server.server_port}")


def test_redirects_with_other_letters(server, download):
    server.routes["/a"] = lambda it: it.answer(
        302, Location="/gr\xc3\xb6\xc3\x9fe x.jpg"
    )
    url = server.url("/a")
    assert download(url)[url].path
    assert server.asked["/gr%C3%B6%C3%9Fe%20x.jpg"] == 1


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("/a", "the server redirects more than 5 times"),
        ("file:///etc/passwd", "redirects elsewhere, but the address does not begin"),
        ("https://ann:secret@127.0.0.1/", "elsewhere, but the address has a name or"),
        (None, "does not say where to"),
    ],
)
def test_redirects_that_are_not_followed(location, words, server, reason_of):
    headers = {} if location is None else {"Location": location}
    server.routes["/a"] = lambda it: it.answer(302, **headers)
    assert words in reason_of(server.url("/a"))


@pytest.fixture
def is_public(monkeypatch):
    """This machine counts as one of the internet, and its ports as those of the web."""
    networks = [(net, what) for net, what in host_guard._NETWORKS if "loop" not in what]
    monkeypatch.setattr(host_guard, "_NETWORKS", networks)

    def check(address, allow_http, allow_private):
        any_port = address.port not in (22, 6379)
        check_allowed(address, allow_http, allow_private or any_port)

    monkeypatch.setattr(fetch, "check_allowed", check)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://10.0.0.1/", "the host '10.0.0.1' is at 10.0.0.1, a private address"),
        ("http://169.254.169.254/latest", "a link-local address"),
        ("http://[::ffff:a9fe:a9fe]/", "an IPv4 address in the form of IPv6"),
        ("http://2852039166/", "is at 169.254.169.254, a link-local address"),
        ("http://127.0.0.1:6379/", "redirects to 127.0.0.1:6379, but the port 6379"),
    ],
)
def test_redirects_to_private_places(location, words, is_public, server, reason_of):
    server.routes["/a"] = lambda it: it.answer(302, Location=location)
    assert words in reason_of(server.url("/a"), allow_private=False)


@pytest.fixture
def secure(tmp_path, monkeypatch):
    """A server with TLS, whose certificate is for `localhost` and is trusted."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    with serving(tls) as one:
        one.url = functools.partial(one.url, scheme="https", host="localhost")
        yield one


def test_an_encrypted_connection(secure, download):
    urls = [secure.url(f"/{number}") for number in range(5)]
    found = download(*urls, allow_http=False)
    assert Path(found[urls[3]].path).read_bytes() == photo_of("/3")


def test_a_certificate_is_of_the_host_of_the_address(secure, reason_of):
    reason = reason_of(secure.url("/a", host="127.0.0.1"), allow_http=False)
    assert reason.startswith("the certificate of the server is not valid (IP address m")
    assert secure.asked == {}


def test_a_certificate_that_nobody_knows(secure, reason_of, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    reason = reason_of(secure.url("/a"), allow_http=False)
    assert reason.startswith("the certificate of the server is not valid (")
    assert secure.asked == {}


def test_a_redirect_away_from_encryption(secure, server, reason_of):
    secure.routes["/a"] = lambda it: it.answer(302, Location=server.url("/a"))
    reason = reason_of(secure.url("/a"), allow_http=False)
    assert reason.endswith("but the address is http://, which is not encrypted")
    assert server.asked == {}


def test_a_server_without_encryption(server, reason_of):
    reason = reason_of(server.url("/a", scheme="https"), attempts=1)
    assert reason.startswith("no encrypted connection comes about")


def test_a_server_that_is_not_there(server, reason_of):
    server.shutdown()
    server.server_close()
    reason = reason_of(server.url("/a"), attempts=2)
    assert reason == "the server refuses connections, in 2 attempts"


def test_a_host_that_always_fails_is_left_alone(
    server, other_server, download, monkeypatch
):
    monkeypatch.setattr(download_run, "_MOST_FAILED", 3)
    server.otherwise = lambda it: time.sleep(0.01) or it.answer(500)
    bad = [server.url(f"/{number}") for number in range(50)]
    good = [other_server.url(f"/{number}") for number in range(50)]
    found = download(*bad, *good, attempts=2, at_once=4)
    assert all(found[url].path for url in good)
    assert server.asked.total() < 30
    assert found[bad[-1]].reason == (
        f"it was not asked for, as 3 photos of 127.0.0.1:{server.server_port} failed "
        "one after the other, at last because the server answers 500 (Internal Server "
        "Error)"
    )


@pytest.mark.parametrize("kind", ["server", "secure"])
def test_connections_are_used_again(kind, request, download):
    server, clients = request.getfixturevalue(kind), set()
    server.otherwise = lambda it: (
        clients.add(it.client_address) or it.answer(body=photo_of(it.path))
    )
    server.routes["/5"] = lambda it: it.answer(404, body=b"no")
    found = download(*(server.url(f"/{number}") for number in range(20)), at_once=1)
    assert len([one for one in found.values() if one.path]) == 19
    assert len(clients) == 1


def test_a_connection_that_is_closed_meanwhile_costs_no_attempt(server, download):
    def route(it):
        it.answer(body=photo_of(it.path))
        it.close_connection = True  # Without saying so before.

    server.otherwise = route
    urls = [server.url(f"/{number}") for number in range(10)]
    found = download(*urls, at_once=1, attempts=1)
    assert all(one.path for one in found.values())
