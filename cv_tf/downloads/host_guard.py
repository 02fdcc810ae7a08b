"""Where a server may be: on the internet, not in the networks around this machine.

An address in a table may come from anyone. Without this, it could ask a router, a
service of this machine or the cloud's server of secrets, whose answer would be kept as
a photo. What is checked is the address that is then connected to, so a name that is
looked up twice with two results changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from cv_tf.downloads.failures import FetchFailure

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IANA's registries of special addresses; the first network that an address is in
# counts. All of IPv6 that is not within 2000::/3 is reserved.
_SPECIAL: Sequence[tuple[str, str]] = (
    ("0.0.0.0/8", "an address of this network"),
    ("10.0.0.0/8", "a private address"),
    ("100.64.0.0/10", "an address that a carrier shares (CGNAT)"),
    ("127.0.0.0/8", "a loopback address"),
    ("169.254.0.0/16", "a link-local address"),
    ("172.16.0.0/12", "a private address"),
    ("192.0.0.0/24", "a reserved address"),
    ("192.0.2.0/24", "an address for documentation"),
    ("192.88.99.0/24", "a reserved address"),
    ("192.168.0.0/16", "a private address"),
    ("198.18.0.0/15", "an address for measurements"),
    ("198.51.100.0/24", "an address for documentation"),
    ("203.0.113.0/24", "an address for documentation"),
    ("168.63.129.16/32", "a server of a cloud's internals"),
    ("224.0.0.0/4", "a multicast address"),
    ("240.0.0.0/4", "a reserved address"),
    ("::/128", "an address of this network"),
    ("::1/128", "a loopback address"),
    ("::ffff:0:0/96", "an IPv4 address in the form of IPv6"),
    ("fc00::/7", "a private address"),
    ("fe80::/10", "a link-local address"),
    ("fec0::/10", "a private address"),
    ("ff00::/8", "a multicast address"),
    ("2001::/23", "a reserved address"),
    ("2001:db8::/32", "an address for documentation"),
    ("2002::/16", "an IPv4 address in the form of IPv6"),
    ("3fff::/20", "an address for documentation"),
)
_NETWORKS: Sequence[tuple[_Network, str]] = [
    (ipaddress.ip_network(network), what) for network, what in _SPECIAL
]
_INTERNET_6 = ipaddress.IPv6Network("2000::/3")
# By which networks without IPv4 reach servers that have nothing else.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def why_not_public(address: str) -> str:
    """What an IP address is that is not one of the internet; "" if it is.

    Args:
      address: As `socket.getaddrinfo` gives it, such as "10.0.0.1" or "fe80::1%eth0".

    Raises:
      ValueError: If it is no IP address.

    Example:
      >>> why_not_public("10.0.0.1")
      'a private address'
      >>> why_not_public("8.8.8.8")
      ''
    """
    # IPv6Network takes addresses of a zone as well, but not on all versions of Python.
    found = ipaddress.ip_address(address.partition("%")[0])
    if found in _NAT64:
        return why_not_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    for network, what in _NETWORKS:
        if found.version == network.version and found in network:
            return what
    if found.version == 6 and found not in _INTERNET_6:
        return "a reserved address"
    return ""


def look_up(host: str, port: int, allow_private: bool) -> list[str]:
    """The IP addresses of a host, each once, in the order in which to try them.

    The time that this takes is bounded by the system's resolver alone
    (`/etc/resolv.conf`).

    Raises:
      FetchFailure: If there are none, or one of them is not public and `allow_private`
        is False.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            reason = f"the name of the host '{host}' cannot be looked up at present"
            raise FetchFailure(reason, again=True) from error
        raise FetchFailure(f"there is no host '{host}'") from error
    except (OSError, UnicodeError) as error:
        reason = f"the name of the host '{host}' cannot be looked up ({error})"
        raise FetchFailure(reason) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:
        raise FetchFailure(f"there is no host '{host}'")
    for address in addresses:
        what = "" if allow_private else why_not_public(address)
        if what:
            raise FetchFailure(f"the host '{host}' is at {address}, {what}")
    return addresses
