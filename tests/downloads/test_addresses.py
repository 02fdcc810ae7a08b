"""Addresses of photos: their one spelling, and what is none."""

import doctest

import pytest

from cv_tf.downloads import addresses, host_guard
from cv_tf.downloads.addresses import _parse, check_allowed, parse_address, redirected
from cv_tf.downloads.failures import FetchFailure
from cv_tf.files import is_web_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://shop.example/a.jpg", True),
        ("HTTP://shop.example/a.jpg", True),
        ("//shop.example/a.jpg", False),
        ("gs://bucket/a.jpg", False),
        ("file:///a.jpg", False),
        ("photos/https://a.jpg", False),
        ("", False),
    ],
)
def test_what_is_an_address(text, expected):
    assert is_web_address(text) is expected


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://shop.example/a.jpg", "https://shop.example/a.jpg"),
        ("https://shop.example", "https://shop.example/"),
        ("HTTPS://Shop.Example/A.jpg", "https://shop.example/A.jpg"),
        (" https://shop.example/a.jpg\n", "https://shop.example/a.jpg"),
        ("\ufeffhttps://shop.example/a.jpg\u200b", "https://shop.example/a.jpg"),
        ("//cdn.shop.example/a.jpg", "https://cdn.shop.example/a.jpg"),
        ("https://shop.example:443/a.jpg", "https://shop.example/a.jpg"),
        ("http://shop.example:80/a.jpg", "http://shop.example/a.jpg"),
        ("https://shop.example:8443/a.jpg", "https://shop.example:8443/a.jpg"),
        ("https://shop.example/a.jpg#big", "https://shop.example/a.jpg"),
        ("https://shop.example/a b.jpg", "https://shop.example/a%20b.jpg"),
        ("https://shop.example/a%20b.jpg", "https://shop.example/a%20b.jpg"),
        ("https://shop.example/a%2fb.jpg", "https://shop.example/a%2Fb.jpg"),
        ("https://shop.example/100%.jpg", "https://shop.example/100%25.jpg"),
        ("https://shop.example/größe.jpg", "https://shop.example/gr%C3%B6%C3%9Fe.jpg"),
        ("https://shop.example/服.jpg?色=赤", None),
        ("https://bücher.example/a.jpg", "https://xn--bcher-kva.example/a.jpg"),
        ("https://BÜCHER.example/a.jpg", "https://xn--bcher-kva.example/a.jpg"),
        ("https://shop.example\\@b.example/a", "https://shop.example/%5C@b.example/a"),
        ("https://shop.example/x/../a.jpg", "https://shop.example/a.jpg"),
        ("https://shop.example/a.jpg?w=10&h=2", "https://shop.example/a.jpg?w=10&h=2"),
        ("https://[2001:DB8::1]/a.jpg", "https://[2001:db8::1]/a.jpg"),
        ("https://[2001:db8::1]:99/a.jpg", "https://[2001:db8::1]:99/a.jpg"),
    ],
)
def test_addresses_have_one_spelling(text, url):
    url = url or "https://shop.example/%E6%9C%8D.jpg?%E8%89%B2=%E8%B5%A4"
    address = parse_address(text)
    assert address.url == url
    assert parse_address(url) == address
    assert address.url.endswith(address.target)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/a.jpg",
        "https://a-b.shop.example/x/y_z/~a-1.jpg?v=1&w=2.5",
        "https://shop.example/a..b.jpg",
        "https://10.0.0.1/a",
    ],
)
def test_plain_addresses_are_read_as_all_others_are(url):
    assert parse_address(url) == _parse(url)


def test_the_place_of_an_address_is_its_server():
    assert parse_address("https://shop.example/a").place == "shop.example"
    assert parse_address("https://shop.example:444/a").place == "shop.example:444"
    assert parse_address("http://shop.example:443/a").place == "shop.example:443"
    assert parse_address("https://[2001:db8::1]/a").place == "[2001:db8::1]"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://shop.example/a.jpg", "does not begin with https://"),
        ("file:///etc/passwd", "does not begin with https://"),
        ("javascript:alert(1)", "does not begin with https://"),
        ("a.jpg", "does not begin with https://"),
        ("", "does not begin with https://"),
        ("https://ann:secret@shop.example/a.jpg", "a name or a password"),
        ("https://ann@shop.example/a.jpg", "a name or a password"),
        ("https:///a.jpg", "name of the host"),
        ("https://", "name of the host"),
        ("https://shop..example/a.jpg", "name of the host"),
        (f"https://{'a' * 64}.example/a.jpg", "name of the host"),
        ("https://sh!op.example/a.jpg", "name of the host"),
        ("https://shop.example:0/a.jpg", "port"),
        ("https://shop.example:99999/a.jpg", "cannot be understood"),
        ("https://shop.example:x/a.jpg", "cannot be understood"),
        ("https://[::1/a.jpg", "cannot be understood"),
        ("https://shop.example/a\nb.jpg", "line break"),
        ("https://shop.example/a\tb.jpg", "control character"),
        ("https://shop.example/" + 8000 * "a", "8,000 letters"),
        ("https://\u2024\u2024/a.jpg", ""),
    ],
)
def test_what_is_no_address_of_a_photo(text, words):
    with pytest.raises(FetchFailure) as failure:
        parse_address(text)
    assert words in failure.value.reason
    assert not failure.value.again
    assert "secret" not in failure.value.reason


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b.jpg", "https://shop.example/b.jpg"),
        ("b.jpg", "https://shop.example/x/b.jpg"),
        ("//cdn.example/b.jpg", "https://cdn.example/b.jpg"),
        ("http://cdn.example/b.jpg", "http://cdn.example/b.jpg"),
        ("?v=2", "https://shop.example/x/a.jpg?v=2"),
    ],
)
def test_redirects_are_relative_to_the_address(location, url):
    assert (
        redirected(parse_address("https://shop.example/x/a.jpg"), location).url == url
    )


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://a.example/b", "data:image/png,", "https://u:p@a/b"],
)
def test_redirects_that_lead_to_no_address(location):
    with pytest.raises(FetchFailure, match="redirects elsewhere, but the address"):
        redirected(parse_address("https://shop.example/a.jpg"), location)


def test_http_and_ports_have_to_be_allowed():
    plain = parse_address("http://shop.example/a.jpg")
    with pytest.raises(FetchFailure, match="not encrypted"):
        check_allowed(plain, allow_http=False, allow_private=True)
    check_allowed(plain, allow_http=True, allow_private=False)
    for port in (22, 8080, 6379):
        address = parse_address(f"https://shop.example:{port}/a.jpg")
        with pytest.raises(FetchFailure, match=f"port {port} is none of the web"):
            check_allowed(address, allow_http=True, allow_private=False)
        check_allowed(address, allow_http=False, allow_private=True)


@pytest.mark.parametrize("module", [addresses, host_guard])
def test_examples(module):
    assert doctest.testmod(module).attempted > 0
    assert doctest.testmod(module).failed == 0
