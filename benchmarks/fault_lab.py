"""Where faults are tried: inputs, references, and how a trial is judged."""

from __future__ import annotations

import collections
import contextlib
import random
import shutil
import tempfile
import threading
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from fault_digests import digests, listing
from fault_jobs import JOBS, Base, Job
from fault_server import End, Order, Server

LIMIT = 120.0  # Seconds for a command that runs to its end.


class Problem(NamedTuple):
    """What a fault has broken, and the case that repeats it."""

    case: str
    what: str


class Trial(NamedTuple):
    """The number of faults that happened in a trial, and what they broke."""

    tried: int
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, tried: int, case: str, what: str = "") -> Trial:
        """A trial with one problem, or none ("")."""
        return cls(tried, (Problem(case, what),) if what else ())


class Reference(NamedTuple):
    """A job that nothing happened to.

    Attributes:
      former: Digests of the outputs before.
      right: Digests of the outputs after.
      again: Digests after the same command once more, where it succeeds.
      names: All names in its folder after.
      seconds: How long it takes.
      counts: Number of operations of each kind.
      written: Bytes of disk that its folder grows by.
      size: Bytes of its outputs.
      reads: What readers print and return, after; functions also before.
      printed: What the same command prints when all is done.
    """

    former: dict[str, str]
    right: dict[str, str]
    again: dict[str, str]
    names: list[str]
    seconds: float
    counts: dict[str, int]
    written: int
    size: int
    reads: list[object]
    printed: str


