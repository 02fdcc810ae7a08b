"""What is said of groups in numbers: `groups.summary.json`, and the same as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cv_tf.config import ConfigError
from cv_tf.errors import reading
from cv_tf.files import beside, is_remote, number_in, read_json
from cv_tf.grouping import Expected, Grouped, full_discount

GUESSED = "guessed from the products themselves"
_WHAT = "the summary of an earlier run"
_REMEDY = "Remove it to have the threshold found anew, or pass --threshold."
# Names listed in the summary, at most.
_SHOWN = 5


def summarize(
    grouped: Grouped,
    color: str,
    source: str,
    expected: Expected | None,
    model: str,
    has_previous: bool = False,
) -> dict[str, Any]:
    """The content of `groups.summary.json`.

    Args:
      grouped: The groups.
      color: The setting `--color`.
      source: Where the threshold comes from.
      expected: Figures to expect; None if nothing is grouped.
      model: Fingerprint of the Embedder that made the vectors.
      has_previous: Whether there was an earlier run.
    """
    linked = grouped.linked
    discount = full_discount(linked.model.color_weight)
    summary = grouped.summary() | {
        "threshold": grouped.threshold,
        "threshold_source": source,
        "color": color,
        "color_discount": discount if linked.similarity.knows_color else 0.0,
        "num_answers": linked.model.num_answers,
        "pair_model": linked.model.summary(),
        "model": model,
    }
    if expected is not None:
        summary["expected"] = expected.summary()
    if has_previous:
        summary |= {
            "num_new_products": grouped.num_new,
            "num_products_left": grouped.num_left,
            "joined_groups": [[kept, *others] for kept, others in grouped.named.joined],
        }
    return summary


def earlier_threshold(
    groups: str, color: str, model: str
) -> tuple[float, float] | None:
    """Threshold and discount for color of an earlier run; None if they say nothing.

    They stand in the summary beside its groups, and mean the same where the Embedder is
    the same, and this run does not ask for another discount.

    Args:
      groups: Path of the groups of that run.
      color: The setting `--color` of this run.
      model: Fingerprint of the Embedder that made the vectors.

    Raises:
      ConfigError: If the summary is damaged.
    """
    if is_remote(groups):
        return None
    path = beside(Path(groups), "summary.json")
    if not path.exists():
        return None
    with reading(path, _WHAT, _REMEDY, ConfigError):
        summary = read_json(path, _WHAT, _REMEDY, ConfigError)
        if "color_discount" not in summary or summary.get("model") != model:
            return None
        if color not in ("auto", summary.get("color")):
            return None
        # Vectors may be a little longer than 1, and so may be their similarity.
        threshold = number_in(summary, "threshold", -1.1, 2)
        return threshold, number_in(summary, "color_discount", 0, 2)


def threshold_beside(groups: str) -> float | None:
    """The threshold of the groups of a file; None if no summary beside it tells it.

    Raises:
      ConfigError: If the summary is damaged.
    """
    path = beside(Path(groups), "summary.json")
    if is_remote(groups) or not path.exists():
        return None
    with reading(path, _WHAT, _REMEDY, ConfigError):
        summary = read_json(path, _WHAT, _REMEDY, ConfigError)
        if summary.get("threshold") is None:  # It is one of another tool.
            return None
        return number_in(summary, "threshold", -1.1, 2)


def had_previous(groups: str) -> bool:
    """Whether groups went on from an earlier run, as the summary beside them says.

    Raises:
      UserError: If the summary is damaged.
    """
    path = beside(Path(groups), "summary.json")
    return "joined_groups" in read_json(path, _WHAT, _REMEDY, ConfigError)


def summary_lines(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The lines of a summary, `groups.summary.json`, as labels and numbers."""
    lines = [
        ("products", f"{summary['num_products']:,}"),
        *_copies(summary),
        ("groups of two or more", f"{summary['num_groups']:,}"),
        ("products with variants", f"{summary['share_with_variants']:.1%}"),
        ("largest group", f"{summary['largest_group']:,}"),
        *_states(summary, ("confirmed", "doubtful")),
        ("with two of one color", f"{summary['num_same_color_groups']:,}"),
        ("threshold", f"{summary['threshold']:.3f}"),
    ]
    for name in ("precision", "recall"):
        if "expected" in summary:
            of = summary["expected"][name]
            within = f"({of['low']:.2f} to {of['high']:.2f})"
            lines.append((f"{name} to expect", f"{of['estimate']:.2f} {within}"))
    if "joined_groups" in summary:
        lines += [
            *_states(summary, ("changed", "new", "unchanged")),
            ("new products", f"{summary['num_new_products']:,}"),
            ("products gone", f"{summary['num_products_left']:,}"),
            ("former groups joined", f"{len(summary['joined_groups']):,}"),
        ]
    return lines


