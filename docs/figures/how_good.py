"""Draws the bars of the README, for light and for dark pages.

    python -m docs.figures.how_good

Reads benchmarks/results/how_good.json, which names the bars and, as write_figures.py
does, where each is stored. Writes how_good_light.svg and how_good_dark.svg beside this
file.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.write_figures import stored

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "benchmarks" / "results" / "how_good.json"
WIDTH, HEAD, ROW, FOOT = 760, 34, 34, 26
LEFT, SCALE = 236, 340  # Where bars begin, and the length of a value of 1.


class Colors(NamedTuple):
    """What a picture is drawn in; its background is transparent."""

    text: str
    faint: str
    bar: str
    interval: str


COLORS = {
    "light": Colors("#1f2328", "#59636e", "#3f9c84", "#0f3d32"),
    "dark": Colors("#e6edf3", "#9198a1", "#3f9c84", "#d2f4e8"),
}


def draw(results: dict[str, Any], colors: Colors) -> str:
    """A picture of one bar a row, as SVG."""
    rows = results["rows"]
    height = HEAD + ROW * len(rows) + FOOT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" '
        'font-family="system-ui, -apple-system, Segoe UI, sans-serif" font-size="14">',
        f"<title>{escape(_in_words(results))}</title>",
        _text(0, 18, results["title"], colors.text, weight=600),
    ]
    for number, row in enumerate(rows):
        lines += _bar(row, HEAD + ROW * number, colors)
    lines += [_text(0, height - 8, results["photos"], colors.faint), "</svg>", ""]
    return "\n".join(lines)


def with_values(results: dict[str, Any]) -> dict[str, Any]:
    """The results with the value of each bar, and its interval as `low` and `high`."""
    rows = []
    for row in results["rows"]:
        figures = stored(f"{row['from']} > {{value|low|high}}")
        value, low, high = (figure.value for figure in figures if figure)
        rows.append({"name": row["name"], "value": value, "low": low, "high": high})
    return {**results, "rows": rows}


def _bar(row: dict[str, Any], top: int, colors: Colors) -> list[str]:
    end, middle = LEFT + SCALE * row["value"], top + ROW // 2
    lines = [
        _text(0, middle + 5, row["name"], colors.text),
        f'<rect x="{LEFT}" y="{top + 6}" width="{end - LEFT:.1f}" '
        f'height="{ROW - 12}" rx="2" fill="{colors.bar}"/>',
    ]
    said = f"{row['value']:.3f}"
    if row["low"] is not None:
        low, high = (LEFT + SCALE * row[name] for name in ("low", "high"))
        ends = "".join(f" M{x:.1f} {middle - 5} v10" for x in (low, high))
        lines.append(
            f'<path d="M{low:.1f} {middle} H{high:.1f}{ends}" fill="none" '
            f'stroke="{colors.interval}" stroke-width="2"/>'
        )
        said = f"{said} ({row['low']:.3f} to {row['high']:.3f})"
        end = max(end, high)
    return [*lines, _text(end + 10, middle + 5, said, colors.text)]


def _text(x: float, y: float, text: str, color: str, weight: int = 400) -> str:
    return (
        f'<text x="{x:.1f}" y="{y}" fill="{color}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )


def _in_words(results: dict[str, Any]) -> str:
    rows = (f"{row['name']} {row['value']:.3f}" for row in results["rows"])
    return f"{results['title']}: {', '.join(rows)}"


def main() -> None:
    """Writes both pictures."""
    results = with_values(json.loads(RESULTS.read_text(encoding="utf-8")))
    for name, colors in COLORS.items():
        path = HERE / f"how_good_{name}.svg"
        path.write_text(draw(results, colors), encoding="utf-8")


if __name__ == "__main__":
    main()
