"""Damaged input files: each is used, or told in a sentence that names the file.

A case is a file and a number, which draws the damage, or several:
"catalog.csv:17", "catalog.csv:0-79".
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import shutil
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_functions import read_index
from fault_lab import Lab, Problem, Trial
from fault_readers import READERS
from fault_server import Order, Server

_MOST_SECONDS = 60.0
_MOST_MEMORY = 2 * 10**9  # Bytes beside those of the process before.
_MOST_SPACE = 16 * 10**9  # Of addresses; what lies here is never written to.
_INDEXES = {"index_exact": 240, "index_scann": 240}
_INDEX_AT_ONCE = 40
# Values that files should not have.
_ODD: tuple[Any, ...] = (None, True, -1, 0, 1e999, 2**63, -(2**40), "", "NaN", "../x")
_ODD += ([], {}, [[]], {"a": {}}, "\ud800", "x" * 5000, 0.1, "=1+1", "\0", float("nan"))
_WORDS = (b"NaN", b"-1", b"1e999", b"99999999999999999999", b"null", b"../../x", b'"')
_WORDS += (b"\r\n", b"\xff\xfe", b"\xef\xbb\xbf", b"\0", b",,,,", b"[" * 3000, b"=1")


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Damages bytes: flips, cuts, insertions, swaps, repetitions, zeros, odd words."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        content = rng.choice(_DAMAGES)(content, rng)
    return content


def _piece(content: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randint(0, len(content))
    most = rng.choice((1, 4, 16, 256, len(content)))
    return start, min(start + rng.randint(0, most), len(content))


def _flip(content: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8)) if content else 0):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _cut(content: bytes, rng: random.Random) -> bytes:
    start, end = _piece(content, rng)
    return content[:start] if rng.random() < 0.4 else content[:start] + content[end:]


def _insert(content: bytes, rng: random.Random) -> bytes:
    start, _ = _piece(content, rng)
    odd = rng.choice((rng.randbytes(rng.choice((1, 4, 64))), rng.choice(_WORDS)))
    return content[:start] + odd + content[start:]


def _overwrite(content: bytes, rng: random.Random) -> bytes:
    start, end = _piece(content, rng)
    fill = rng.choice((b"\0", b"\xff", b"\x7f", b"9", b" "))
    return content[:start] + fill * (end - start) + content[end:]


def _repeat(content: bytes, rng: random.Random) -> bytes:
    start, end = _piece(content, rng)
    again = content[start:end] * rng.choice((1, 2, 50))
    return content[:end] + again[: 10**6] + content[end:]


def _swap(content: bytes, rng: random.Random) -> bytes:
    start, end = _piece(content, rng)
    other, last = _piece(content, rng)
    if other < end:
        return content[::-1] if rng.random() < 0.05 else content
    pieces = (content[:start], content[other:last], content[end:other])
    return b"".join((*pieces, content[start:end], content[last:]))


_DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...]
_DAMAGES = (_flip, _flip, _cut, _insert, _overwrite, _repeat, _swap)


def damaged(name: str, content: bytes, rng: random.Random) -> bytes:
    """Damages a file, half of the time within what packs or describes its content."""
    if rng.random() < 0.5:
        return mutated(content, rng)
    if name.endswith(".json"):
        return _with_odd_value(json.loads(content), rng)
    if name.endswith(".gz"):
        return gzip.compress(mutated(gzip.decompress(content), rng), mtime=0)
    if content[:4] == b"PK\3\4":
        return _with_odd_member(content, rng)
    return mutated(content, rng)


def _with_odd_value(value: Any, rng: random.Random) -> bytes:
    """Replaces, removes or adds a value of JSON."""
    holder, keys = value, list(value)
    while keys:
        key = rng.choice(keys)
        inner = holder[key]
        if isinstance(inner, dict) and inner and rng.random() < 0.7:
            holder, keys = inner, list(inner)
            continue
        if rng.random() < 0.15:
            del holder[key]
        else:
            holder[key] = rng.choice(_ODD)
        break
    return json.dumps(value, indent=2).encode()


def _with_odd_member(content: bytes, rng: random.Random) -> bytes:
    """Damages a file within an archive, whose check sums fit then."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as archive,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as other,
    ):
        chosen = rng.choice(archive.namelist())
        for name in archive.namelist():
            inner = archive.read(name)
            if name == chosen:
                inner = damaged(name, inner, rng)
            other.writestr(name, inner)
    return packed.getvalue()