def _states(summary: Mapping[str, Any], states: Sequence[str]) -> list[tuple[str, str]]:
    """Numbers of groups in some states, as summaries of this version tell them."""
    counts = {state: summary.get(f"num_{state}_groups") for state in states}
    if not counts.get("confirmed"):  # Nobody may have been asked.
        counts.pop("confirmed", None)
    return [
        (f"{state} groups", f"{count:,}")
        for state, count in counts.items()
        if count is not None
    ]


def _copies(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    # Summaries of earlier versions do not tell it.
    number = summary.get("num_copies", 0)
    return [("of them, copies of a photo", f"{number:,}")] if number else []


def format_summary(summary: Mapping[str, Any], grouped: Grouped) -> str:
    """The summary as text, with what is worth a look.

    Args:
      summary: Content of `groups.summary.json`.
      grouped: The groups.
    """
    lines = summary_lines(summary)
    left, right = (max(map(len, column)) for column in zip(*lines, strict=True))
    text = [f"{label.ljust(left)}  {value.rjust(right)}" for label, value in lines]
    text += _advice(summary)
    joined = grouped.named.joined
    text += _some("Joined", [f"{of} has taken in {', '.join(it)}" for of, it in joined])
    text += _some("Two of one color in", list(grouped.same_color))
    if summary["num_refused_merges"]:
        text.append(
            f"Warning: {summary['num_refused_merges']:,} merges were left out, because "
            "a group would have exceeded --max_group_size. Raise --threshold, or that."
        )
    return "\n".join(text)


def format_changes(counts: Mapping[str, int], path: Path, previous: str) -> str:
    """What `--changes` has written, in a sentence.

    Args:
      counts: Number of products by what has happened to them.
      path: The file of them.
      previous: The file of the groups of the earlier run.
    """
    if not any(counts.values()):
        return (
            f"All products are in the groups of '{previous}': '{path}' has no rows, "
            "as there are no changes."
        )
    words = [f"{number:,} {change}" for change, number in counts.items() if number]
    total = sum(counts.values())
    products = "1 product" if total == 1 else f"{total:,} products"
    verb = "differs" if total == 1 else "differ"
    return f"{products} {verb} from '{previous}': {', '.join(words)}; see '{path}'."


def _advice(summary: Mapping[str, Any]) -> list[str]:
    """What to do where the threshold is a guess."""
    if summary.get("threshold_source") != GUESSED:
        return []
    known = "The threshold is a guess from the products themselves"
    if "expected" in summary:
        of = summary["expected"]["precision"]
        known += (
            f", and the precision anywhere between {of['low']:.2f} and {of['high']:.2f}"
        )
    return [
        f"{known}. To know it, answer some questions: --ask=40 writes them, --answers "
        "takes them. Labelled products (--calibrate) do the same."
    ]


def _some(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    more = f", and {len(items) - _SHOWN:,} more" if len(items) > _SHOWN else ""
    return [f"{title}: {', '.join(items[:_SHOWN])}{more}"]
