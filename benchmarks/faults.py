r"""Kills, full disks, damaged files: what survives them, and what does not.

    python benchmarks/faults.py [--only=kills,disks] [--scale=0.1] [--seed=0]
    python benchmarks/faults.py --only=kills --case=group:rename:2

Verbs run on little drawn data, and faults happen to them: see the modules fault_*.py
beside this one. The table says of each kind of fault what it was tried on, how often,
and how often all was well: nothing is lost, doubled or mixed, failures are told in a
sentence, and the same command then ends as if nothing had happened. What failed is
listed with its case, which repeats it: the same kind, seed and case meet the same
fault, but for those of "time", which depend on the machine's speed. It needs Linux and
gcc; full disks are mounted where the user may, and said to be full elsewhere.

Writes the table to --output, and all cases that failed to the .json beside it; what all
kinds were tried for goes to benchmarks/results/faults.md unless told otherwise.
"""

from __future__ import annotations

import argparse
import collections
import json
import platform
import queue
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fault_disks import Disks
from fault_inputs import Inputs
from fault_kills import Clock, Kills
from fault_lab import Lab, Problem, Trial
from fault_photos import Photos
from fault_server import Server
from fault_tampered import Tampered
from fault_together import Together
from fault_workers import Workers

RESULTS = Path(__file__).parent / "results"
KINDS: dict[str, Any] = {"kills": Kills, "disks": Disks, "inputs": Inputs}
KINDS |= {"photos": Photos, "tampered": Tampered, "together": Together}
KINDS |= {"clock": Clock, "workers": Workers}
_SHOWN = 3  # Cases of one cause that the table names.


class Row:
    """What has come of one kind of fault on one thing."""

    def __init__(self) -> None:
        self.tried = self.failed = 0
        self.seconds = self.cpu = 0.0

    def add(self, trial: Trial, seconds: float, cpu: float) -> None:
        """Counts a trial, which took so long, and so many seconds of a core."""
        self.tried += max(trial.tried, len(trial.problems))
        self.failed += len(trial.problems)
        self.seconds += seconds
        self.cpu += cpu


