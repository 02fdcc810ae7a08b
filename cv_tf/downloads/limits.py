"""What downloading photos may take, and where it may go."""

from __future__ import annotations

import dataclasses

from cv_tf.errors import UserError

_MOST_AT_ONCE = 256
_MOST_ATTEMPTS = 20


class DownloadError(UserError):
    """Photos cannot be downloaded at all, such as with a damaged cache."""


@dataclasses.dataclass(frozen=True)
class DownloadLimits:
    """Bounds of a download.

    Attributes:
      at_once: Requests at a time, 1 to 256; hosts share them equally.
      per_second: Requests a second to one host, redirects and repeated attempts
        included; 0 for no limit.
      seconds: Time limit of one attempt at one photo, whole, with its redirects. A
        server that sends a byte now and then is cut off as well.
      megabytes: Size limit of one photo; a megabyte is a million bytes.
      attempts: Attempts at one photo, 1 to 20; only what may succeed later is tried
        again.
      allow_http: Whether addresses and redirects may be `http://`, which anybody on
        the way can read and change.
      allow_private: Whether servers may be in private networks or on this machine, and
        listen on any port.

    Raises:
      DownloadError: If a value is out of its range.
    """

    at_once: int = 16
    per_second: float = 0.0
    seconds: float = 30.0
    megabytes: float = 50.0
    attempts: int = 4
    allow_http: bool = False
    allow_private: bool = False

    def __post_init__(self) -> None:
        for name, is_right, expected in (
            ("at_once", 1 <= self.at_once <= _MOST_AT_ONCE, f"1 to {_MOST_AT_ONCE}"),
            ("per_second", 0 <= self.per_second < float("inf"), "0 or more"),
            ("seconds", 0 < self.seconds <= 86400, "more than 0, at most 86,400"),
            ("megabytes", 0 < self.megabytes <= 1e6, "more than 0, at most 1,000,000"),
            (
                "attempts",
                1 <= self.attempts <= _MOST_ATTEMPTS,
                f"1 to {_MOST_ATTEMPTS}",
            ),
        ):
            if not is_right:
                value = getattr(self, name)
                raise DownloadError(
                    f"{name} of a download is {value}; expected {expected}."
                )

    @property
    def most_bytes(self) -> int:
        """The largest size of a photo that is taken, in bytes."""
        return int(self.megabytes * 1e6)