class Lab:
    """Inputs of jobs, and how they end without a fault.

    Args:
      scratch: An empty folder.
      scale: Share of all trials that are made.
      seed: Chooses which.
      only: Names of what faults are tried on; none for all.
    """

    def __init__(
        self, scratch: Path, scale: float, seed: int, only: Collection[str] = ()
    ):
        self.scratch, self.scale, self.seed = scratch, scale, seed
        self._only = only
        self.base = Base(scratch / "base")
        self._locks: dict[str, threading.Lock] = collections.defaultdict(threading.Lock)
        self._references: dict[str, Reference] = {}

    def wanted(self, names: Iterable[str]) -> list[str]:
        """Those of some names that faults are to be tried on."""
        return [name for name in names if not self._only or name in self._only]

    def number(self, of: float, name: str) -> int:
        """A number of trials at this scale; a part of one is one or none."""
        return int(of * self.scale + self.rng(f"number {name}").random())

    def rng(self, name: str) -> random.Random:
        """Random numbers of a name, such as a case: the same in each campaign."""
        return random.Random(zlib.crc32(f"{self.seed} {name}".encode()))  # noqa: S311

    @contextlib.contextmanager
    def folder(self, job: Job, server: Server) -> Iterator[Path]:
        """A copy of the folder that a job begins with."""
        self.reference(job, server)
        with tempfile.TemporaryDirectory(dir=self.scratch) as scratch:
            folder = Path(scratch, "job")
            shutil.copytree(self.base.start(job, server), folder, symlinks=True)
            yield folder

    def reference(self, job: Job, server: Server) -> Reference:
        """The job as it runs without a fault; run when it is first asked for."""
        with self._locks[job.name]:
            if job.name not in self._references:
                self._references[job.name] = self._refer(job, server)
            return self._references[job.name]

    def _refer(self, job: Job, server: Server) -> Reference:
        start = self.base.start(job, server)
        with tempfile.TemporaryDirectory(dir=self.scratch) as scratch:
            folder, log = Path(scratch, "job"), Path(scratch, "log")
            shutil.copytree(start, folder, symlinks=True)
            former, size = digests(folder, job.outputs), _bytes_in(folder)
            reads = [end.result for end in read(job, folder, server)]
            end = server.run_one(job.order(folder, log=str(log), limit=LIMIT))
            if end.code:
                raise SystemExit(f"{job.name} fails without a fault: {end.output}")
            right, names = digests(folder, job.outputs), listing(folder)
            written = _bytes_in(folder) - size
            size = sum(_size_of(folder / name) for name in job.outputs)
            reads += [it for of in read(job, folder, server) for it in said(of, folder)]
            once_more = server.run_one(job.order(folder, limit=LIMIT))
            again = right if once_more.code else digests(folder, job.outputs)
            counts = collections.Counter(log.read_text().split())
            seconds, printed = end.seconds, said(once_more, folder)[0]
        states, sizes = (former, right, again, names), (written, size)
        return Reference(*states, seconds, counts, *sizes, reads, printed)

    def judge_left(self, job: Job, folder: Path, server: Server) -> str:
        """What is wrong with the files that a fault has left, "" for nothing.

        Each output is as before or as after; they are all of one run; and whoever reads
        them succeeds or says a sentence.
        """
        before = digests(folder, job.outputs)
        if what := self.judge_readers(job, folder, server):
            return what
        reference = self.reference(job, server)
        found = digests(folder, job.outputs)
        known = (reference.former, reference.right, reference.again)
        for name, digest in found.items():
            if digest not in [of[name] for of in known] and not _grows(name):
                return f"{name} is neither the former nor the new one"
        is_one = any(all(found[name] == of[name] for name in found) for of in known)
        if is_one or not (job.former or job.run == "group"):
            return ""
        sides = {
            name: "former" if it == reference.former[name] else "new"
            for name, it in found.items()
            if reference.former[name] != reference.right[name]
        }
        if len(set(sides.values())) == 1:
            return ""
        shown = ", ".join(f"{name} {side}" for name, side in sides.items())
        was = "" if found == before else " (after readers)"
        return f"files of two runs stand side by side: {shown}{was}"

    def judge_readers(
        self, job: Job, folder: Path, server: Server, strictly: bool = False
    ) -> str:
        """What is wrong with how the files of a job are read, "" for nothing.

        `strictly`: who succeeds says what is said of the files of the whole job.
        """
        reads = self.reference(job, server).reads
        for (run, _), end in zip(job.readers, read(job, folder, server), strict=True):
            if end.code and not end.is_plain:
                return f"{run} cannot read what is there: {end.words()}"
            if end.code:
                continue
            if ":" in run and end.result not in reads:
                return f"{run} finds something else"
            if strictly and said(end, folder)[0] not in reads:
                return f"{run} silently says something else"
        return ""

    def judge_end(
        self, job: Job, folder: Path, server: Server, may_refuse: bool = False
    ) -> str:
        """What is wrong after the same command is run to its end, "" for nothing.

        It succeeds, with the right files and no others; or says that all is there.
        `may_refuse`: or says a sentence.
        """
        reference = self.reference(job, server)
        end = server.run_one(job.order(folder, limit=LIMIT))
        if end.code:
            if may_refuse and end.is_plain:
                return ""
            return self.judge_refusal(job, end, folder, server)
        found = digests(folder, job.outputs)
        right = (reference.right, reference.again)
        wrong = [
            name
            for name, digest in found.items()
            if digest not in [of[name] for of in right]
        ]
        if wrong:
            return f"the same command ends with another {', another '.join(wrong)}"
        names = listing(folder)
        if left := sorted({*names} - {*reference.names}):
            return f"left over: {', '.join(left[:4])}"
        if (lost := sorted({*reference.names} - {*names})) and not may_refuse:
            return f"missing: {', '.join(lost[:4])}"
        return ""

    def judge_refusal(self, job: Job, end: End, folder: Path, server: Server) -> str:
        """What is wrong with a command that did not succeed."""
        reference = self.reference(job, server)
        is_done = digests(folder, job.outputs) == reference.right
        if is_done and end.is_plain and listing(folder) == reference.names:
            return ""
        return f"the same command does not finish: {end.words()}"


def read(job: Job, folder: Path, server: Server) -> list[End]:
    """Runs the readers of a job's outputs."""
    return [server.run_one(Order(*it, str(folder))) for it in job.readers]


def said(end: End, folder: Path) -> list[object]:
    """What a command has printed, without its folder and progress, and its result."""
    lines = end.output.replace(str(folder), "FOLDER").replace("\r", "\n").split("\n")
    return ["\n".join(line for line in lines if "%|" not in line and line), end.result]


def _size_of(path: Path) -> int:
    return _bytes_in(path) if path.is_dir() else path.stat().st_size


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _grows(name: str) -> bool:
    """Whether a file is written several times in one run."""
    return name.endswith((".sqlite", "metrics.json"))


__all__ = ["JOBS", "Lab", "Problem", "Trial"]
