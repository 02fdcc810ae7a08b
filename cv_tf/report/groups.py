"""What was found in a catalogue, in a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cv_tf.grouping import Grouped

GUESSED = "guessed from the products themselves"
_SHOWN = 5


def summary_lines(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was found, as labels and numbers.

    Args:
      summary: As `python -m cv_tf.group` writes it.
    """
    lines = [
        ("products", f"{summary['num_products']:,}"),
        ("groups of two or more", f"{summary['num_groups']:,}"),
        ("products with variants", f"{summary['share_with_variants']:.1%}"),
        ("largest group", f"{summary['largest_group']:,}"),
        ("doubtful groups", f"{summary['num_doubtful_groups']:,}"),
        ("with two of one color", f"{summary['num_same_color_groups']:,}"),
        ("threshold", f"{summary['threshold']:.3f}"),
    ]
    if "expected" in summary:
        expected = summary["expected"]
        lines += [
            ("precision to expect", f"{expected['precision']:.3f}"),
            ("recall to expect", f"{expected['recall']:.3f}"),
        ]
    if "joined_groups" in summary:
        lines += [
            ("new products", f"{summary['num_new_products']:,}"),
            ("products gone", f"{summary['num_products_left']:,}"),
            ("former groups joined", f"{len(summary['joined_groups']):,}"),
        ]
    return lines


def format_summary(summary: Mapping[str, Any], grouped: Grouped) -> str:
    """Says what was found, and what to look at.

    Args:
      summary: As `python -m cv_tf.group` writes it.
      grouped: The groups.
    """
    lines = summary_lines(summary)
    left = max(len(label) for label, _ in lines)
    right = max(len(value) for _, value in lines)
    text = [f"{label.ljust(left)}  {value.rjust(right)}" for label, value in lines]
    if summary.get("threshold_source") == GUESSED:
        text.append(
            "The threshold is a guess from the products themselves. Set --threshold, "
            "or --calibrate it on labelled ones."
        )
    joined = [
        f"{kept} has taken in {', '.join(others)}"
        for kept, others in grouped.named.joined
    ]
    text += _some("Joined", joined)
    text += _some("Two of one color in", list(grouped.same_color))
    if summary["num_refused_merges"]:
        text.append(
            f"Warning: {summary['num_refused_merges']:,} merges were left out, because "
            "a group would have exceeded --max_group_size. Raise --threshold, or that."
        )
    return "\n".join(text)


def _some(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    more = f", and {len(items) - _SHOWN:,} more" if len(items) > _SHOWN else ""
    return [f"{title}: {', '.join(items[:_SHOWN])}{more}"]
