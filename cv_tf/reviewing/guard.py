"""Who may ask a server that shows a catalog: a token, a host, an origin, headers."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

import flask
from werkzeug.exceptions import Forbidden, MisdirectedRequest

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_NOT_SHOWN = "Open the address that python -m cv_tf.review has printed, with its token."
# What any page may do: nothing. The page itself says which scripts and photos it needs.
_POLICY = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; {_POLICY}",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def names_of_host(host: str) -> frozenset[str]:
    """By which names browsers may call a server that is bound to an address."""
    if is_loopback(host):
        return _LOOPBACK | {host}
    return _LOOPBACK | {host, socket.gethostname().lower(), socket.getfqdn().lower()}


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach an address."""
    address = _address(host)
    return host == "localhost" or bool(address and address.is_loopback)


class Guard:
    """Lets in who knows the token, and keeps out what other sites make a browser ask.

    The token is in the address at first, then in a cookie that no script can read;
    what changes anything has it in a header, too, with the origin of the page itself.
    A site whose name leads to this machine (DNS rebinding) is told by that name.

    Args:
      token: The secret, at least 20 characters.
      names: Names and addresses that the header Host may have, with any port. Where it
        has one that is of no loopback, any address is good: an address is no name that
        another site could lead here.
    """

    def __init__(self, token: str, names: Collection[str]):
        self._token = token.encode()
        self._names = frozenset(names)
        self._any_address = not all(map(is_loopback, names))
        # Cookies of all ports of a host are shared.
        self.cookie = f"cv_tf_{hashlib.sha256(self._token).hexdigest()[:12]}"

    def check(self) -> None:
        """Checks the request at hand; raises what Flask answers with 403 or 421."""
        request = flask.request
        if not self._is_named(request.headers.get("Host", "")):
            raise MisdirectedRequest("This server is not known by that name.")
        given = request.args.get("token", "") or request.cookies.get(self.cookie, "")
        if not self._is_token(given):
            raise Forbidden(_NOT_SHOWN)
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            origin = urlsplit(request.headers.get("Origin", "")).netloc
            if not origin or origin != request.headers.get("Host"):
                raise Forbidden("This request comes from another site.")
            if not self._is_token(request.headers.get("X-Token", "")):
                raise Forbidden(_NOT_SHOWN)

    def protect(self, response: flask.Response) -> flask.Response:
        """Adds the headers that every answer has, and the cookie after a token."""
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if response.status_code == 200 and "token" in flask.request.args:
            response.set_cookie(
                self.cookie, self._token.decode(), httponly=True, samesite="Strict"
            )
        return response

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token)

    def _is_named(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._names:
            return True
        return self._any_address and _address(name) is not None


def page_policy(sources: str) -> str:
    """The policy of a page that may use these sources, such as "img-src data:"."""
    return f"default-src 'none'; {sources}; style-src 'unsafe-inline'; {_POLICY}"


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
