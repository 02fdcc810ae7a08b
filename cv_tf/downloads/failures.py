"""Why a photo was not fetched, in words, and whether to try again."""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import ssl
from collections.abc import Iterator

from urllib3.exceptions import ConnectTimeoutError, HTTPError, ReadTimeoutError

from cv_tf.errors import cause_of

_MOST_CAUSES = 10  # Errors that stand behind one another.
_MOST_LETTERS = 60  # Of what a server says.
_WORDS = {
    errno.ECONNREFUSED: "the server refuses connections",
    errno.ECONNRESET: "the server broke the connection",
    errno.EPIPE: "the server broke the connection",
    errno.EHOSTUNREACH: "the server cannot be reached",
    errno.ENETUNREACH: "there is no network on which the server can be reached",
    errno.ETIMEDOUT: "the server does not answer",
}
CONNECT_SECONDS = 10.0  # In which a server has to accept a connection.


class FetchFailure(Exception):  # noqa: N818 (no error of the program)
    """A photo was not fetched.

    Attributes:
      reason: The end of a sentence, such as "the server answers 404 (Not Found)".
      again: Whether another attempt may succeed.
      wait: Seconds for which the server wants to be left alone; 0 if it does not say.
    """

    def __init__(self, reason: str, again: bool = False, wait: float = 0.0):
        super().__init__(reason)
        self.reason, self.again, self.wait = reason, again, wait


@contextlib.contextmanager
def network_errors(seconds: float) -> Iterator[None]:
    """Turns what the network, TLS and HTTP raise within the block into failures.

    Within it nothing is read from or written to a disk, whose errors have the same
    classes.

    Args:
      seconds: Time limit of one attempt, which the message names.

    Raises:
      FetchFailure: Instead of those errors.
    """
    try:
        yield
    except FetchFailure:
        raise
    except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
        raise _failure_of(error, seconds) from error


def _failure_of(error: BaseException, seconds: float) -> FetchFailure:
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = cause_of(Exception(cause.verify_message))
            return FetchFailure(f"the certificate of the server is not valid ({why})")
    if isinstance(error, ConnectTimeoutError):  # Also of what is refused at once.
        within = min(CONNECT_SECONDS, seconds)
        late = f"the server accepts no connection within {within:g} s"
    else:
        late = too_slow(seconds)
    words = (_words_of(cause, late) for cause in reversed(causes))
    # What a server sends may be meant for the terminal that shows it.
    why = ascii(cause_of(causes[-1])[:_MOST_LETTERS])
    improper = f"the answer of the server is no proper HTTP ({why})"
    return FetchFailure(next(filter(None, words), improper), again=True)


def too_slow(seconds: float) -> str:
    """The words for a photo that takes too long."""
    return f"the photo is not there after {seconds:g} s"


def _words_of(error: BaseException, late: str) -> str:
    """What an error says, `late` if something took too long; "" if that is unknown."""
    words = ""
    if isinstance(error, http.client.IncompleteRead):
        words = _incomplete(error)
    elif isinstance(error, http.client.RemoteDisconnected):
        words = "the server closes the connection without an answer"
    elif isinstance(error, ssl.SSLError):
        why = error.reason or cause_of(error)
        words = f"no encrypted connection comes about ({why})"
    elif isinstance(error, OSError) and error.errno:
        known = f"the connection failed ({os.strerror(error.errno)})"
        words = _WORDS.get(error.errno, known)
    elif isinstance(error, ReadTimeoutError | TimeoutError):
        words = late
    return words


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it was raised for."""
    for _ in range(_MOST_CAUSES):
        yield error
        within = [arg for arg in error.args if isinstance(arg, BaseException)]
        cause = error.__cause__ or next(iter(within), None)
        if cause is None:
            return
        error = cause


def _incomplete(error: http.client.IncompleteRead) -> str:
    got = error.partial if isinstance(error.partial, int) else len(error.partial)
    if error.expected is None or got < 0 or error.expected < 0:
        return "the connection broke before the end of the photo"
    return (
        f"the connection broke before the end of the photo: {error.expected:,} of its "
        "bytes are missing"
    )
