"""Servers are asked on the internet alone."""

import ipaddress
import socket

import pytest

from cv_tf.downloads import DownloadLimits, connections, download_photos
from cv_tf.downloads.failures import FetchFailure
from cv_tf.downloads.host_guard import look_up, why_not_public

INSIDE = [
    ("0.0.0.0", "this network"),
    ("10.1.2.3", "private"),
    ("100.64.0.1", "CGNAT"),
    ("100.100.100.200", "CGNAT"),  # Where a cloud keeps its secrets.
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("169.254.169.254", "link-local"),  # Where most clouds do.
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.0.0.192", "reserved"),
    ("192.0.2.1", "documentation"),
    ("192.168.1.1", "private"),
    ("198.18.0.1", "measurements"),
    ("198.51.100.7", "documentation"),
    ("203.0.113.7", "documentation"),
    ("168.63.129.16", "cloud"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("::", "this network"),
    ("::1", "loopback"),
    ("::127.0.0.1", "reserved"),
    ("::ffff:127.0.0.1", "IPv4"),
    ("::ffff:8.8.8.8", "IPv4"),
    ("64:ff9b::127.0.0.1", "loopback"),
    ("64:ff9b::10.0.0.1", "private"),
    ("64:ff9b:1::1", "reserved"),
    ("100::1", "reserved"),
    ("2001::1", "reserved"),  # Teredo.
    ("2001:db8::1", "documentation"),
    ("2002:7f00:1::", "IPv4"),  # 6to4.
    ("3fff::1", "documentation"),
    ("4000::1", "reserved"),
    ("fc00::1", "private"),
    ("fd00:ec2::254", "private"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "link-local"),
    ("fec0::1", "private"),
    ("ff02::1", "multicast"),
]
OUTSIDE = [
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize(("address", "words"), INSIDE)
def test_what_is_not_of_the_internet(address, words):
    assert words in why_not_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_of_the_internet(address):
    assert why_not_public(address) == ""


def test_python_agrees_on_what_is_private():
    """Python knows no clouds, and calls some multicast addresses global."""
    for address, _ in INSIDE:
        found = ipaddress.ip_address(address)
        if found.is_private or found.is_loopback or found.is_link_local:
            assert why_not_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "127.1"),
        *("0", "::1", "::ffff:7f00:1"),
    ],
)
def test_other_spellings_of_this_machine(host):
    """The resolver of the system reads them, so its result is what is checked."""
    with pytest.raises(FetchFailure, match=f"the host '{host}' is at .*, an? "):
        look_up(host, 80, allow_private=False)
    assert look_up(host, 80, allow_private=True)


@pytest.fixture
def network(monkeypatch):
    """Names and what they are at, in turn, and a list of what is connected to."""
    names, connected = {}, []
    found = socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        if host not in names:
            return found(host, port, *args, **kwargs)
        answers = names[host]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return [(socket.AF_INET, 1, 6, "", (ip, port)) for ip in answer.split()]

    def connect(self, address):
        connected.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    return names, connected


def _reason(tmp_path, address, **settings):
    limits = DownloadLimits(attempts=1, **settings)
    (found,) = download_photos([address], tmp_path, limits, progress=False).values()
    assert found.path == ""
    return found.reason


def test_a_name_of_this_machine_is_not_connected_to(network, tmp_path):
    names, connected = network
    names["shop.example"] = ["127.0.0.1"]
    reason = _reason(tmp_path, "https://shop.example/a.jpg")
    assert reason == "the host 'shop.example' is at 127.0.0.1, a loopback address"
    assert connected == []


def test_one_private_address_among_public_ones_is_enough(network, tmp_path):
    names, connected = network
    names["shop.example"] = ["8.8.8.8 10.0.0.1"]
    assert "10.0.0.1" in _reason(tmp_path, "https://shop.example/a.jpg")
    assert connected == []


def test_what_is_connected_to_is_what_was_checked(network, tmp_path):
    """A second look at the name would give another address."""
    names, connected = network
    names["shop.example"] = ["8.8.8.8", "127.0.0.1"]
    reason = _reason(tmp_path, "https://shop.example/a.jpg")
    assert reason == "the server refuses connections"
    assert connected == ["8.8.8.8"]


def test_each_look_at_a_name_is_checked(network, tmp_path, monkeypatch):
    monkeypatch.setattr(connections, "_NAMES_SECONDS", 0.0)
    names, connected = network
    names["shop.example"] = ["8.8.8.8", "127.0.0.1"]
    for expected in ("refuses connections", "a loopback address"):
        assert expected in _reason(tmp_path, "https://shop.example/a.jpg")
    assert connected == ["8.8.8.8"]


def test_all_addresses_of_a_host_are_tried(network, tmp_path):
    names, connected = network
    names["shop.example"] = ["8.8.8.8 8.8.4.4"]
    _reason(tmp_path, "https://shop.example/a.jpg")
    assert connected == ["8.8.8.8", "8.8.4.4"]


def test_hosts_that_are_not_there(network, tmp_path):
    names, connected = network
    names["none.example"] = [socket.gaierror(socket.EAI_NONAME, "not known")]
    names["slow.example"] = [socket.gaierror(socket.EAI_AGAIN, "try again")]
    reason = _reason(tmp_path, "https://none.example/a.jpg")
    assert reason == "there is no host 'none.example'"
    reason = _reason(tmp_path, "https://slow.example/a.jpg")
    assert (
        reason == "the name of the host 'slow.example' cannot be looked up at present"
    )
    assert connected == []


def test_nothing_is_looked_up_for_what_is_not_allowed(network, tmp_path):
    names, connected = network
    names["shop.example"] = [AssertionError()]
    assert "not encrypted" in _reason(tmp_path, "http://shop.example/a.jpg")
    assert "port 22" in _reason(tmp_path, "https://shop.example:22/a.jpg")
    assert connected == []
