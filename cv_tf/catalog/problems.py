"""What is wrong with a catalogue, all of it at once."""

from __future__ import annotations

from collections.abc import Sequence

Problem = tuple[int, str]  # The line, and what is wrong there.

_SHOWN = 20


class CatalogError(ValueError):
    """A catalogue that cannot be used, with every reason found."""


def raise_problems(name: str, problems: Sequence[Problem], advice: str = "") -> None:
    """Raises one error that lists the problems by line, if there are any.

    Args:
      name: Of the catalogue.
      problems: In any order; the first 20 lines are spelled out.
      advice: What to do about it.

    Raises:
      CatalogError: If there is a problem.
    """
    if not problems:
        return
    problems = sorted(problems)
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    text = [f"{name}: {count}."]
    unit = "line" if name.lower().endswith(".csv") else "row"
    text += [f"  {unit} {line}: {what}." for line, what in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        text.append(f"  ... and {len(problems) - _SHOWN} more.")
    raise CatalogError("\n".join([*text, advice] if advice else text))