class Inputs:
    """Damages files of every kind, and reads them."""

    def cases(self, lab: Lab, server: Server) -> list[str]:
        """The cases of a campaign, each of as many files as one child reads."""
        del server
        sizes = {name: (it.trials, it.at_once) for name, it in READERS.items()}
        sizes |= {name: (of, _INDEX_AT_ONCE) for name, of in _INDEXES.items()}
        cases = []
        for name in lab.wanted(sizes):
            trials, at_once = sizes[name]
            number = lab.number(trials, name)
            for first in range(0, number, at_once):
                cases.append(f"{name}:{first}-{min(first + at_once, number) - 1}")
        return cases

    def trial(self, lab: Lab, case: str, server: Server) -> Trial:
        """Reads damaged files in a child; in another one those after a crash."""
        name, _, numbers = case.rpartition(":")
        first, _, last = numbers.partition("-")
        number, end = int(first), int(last or first)
        inputs = str(lab.base.inputs("new", server))
        problems: list[Problem] = []
        tried = end - number + 1
        while number <= end:
            with tempfile.TemporaryDirectory(dir=lab.scratch) as folder:
                progress = Path(folder, "progress")
                arguments = [folder, str(progress), name, number, end, lab.seed]
                order = Order(
                    "fault_inputs:read_damaged",
                    arguments,
                    inputs,
                    memory=_MOST_SPACE,
                    limit=_MOST_SECONDS + 2 * (end - number + 1),
                )
                ended = server.run_one(order)
                lines = progress.read_text().splitlines() if progress.exists() else []
            found = [json.loads(line) for line in lines]
            last_begun = max((it["number"] for it in found), default=number)
            problems += [
                Problem(f"{name}:{it['number']}", it["what"])
                for it in found
                if it["what"]
            ]
            if ended.result == "done":
                break
            problems.append(Problem(f"{name}:{last_begun}", f"dies: {ended.words()}"))
            number = last_begun + 1
        return Trial(tried, tuple(problems))


def read_damaged(
    folder: str, progress: str, name: str, first: int, last: int, seed: int
) -> str:
    """Damages and reads files, and notes what is wrong; run in a child."""
    for number in range(first, last + 1):
        name_of_case = f"{seed} {name} {number}"
        rng = random.Random(zlib.crc32(name_of_case.encode()))  # noqa: S311
        _note(progress, number, "")
        place = Path(folder, f"{number}")
        place.mkdir()
        if name in _INDEXES:
            shutil.copytree(name, place / name)
            path, words = place / name, [str(place)]
            _damage_index(path, rng)
            read: Callable[[Path], Any] = lambda it: read_index(str(it))  # noqa: E731
        else:
            reader, path = READERS[name], place / name
            path.parent.mkdir(exist_ok=True)
            reader.write(path)
            path.write_bytes(damaged(name, path.read_bytes(), rng))
            read, words = reader.read, [path.name, path.parent.name]
        if what := _read(read, path, words):
            _note(progress, number, what)
        shutil.rmtree(place)
    return "done"


def _note(progress: str, number: int, what: str) -> None:
    with Path(progress).open("a") as file:
        file.write(json.dumps({"number": number, "what": what}) + "\n")


def _read(read: Callable[[Path], Any], path: Path, words: list[str]) -> str:
    """What is wrong with how a file is read, "" for nothing."""
    from cv_tf.errors import UserError  # noqa: PLC0415

    Path("/proc/self/clear_refs").write_text("5")  # Forgets the peak of memory.
    base, begun, what = _memory("VmRSS"), time.monotonic(), ""
    try:
        read(path)
    except (UserError, OSError) as error:
        if not any(word in str(error) for word in words):
            what = f"names no file: {type(error).__name__}: {error}"
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
    seconds, peak = time.monotonic() - begun, _memory("VmHWM") - base
    if seconds > _MOST_SECONDS:
        what = f"takes {seconds:.0f} s"
    if peak > _MOST_MEMORY:
        what = f"takes {peak / 1e9:.1f} GB"
    return what[:400]


def _memory(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def _damage_index(folder: Path, rng: random.Random) -> None:
    """Damages a file of an index, and mostly makes index.json fit to that."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    chosen = rng.choice(files)
    chosen.write_bytes(damaged(chosen.name, chosen.read_bytes(), rng))
    about = folder / "index.json"
    if chosen == about or rng.random() < 0.2:
        return
    text = json.loads(about.read_text())
    for name, value in text["files"].items():
        content = (folder / name).read_bytes()
        known = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        if isinstance(value, dict):
            old = {key: known.get(key, it) for key, it in value.items()}
            text["files"][name] = old
        else:
            text["files"][name] = len(content)
    about.write_text(json.dumps(text, indent=1) + "\n")
