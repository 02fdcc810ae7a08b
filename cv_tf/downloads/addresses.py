"""Addresses of photos as tables have them, in one spelling."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urljoin

from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from cv_tf.downloads.failures import FetchFailure
from cv_tf.files import is_web_address
from cv_tf.spelling import clean

_PORTS = {"http": 80, "https": 443}
_MOST_LETTERS = 8000  # Most servers take no longer addresses.
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# An address that is spelled as it should be: most of a catalog are.
_PLAIN = re.compile(
    r"(https)://([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+)"
    r"((?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+(?:\?[A-Za-z0-9_.~=&-]*)?)"
)


class Address(NamedTuple):
    """An address in its one spelling.

    Attributes:
      url: The whole, in ASCII, without a fragment.
      scheme: "http" or "https".
      host: Name or IP address in small letters, without brackets.
      port: Number of the port.
      target: Path and query, as they are sent.
    """

    url: str
    scheme: str
    host: str
    port: int
    target: str

    @property
    def place(self) -> str:
        """The server: its host, with the port where that is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Reads an address: two spellings of one address have one result.

    Blanks and letters that are not ASCII are percent-encoded, names of hosts become
    those of IDNA, the fragment is dropped, and `//` at the beginning means `https://`.

    Raises:
      FetchFailure: If it is no address of a photo.

    Example:
      >>> parse_address(" //CDN.example/rotes Kleid.jpg#big").url
      'https://cdn.example/rotes%20Kleid.jpg'
    """
    text = clean(text, keep_form=True)
    if len(text) > _MOST_LETTERS:
        raise FetchFailure(f"the address has more than {_MOST_LETTERS:,} letters")
    if (plain := _PLAIN.fullmatch(text)) is not None:
        scheme, host, target = plain.groups()
        return Address(text, scheme, host, _PORTS[scheme], target)
    if text.startswith("//"):
        text = f"https:{text}"
    if not is_web_address(text):
        raise FetchFailure("the address does not begin with https:// or http://")
    if _CONTROL.search(text):
        raise FetchFailure("the address has a line break or a control character")
    return _parse(text)


def _parse(text: str) -> Address:
    try:
        parsed = parse_url(text)
    except (HTTPError, ValueError) as error:
        raise FetchFailure("the address cannot be understood") from error
    if parsed.auth is not None:
        # Whoever gets the table would get the password, and so would the cache.
        raise FetchFailure("the address has a name or a password of a user")
    scheme, host = parsed.scheme or "", (parsed.host or "").strip("[]")
    if not host or not (_HOST.fullmatch(host) or ":" in host):
        raise FetchFailure("the name of the host in the address is not valid")
    if parsed.port == 0:
        raise FetchFailure("the port in the address is not valid")
    target = parsed.path or "/"
    if parsed.query is not None:
        target = f"{target}?{parsed.query}"
    port = parsed.port or _PORTS[scheme]
    address = Address("", scheme, host, port, target)
    return address._replace(url=f"{scheme}://{address.place}{target}")


def redirected(address: Address, location: str) -> Address:
    """The address that an answer redirects to; relative ones begin at `address`.

    Raises:
      FetchFailure: If it is no address of a photo.
    """
    try:
        return parse_address(urljoin(address.url, clean(location, keep_form=True)))
    except (FetchFailure, ValueError) as error:
        why = error.reason if isinstance(error, FetchFailure) else "it is not valid"
        raise FetchFailure(f"the server redirects elsewhere, but {why}") from error


def check_allowed(address: Address, allow_http: bool, allow_private: bool) -> None:
    """Checks scheme and port, before a host is looked up.

    Raises:
      FetchFailure: If they are not allowed.
    """
    if address.scheme == "http" and not allow_http:
        raise FetchFailure("the address is http://, which is not encrypted")
    if address.port not in _PORTS.values() and not allow_private:
        raise FetchFailure(f"the port {address.port} is none of the web (80 and 443)")