def main() -> None:
    """Runs the campaign, and writes its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(KINDS), help="kinds, by commas")
    parser.add_argument("--case", help="one case of the one kind of --only")
    parser.add_argument("--on", default="", help="what faults are tried on, by commas")
    parser.add_argument("--scale", type=float, default=1.0, help="share of all trials")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2, help="trials at a time")
    parser.add_argument("--output", type=Path, help="file for the table (.md)")
    arguments = parser.parse_args()
    is_all = arguments.only == parser.get_default("only") and not arguments.on
    if arguments.output is None and is_all:
        arguments.output = RESULTS / "faults.md"
    kinds = arguments.only.split(",")
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"there is no kind {min(unknown)!r}; there are {', '.join(KINDS)}")
    if arguments.case and len(kinds) > 1:
        parser.error("--case is of one kind: name it with --only")
    with tempfile.TemporaryDirectory(prefix="faults.") as folder:
        if arguments.case:
            problems = _repeat(arguments, Path(folder))
        else:
            problems = _campaign(arguments, kinds, Path(folder))
    sys.exit(bool(problems))


def _repeat(arguments: argparse.Namespace, scratch: Path) -> tuple[Problem, ...]:
    with Server(scratch) as server:
        lab = Lab(scratch, arguments.scale, arguments.seed)
        trial = KINDS[arguments.only]().trial(lab, arguments.case, server)
    print(f"{trial.tried} tried")
    for problem in trial.problems:
        print(f"{problem.case}: {problem.what}")
    return trial.problems


def _campaign(
    arguments: argparse.Namespace, kinds: list[str], scratch: Path
) -> list[tuple[str, Problem]]:
    rows: dict[tuple[str, str], Row] = collections.defaultdict(Row)
    problems: list[tuple[str, Problem]] = []
    begun, seconds = time.monotonic(), {}
    servers: queue.Queue[Server] = queue.Queue()
    with Server(scratch) as first:
        wanted = set(filter(None, arguments.on.split(",")))
        lab = Lab(scratch, arguments.scale, arguments.seed, wanted)
        servers.put(first)
        with ThreadPoolExecutor(arguments.processes) as pool:
            others = pool.map(Server, [scratch] * (arguments.processes - 1))
            for server in others:
                servers.put(server)
            for kind in kinds:
                start = time.monotonic()
                _try_kind(kind, lab, servers, pool, rows, problems)
                seconds[kind] = time.monotonic() - start
                _progress(f"{kind}: {len(problems)} problems so far", begun)
        while not servers.empty():
            servers.get().__exit__()
    text = _table(arguments, rows, problems, seconds, time.monotonic() - begun)
    print(text)
    if arguments.output:
        arguments.output.write_text(text)
        results = [{"kind": kind, **problem._asdict()} for kind, problem in problems]
        file = arguments.output.with_suffix(".json")
        file.write_text(json.dumps(results, indent=1) + "\n")
    return problems


def _try_kind(
    kind: str,
    lab: Lab,
    servers: queue.Queue[Server],
    pool: ThreadPoolExecutor,
    rows: dict[tuple[str, str], Row],
    problems: list[tuple[str, Problem]],
) -> None:
    of_kind = KINDS[kind]()
    server = servers.get()
    cases = of_kind.cases(lab, server)
    servers.put(server)

    def work(case: str) -> tuple[str, Trial, float, float]:
        server, begun = servers.get(), time.monotonic()
        cpu = server.cpu
        try:
            trial = of_kind.trial(lab, case, server)
        finally:
            cpu = server.cpu - cpu
            servers.put(server)
        return case, trial, time.monotonic() - begun, cpu

    for case, trial, seconds, cpu in pool.map(work, cases):
        rows[kind, case.split(":")[0]].add(trial, seconds, cpu)
        for problem in trial.problems:
            problems.append((kind, problem))
            print(f"  {kind} {problem.case}: {problem.what}", file=sys.stderr)


def _progress(what: str, begun: float) -> None:
    print(f"[{time.monotonic() - begun:6.0f} s] {what}", file=sys.stderr, flush=True)


def _table(
    arguments: argparse.Namespace,
    rows: dict[tuple[str, str], Row],
    problems: list[tuple[str, Problem]],
    seconds: dict[str, float],
    total: float,
) -> str:
    lines = [
        "# Faults, and what survives them",
        "",
        f"Command: `python benchmarks/faults.py --only={arguments.only} "
        f"--scale={arguments.scale:g} --seed={arguments.seed}`, on "
        f"{platform.machine()}, {total / 60:.0f} minutes.",
        "",
        "| fault | tried on | tried | survived | failed | seconds | of a core |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (kind, on), row in rows.items():
        counts = row.tried, row.tried - row.failed, row.failed
        cells = [kind, on, *(f"{it:,.0f}" for it in (*counts, row.seconds, row.cpu))]
        lines.append(f"| {' | '.join(cells)} |")
    tried, failed = (sum(getattr(it, of) for it in rows.values()) for of in _TOTALS)
    times = ", ".join(f"{kind} {it:.0f} s" for kind, it in seconds.items())
    lines += ["", f"In all, {tried:,} tried, {failed:,} failed ({times})."]
    if problems:
        lines += ["", "## What failed", ""]
    causes: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
    for kind, problem in problems:
        cause = _without_names(problem.what)
        on = problem.case.split(":")[0]
        causes[kind, f"{on}: {_shorter(cause)}"].append(problem.case)
    for (kind, cause), cases in sorted(causes.items()):
        shown = ", ".join(f"`--only={kind} --case={case}`" for case in cases[:_SHOWN])
        more = f" and {len(cases) - _SHOWN} more" if len(cases) > _SHOWN else ""
        lines.append(f"- {cause} ({len(cases)}): {shown}{more}")
    return "\n".join(lines) + "\n"


_TOTALS = ("tried", "failed")


def _without_names(text: str) -> str:
    """What went wrong, without what is different each time."""
    text = re.sub(r"(side by side|left over|or of both):.*", r"\1", text)
    text = re.sub(r"(\w(?:Error|BadZipFile)): .*", r"\1", " ".join(text.split()))
    text = re.sub(r"\S*/faults\.[^/\s]+(/tmp\w+)*(/job)?", "FOLDER", text)
    return re.sub(r"\b0x[0-9a-f]+\b|\b[0-9a-f]{12,}\b|\d+", "N", text)


def _shorter(text: str) -> str:
    return text if len(text) < 200 else f"{text[:197]}..."


if __name__ == "__main__":
    main()
