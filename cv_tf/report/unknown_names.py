"""What to say of names that are not there: which ones are spelled like them."""

from __future__ import annotations

import bisect
import difflib
from collections.abc import Collection, Sequence

_SHOWN = 5
_MOST = 3  # Suggestions for a name.
# Names that are compared with a wanted one, on each side of where it would stand.
_COMPARED = 1000
_SIMILAR = 0.7  # Of 1, as difflib counts; below, ids of digits are like any others.


def say_unknown(
    where: str, what: str, unknown: Sequence[str], known: Collection[str]
) -> str:
    """Says which names are not there, and what there is that is spelled like them.

    Args:
      where: Name of the file that was looked in.
      what: What the names are of, such as "product".
      unknown: At least one; the first five are spelled out.
      known: What there is, at least one.
    """
    lines = []
    for name, similar in similar_names(unknown[:_SHOWN], known).items():
        hint = f"Did you mean {' or '.join(map(repr, similar))}?"
        if not similar:
            hint = f"Names there look like {next(iter(known))!r}."
        lines.append(f"{where} has no {what} {name!r}. {hint}")
    if len(unknown) > _SHOWN:
        lines.append(f"{len(unknown) - _SHOWN} more are not there.")
    return "\n".join(lines)


def similar_names(
    unknown: Sequence[str], known: Collection[str]
) -> dict[str, list[str]]:
    """Finds up to three names that are spelled like each of others.

    Comparing with a million would take minutes, so only those are compared that agree
    with a name the longest, from the first letter on or from the last letter back.

    Args:
      unknown: What was asked for.
      known: What there is. Small and capital letters count as the same, and leading
        zeros for nothing.

    Returns:
      For each of `unknown` the known names, the most similar first.
    """
    folded = {name.casefold(): name for name in known}
    forwards = sorted(folded)
    backwards = sorted(name[::-1] for name in folded)
    similar = {}
    for name in unknown:
        wanted = name.casefold()
        compared = {*_around(wanted, forwards)}
        compared |= {other[::-1] for other in _around(wanted[::-1], backwards)}
        # In order, so that those that are equally similar always come out the same.
        ordered = sorted(compared)
        # Spreadsheets take leading zeros away.
        bare = wanted.lstrip("0")
        near = [other for other in ordered if other.lstrip("0") == bare]
        near += difflib.get_close_matches(wanted, ordered, _MOST, _SIMILAR)
        similar[name] = [folded[other] for other in dict.fromkeys(near)][:_MOST]
    return similar


def _around(wanted: str, ordered: Sequence[str]) -> Sequence[str]:
    place = bisect.bisect_left(ordered, wanted)
    return ordered[max(place - _COMPARED, 0) : place + _COMPARED]
