"""The results of shops.py as Markdown: tables, and which goals are reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

Result = dict[str, Any]

RETRIEVAL = {
    "recall_at_1_off": "R@1",
    "recall_at_1_auto": "R@1, color",
    "recall_at_1_gain": "gain",
    "map_at_r_off": "mAP@R",
    "map_at_r_auto": "mAP@R, color",
    "map_at_r_gain": "gain",
}
BEST = {
    "best_f1_off": "without color",
    "best_f1_auto": "usual color",
    "best_f1_60": "color of 60 answers",
    "best_f1_labels": "color of all labels",
    "best_f1_auto_gain": "gain of usual color",
    "best_f1_60_gain": "of 60 answers'",
    "best_f1_labels_gain": "of labels'",
}
FOUND = {
    "f1_off": "nothing, no color",
    "f1_0": "nothing",
    "f1_hint": "hint",
    "f1_30": "30 answers",
    "f1_60": "60 answers",
    "f1_200": "200 answers",
    "f1_0_short": "nothing, short of the best by",
    "f1_hint_short": "hint, short by",
    "f1_60_short": "60 answers, short by",
}
KNOWN = {"0": "nothing", "hint": "hint", "30": "30", "60": "60", "200": "200"}
# Least gains of a default over switching it off, most that F1 may fall short of the
# best threshold's, and shares that are to be reached.
LEAST_GAIN = -0.01
MOST_SHORT = {"60": 0.03, "0": 0.05}
NOWHERE_SHORT = 0.15
COVERED = 0.9
KEPT = 0.9
PASSED = {True: "pass", False: "**fail**", None: "no goal"}


class Goal(NamedTuple):
    """One goal: what it asks for, whether it is reached, and the figures.

    What is reported only, and no goal, is neither reached nor missed: None.
    """

    text: str
    passed: bool | None
    figures: str


def report(results: Sequence[Result], head: str) -> str:
    """The whole page."""
    ways = list(dict.fromkeys(result["vectors"] for result in results))
    draws = max(result.get("draws", 0) for result in results)
    text = [
        "# Search and groups of several shops",
        head,
        "± is half of the width of the 95% interval (bootstrap over styles); gains are "
        "paired. Retrieval is in block. A hint says how many products have a variant: "
        f"few, some or most. F1 of answers are means over {draws} draws of questions.",
        "## Retrieval",
    ]
    for way in ways:
        text += [f"### {way}", table(select(results, way), RETRIEVAL)]
    text.append("## F1 of the best threshold")
    for way in ways:
        text += [f"### {way}", table(select(results, way), BEST)]
    text.append("## F1 of the threshold that is chosen")
    for way in ways:
        text += [f"### {way}", table(select(results, way), FOUND)]
    text.append("## Estimated and true precision and recall")
    text.append(
        "Mean estimate / mean truth; the share of draws whose 90% interval holds the "
        "truth; the mean width of the interval."
    )
    for way in ways:
        text += [f"### {way}", estimates(select(results, way))]
    text.append("## What is worth more: adapted, or trained")
    text.append(compared(results, ways))
    text.append("## Goals")
    text += goal_lines(results, ways)
    return "\n\n".join(text) + "\n"


def select(results: Iterable[Result], way: str) -> list[Result]:
    """The results of one kind of vectors."""
    return [result for result in results if result["vectors"] == way]


def table(results: Sequence[Result], columns: dict[str, str]) -> str:
    """A row a set, with the columns that any of them has."""
    columns = {key: of for key, of in columns.items() if any(key in r for r in results)}
    lines = [
        f"| set | products | {' | '.join(columns.values())} |",
        "| --- |" + " ---: |" * (len(columns) + 1),
    ]
    for result in results:
        cells = [spell(result.get(key), "gain" in key) for key in columns]
        head = f"| {result['set']} | {result['num_products']:,} "
        lines.append(f"{head}| {' | '.join(cells)} |")
    return "\n".join(lines)


def spell(figure: dict[str, float] | None, signed: bool = False) -> str:
    """A figure and half of the width of its interval."""
    if figure is None:
        return "-"
    value = f"{figure['value']:{'+' if signed else ''}.3f}"
    return f"{value} ±{(figure['high'] - figure['low']) / 2:.3f}"


def estimates(results: Sequence[Result]) -> str:
    """Precision and recall, estimated and true, by what is known."""
    head = "| set | known | precision | held | width | recall | held | width |"
    lines = [head, "| --- | --- |" + " ---: |" * 6]
    for result in results:
        for number, name in KNOWN.items():
            of = result["estimated"].get(number)
            if of is None:
                continue
            cells = []
            for figure in (of["precision"], of["recall"]):
                if figure["draws"]:
                    cells.append(f"{figure['expected']:.3f} / {figure['true']:.3f}")
                    cells += [f"{figure['held']:.2f}", f"{figure['width']:.2f}"]
                else:
                    cells += ["-"] * 3
            title = result["set"] if number == "0" else ""
            lines.append(f"| {title} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def compared(results: Sequence[Result], ways: Sequence[str]) -> str:
    """R@1, mAP@R and best F1 with color, a column for each kind of vectors."""
    lines = [f"| set | {' | '.join(ways)} |", "| --- |" + " ---: |" * len(ways)]
    names = ("recall_at_1_auto", "map_at_r_auto", "best_f1_auto")
    for place in dict.fromkeys(result["set"] for result in results):
        of = {r["vectors"]: r for r in results if r["set"] == place}
        cells = [
            " / ".join(f"{of[way][name]['value']:.3f}" for name in names)
            if way in of
            else "-"
            for way in ways
        ]
        lines.append(f"| {place} | {' | '.join(cells)} |")
    return "R@1 / mAP@R / best F1, with color:\n\n" + "\n".join(lines)


def goal_lines(results: Sequence[Result], ways: Sequence[str]) -> Iterator[str]:
    """The goals for each kind of vectors with answers, then for the others."""
    for way in ways:
        lines = [f"### {way}", ""]
        lines += [
            f"- {PASSED[goal.passed]}: {goal.text}. {goal.figures}."
            for goal in goals(select(results, way))
        ]
        yield "\n".join(lines)


def goals(results: Sequence[Result]) -> Iterator[Goal]:
    """Which goals the results of one kind of vectors reach."""
    names = {
        "recall_at_1_gain": "R@1",
        "map_at_r_gain": "mAP@R",
        "best_f1_auto_gain": "the best F1",
        "best_f1_60_gain": "the best F1, learned from 60 answers",
    }
    for key, name in names.items():
        values = of_sets(
            results, lambda r, key=key: r[key]["value"] if key in r else None
        )
        if values:
            text = f"color takes no more than {-LEAST_GAIN} of {name} on any set"
            yield Goal(text, min(values.values()) >= LEAST_GAIN, lowest(values))
    yield from shortfalls(results)
    yield from covered(results)
    yield from kept(results)


def shortfalls(results: Sequence[Result]) -> Iterator[Goal]:
    """How far F1 is from that of the best threshold."""
    short = of_sets(
        results, lambda r: r["f1_60_short"]["value"] if "f1_60_short" in r else None
    )
    if short:
        text = (
            f"F1 with 60 answers is within {MOST_SHORT['60']} of the best threshold's"
        )
        yield Goal(text, max(short.values()) <= MOST_SHORT["60"], highest(short))
    short = of_sets(results, lambda r: r["f1_0_short"]["value"])
    beyond = sum(value > MOST_SHORT["0"] for value in short.values())
    text = (
        f"with nothing it is within {MOST_SHORT['0']} on every set but one, and "
        f"nowhere off by more than {NOWHERE_SHORT}"
    )
    passed = beyond <= 1 and max(short.values()) <= NOWHERE_SHORT
    yield Goal(text, passed, highest(short))


def covered(results: Sequence[Result]) -> Iterator[Goal]:
    """How often the interval of precision, and of recall, holds the truth."""
    for number, name in KNOWN.items():
        for figure in ("precision", "recall"):
            held = of_sets(
                results,
                lambda r, n=number, f=figure: (
                    r["estimated"].get(n, {}).get(f, {}).get("held")
                ),
            )
            if not held:
                continue
            mean = float(np.mean([*held.values()]))
            known = f"{name} answers" if name.isdigit() else name
            text = f"{figure}'s 90% interval holds the truth in nine of ten ({known})"
            passed = mean >= COVERED if figure == "precision" else None
            yield Goal(text, passed, f"{mean:.3f} of all; {lowest(held)}")


def kept(results: Sequence[Result]) -> Iterator[Goal]:
    """What 60 answers keep of the gain of color, where it is strong."""
    for result in results:
        if not result["set"].startswith("hm_dev") or "best_f1_60_gain" not in result:
            continue
        all_gain = result["best_f1_labels_gain"]["value"]
        share = result["best_f1_60_gain"]["value"] / all_gain
        usual = result["best_f1_auto_gain"]["value"] / all_gain
        text = f"60 answers keep {KEPT} of the gain of color on {result['set']}"
        figures = f"{share:.2f} of {all_gain:+.3f}; the usual color {usual:.2f}"
        yield Goal(text, share >= KEPT, figures)


def of_sets(
    results: Sequence[Result], figure: Callable[[Result], float | None]
) -> dict[str, float]:
    """A figure of each set that has it."""
    found = {result["set"]: figure(result) for result in results}
    return {name: value for name, value in found.items() if value is not None}


def lowest(values: dict[str, float]) -> str:
    """The three lowest of some sets' values."""
    return _some(sorted(values.items(), key=lambda item: item[1]))


def highest(values: dict[str, float]) -> str:
    """The three highest of some sets' values."""
    return _some(sorted(values.items(), key=lambda item: -item[1]))


def _some(items: list[tuple[str, float]]) -> str:
    return "; ".join(f"{name} {value:.3f}" for name, value in items[:3])
