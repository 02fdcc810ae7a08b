"""Files as faults leave them: some bytes are others, missing, or there twice."""

import random
from collections.abc import Callable

_HOW_MANY = (1, 1, 1, 2, 4)  # Of few, more come past the first check.
_TYPED = b"0123456789-+.eE,;|\"'\\[]{}()=\t\n\r <>nfNI\x00\xff"


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The content of a file with up to four random faults, of whatever kind."""
    for _ in range(rng.choice(_HOW_MANY)):
        content = rng.choice(FAULTS)(content, rng)
    return content


def _piece(content: bytes, rng: random.Random) -> tuple[int, int]:
    """Where a random piece begins and ends: mostly a short one."""
    start = rng.randint(0, len(content))
    most = rng.choice((4, 64, len(content)))
    return start, min(start + rng.randint(0, most), len(content))


def flipped(content: bytes, rng: random.Random) -> bytes:
    """A bit or some are others."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 8)) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def typed(content: bytes, rng: random.Random) -> bytes:
    """A character is another, as numbers and marks are mistyped."""
    changed = bytearray(content)
    if changed:
        changed[rng.randrange(len(changed))] = rng.choice(_TYPED)
    return bytes(changed)


def cut(content: bytes, rng: random.Random) -> bytes:
    """The end is missing."""
    return content[: rng.randint(0, len(content))]


def without(content: bytes, rng: random.Random) -> bytes:
    """A piece is missing."""
    start, end = _piece(content, rng)
    return content[:start] + content[end:]


def inserted(content: bytes, rng: random.Random) -> bytes:
    """There are other bytes in between, such as numbers that are very large."""
    start, _ = _piece(content, rng)
    some = rng.choice((b"\xff" * 8, b"\x7f\xff\xff\xff", b"\0" * 4, b'"', b",", b"\n"))
    some = rng.choice((some, rng.randbytes(rng.randint(1, 16))))
    return content[:start] + some + content[start:]


def overwritten(content: bytes, rng: random.Random) -> bytes:
    """A piece has other bytes."""
    start, end = _piece(content, rng)
    return content[:start] + rng.randbytes(end - start) + content[end:]


def zeroed(content: bytes, rng: random.Random) -> bytes:
    """A piece is zero, as disks leave it after a power cut."""
    start, end = _piece(content, rng)
    return content[:start] + bytes(end - start) + content[end:]


def doubled(content: bytes, rng: random.Random) -> bytes:
    """A piece is there twice."""
    start, end = _piece(content, rng)
    return content[:end] + content[start:]


def swapped(content: bytes, rng: random.Random) -> bytes:
    """Two pieces have changed places."""
    first, middle = sorted((_piece(content, rng)[0], _piece(content, rng)[0]))
    end = min(middle + (middle - first), len(content))
    return content[:first] + content[middle:end] + content[first:middle] + content[end:]


FAULTS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(flipped, flipped, typed, typed, cut, without, inserted),
    *(overwritten, zeroed, doubled, swapped),
)
