"""Kills: at random moments, and before each kind of operation on files.

A case is a job and the kills that it meets one after another, before it may finish:
"group:rename:2", "embed:time:1.25+unlink:3".
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import NamedTuple

from fault_jobs import JOBS, Job
from fault_lab import LIMIT, Lab, Trial
from fault_server import Server

_MOST_KILLS = 5  # In a row.
_YEAR = 365 * 86400
_CLOCK_SHARE = 0.3  # Of the kills, so many are also tried with a clock that jumps.
_CLOCK_JOBS = ("train", "embed", "group_over", "index_exact", "answers")


class Moment(NamedTuple):
    """When a process is killed: at the n-th operation of a kind, or after seconds."""

    kind: str
    at: float

    def __str__(self) -> str:
        return f"{self.kind}:{self.at:g}"

    @classmethod
    def of(cls, text: str) -> Moment:
        """Reads what `str` writes."""
        kind, at = text.split(":")
        return cls(kind, float(at))


def parse(case: str) -> tuple[Job, list[Moment]]:
    """The job and the kills of a case."""
    name, _, moments = case.partition(":")
    return JOBS[name], [Moment.of(it) for it in moments.split("+") if it]


def draw_moment(lab: Lab, job: Job, server: Server, rng: random.Random) -> Moment:
    """A random moment, or a random operation of a random kind."""
    reference = lab.reference(job, server)
    if rng.random() < 0.5:
        return Moment("time", round(rng.random() * reference.seconds, 3))
    kind = rng.choice(sorted(reference.counts))
    return Moment(kind, rng.randint(1, reference.counts[kind]))


class Kills:
    """Kills jobs, and lets them finish."""

    jobs = tuple(JOBS)
    share = 1.0

    def cases(self, lab: Lab, server: Server) -> list[str]:
        """The cases of a campaign."""
        cases = []
        for name in lab.wanted(self.jobs):
            job, rng = JOBS[name], lab.rng(f"{type(self).__name__} {name}")
            left = lab.number(job.kills * self.share, f"{type(self).__name__} {name}")
            while left > 0:
                moments = [draw_moment(lab, job, server, rng)]
                while len(moments) < min(_MOST_KILLS, left) and (
                    rng.random() < job.chain
                ):
                    moments.append(draw_moment(lab, job, server, rng))
                cases.append(f"{name}:{'+'.join(map(str, moments))}")
                left -= len(moments)
        return cases

    def trial(self, lab: Lab, case: str, server: Server) -> Trial:
        """Kills a job at each of some moments, and then lets it finish."""
        job, moments = parse(case)
        killed = 0
        with lab.folder(job, server) as folder:
            for moment in moments:
                order = job.order(
                    folder,
                    kind=moment.kind,
                    at=moment.at,
                    limit=LIMIT,
                    clock=self.clock(lab, f"{case} {killed}"),
                )
                end = server.run_one(order)
                if not end.was_killed:
                    if end.code and (
                        what := lab.judge_refusal(job, end, folder, server)
                    ):
                        return Trial.of(killed, case, what)
                    break
                killed += 1
                self.between(lab, f"{case} {killed}", folder)
                if what := lab.judge_left(job, folder, server):
                    return Trial.of(killed, case, f"after kill {killed}: {what}")
            return Trial.of(killed, case, lab.judge_end(job, folder, server))

    def clock(self, lab: Lab, name: str) -> tuple[int, int, int]:
        """The clock of a process, as in `Order`; here, the true one."""
        del lab, name
        return (0, 0, 0)

    def between(self, lab: Lab, name: str, folder: Path) -> None:
        """Called between a kill and what follows; here, nothing happens."""


class Clock(Kills):
    """Kills of jobs whose clock jumps by up to a year; times of files jump as well."""

    jobs = _CLOCK_JOBS
    share = _CLOCK_SHARE

    def clock(self, lab: Lab, name: str) -> tuple[int, int, int]:
        """A clock that is wrong, and jumps after some readings."""
        rng = lab.rng(name)
        return rng.randint(50, 500), rng.randint(1, 10**6), rng.randint(-_YEAR, _YEAR)

    def between(self, lab: Lab, name: str, folder: Path) -> None:
        """Gives each file another time, some of them in the future."""
        rng = lab.rng(name)
        for path in sorted(folder.rglob("*")):
            at = time.time() + rng.randint(-_YEAR, _YEAR)
            os.utime(path, (at, at), follow_symlinks=False)
