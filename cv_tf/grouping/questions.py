"""Questions to people, as a table to fill in, and their answers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from absl import logging

from cv_tf.catalog import unit_of
from cv_tf.embeddings import Embeddings
from cv_tf.grouping.dendrograms import Dendrograms
from cv_tf.grouping.group_files import GroupsError, read_table_of, write_table
from cv_tf.grouping.linked import Answers, Linked, merges_of_pairs
from cv_tf.spelling import find_unmatched

# Questions are spread evenly over the levels of merges between these probabilities: an
# answer about what is certain says little.
_LEAST, _MOST = 0.02, 0.95
_YES = frozenset(("yes", "y", "1", "1.0", "true", "same", "t"))
_NO = frozenset(("no", "n", "0", "0.0", "false", "different", "f"))
_SKIPPED = frozenset(("", "?", "unsure", "skip"))


class Questions(NamedTuple):
    """Pairs of products to ask about, in an order that may be left off at any point.

    Attributes:
      first: [m] int64, row of a product, without copies.
      second: [m] int64, row of the other one.
      probability: [m] float64, probability that they are variants, as it is known.
    """

    first: np.ndarray
    second: np.ndarray
    probability: np.ndarray


def choose_questions(
    linked: Linked, number: int, answers: Answers | None = None, seed: int = 0
) -> Questions:
    """Chooses pairs of products whose answers tell most of threshold and figures.

    A threshold decides about merges, so each question is about one: a product of either
    of its groups, drawn at random. Merges are drawn evenly over their levels, from the
    nearly certain to the hardly possible, so that all of the curve of probability gets
    known: what is doubtful by a model that may be wrong is not enough. Of merges of one
    level, those of more pairs are drawn more often, as figures count pairs.

    Args:
      linked: The catalog.
      number: Number of questions; there are fewer if there are not so many merges.
      answers: What is answered already, and not asked again.
      seed: Seed of the draws.
    """
    dendrograms = linked.dendrograms
    evidence = dendrograms.known_evidence
    probability = linked.model.probability(evidence.cosine, evidence.color)
    wanted = np.isfinite(dendrograms.similarities)
    wanted &= (probability >= _LEAST) & (probability <= _MOST)
    if answers is not None and len(answers):
        known = merges_of_pairs(dendrograms, answers.first, answers.second)
        wanted[known[known >= 0]] = False
    merges = np.flatnonzero(wanted)
    random = np.random.default_rng(seed)
    num_pairs = evidence.num_pairs[merges]
    chosen = _spread(dendrograms.similarities[merges], num_pairs, number, random)
    merges = random.permutation(merges[chosen])
    pairs = [_pair(dendrograms, merge, random) for merge in merges.tolist()]
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    return Questions(first, second, probability[merges])


def _spread(
    levels: np.ndarray, num_pairs: np.ndarray, number: int, random: np.random.Generator
) -> np.ndarray:
    """Places of so many of the merges, drawn evenly over their levels, [m] int64."""
    if len(levels) <= number:
        return np.arange(len(levels))
    free = np.ones(len(levels), bool)
    edges = np.linspace(levels.max(), levels.min(), number + 1)
    chosen = []
    for high, low in itertools.pairwise(edges.tolist()):
        inside = np.flatnonzero(free & (levels <= high) & (levels >= low))
        if not len(inside):  # The nearest that is left stands for an empty range.
            left = np.flatnonzero(free)
            inside = left[[np.abs(levels[left] - (high + low) / 2).argmin()]]
        share = num_pairs[inside] / num_pairs[inside].sum()
        chosen.append(int(random.choice(inside, p=share)))
        free[chosen[-1]] = False
    return np.array(chosen)


def _pair(
    dendrograms: Dendrograms, merge: int, random: np.random.Generator
) -> tuple[int, int]:
    """A product of each of the two groups that a merge brings together."""
    before = dendrograms.merges[:merge]

    def members(group: int) -> list[int]:
        found = [group]
        for row in found:
            taken = np.flatnonzero(before[:, 0] == row)
            found += before[taken, 1].tolist()
        return found

    first, second = dendrograms.merges[merge].tolist()
    return int(random.choice(members(first))), int(random.choice(members(second)))


def write_questions(path: Path, questions: Questions, embeddings: Embeddings) -> None:
    """Writes a table with a row a question and an empty column `same` to fill in.

    Args:
      path: CSV or Parquet file, which appears whole.
      questions: The questions.
      embeddings: All products, those with copies among them.
    """
    distinct = embeddings.distinct
    rows = {"a": questions.first, "b": questions.second}
    text = {f"product_{side}": distinct.product_id[of] for side, of in rows.items()}
    text["same"] = np.full(len(questions.first), "", object)
    text |= {f"image_{side}": distinct.image[of] for side, of in rows.items()}
    table = pa.table({name: pa.array(of, pa.string()) for name, of in text.items()})
    write_table(path, table)


def holds_answers(path: Path) -> bool:
    """Whether a file of questions has answers, which nobody wants to lose."""
    try:
        words = read_table_of(str(path), {"same": ""}, ids=()).cells["same"]
    except GroupsError:  # It is no file of questions.
        return False
    return any(word.strip().lower() not in _SKIPPED for word in words)


def read_answers(path: str, embeddings: Embeddings) -> Answers:
    """Reads answers from the columns `product_a`, `product_b` and `same`.

    `same` is yes or no (or y, n, 1, 0, true, false); rows where it is empty are open
    questions. Copies of a photo are one product. Pairs that are answered both ways
    count for nothing, and are named.

    Args:
      path: CSV or Parquet file, or spreadsheet.
      embeddings: All products of the catalog.

    Raises:
      GroupsError: If the file cannot be used, or none of its products is there.
    """
    needed = {
        "product_a": "a question is about two products",
        "product_b": "a question is about two products",
        "same": "yes or no, whether they are color variants",
    }
    table = read_table_of(path, needed, ids=("product_a", "product_b"))
    unit, told = unit_of(path), []
    columns = (table.cells[name] for name in needed)
    for line, first, second, same in zip(table.lines, *columns, strict=True):
        word = same.strip().lower()
        if word in _SKIPPED:
            continue
        if word not in _YES | _NO:
            raise GroupsError(
                f"{path}: {unit} {line} has same = {same!r}; expected yes or no, or "
                "nothing where nobody has answered."
            )
        if not first or not second or first == second:
            raise GroupsError(
                f"{path}: {unit} {line} is about {first!r} and {second!r}; expected "
                "two products."
            )
        told.append((first, second, word in _YES))
    if not told:
        raise GroupsError(
            f"{path} has no answers: the column 'same' is empty. Fill in yes or no."
        )
    return _match_answers(path, told, embeddings)


def _match_answers(
    path: str, told: Sequence[tuple[str, str, bool]], embeddings: Embeddings
) -> Answers:
    """The answers, each pair of photos once; products that are not there are named."""
    place = embeddings.copies.place
    row_of = dict(zip(embeddings.product_id.tolist(), place.tolist(), strict=True))
    products = list(dict.fromkeys(name for *pair, _ in told for name in pair))
    unmatched = find_unmatched(products, row_of)
    said: dict[tuple[int, int], set[bool]] = {}
    for *pair, same in told:
        if all(name in row_of for name in pair):
            low, high = sorted(row_of[name] for name in pair)
            # Two products of one photo are one product, whatever is said of them.
            if low != high:
                said.setdefault((low, high), set()).add(same)
    if not said and not unmatched.number:
        raise GroupsError(
            f"{path}: all answers are about two products of one photo, such as "
            f"{told[0][0]!r} and {told[0][1]!r}, which are in one group whatever is "
            "said. Answer questions about two photos."
        )
    if not said:
        raise GroupsError(
            f"{path}: no pair of answered products is in {embeddings.name}; ids are "
            f"such as {products[0]!r} and {embeddings.product_id[0]!r}. "
            f"{unmatched.hint or 'Answer questions about these products.'}"
        )
    if unmatched.number:
        text = (
            f"{unmatched.number:,} of {len(products):,} answered products are not in "
            f"{embeddings.name}, such as {unmatched.example!r}, and are left out."
        )
        logging.warning("%s", unmatched.with_hint(text))
    return _without_contradictions(path, said, embeddings.distinct.product_id)


def _without_contradictions(
    path: str, said: Mapping[tuple[int, int], set[bool]], product_id: np.ndarray
) -> Answers:
    """The pairs that are answered one way; the others are warned of."""
    clear = [(*pair, True in of) for pair, of in said.items() if len(of) == 1]
    if len(clear) < len(said):
        pair = next(pair for pair, of in said.items() if len(of) > 1)
        first, second = product_id[list(pair)]
        what = f"answered both yes and no, such as {first} and {second}"
        if not clear:
            raise GroupsError(
                f"{path}: all pairs are {what}. Leave one answer for each pair."
            )
        num_unclear = len(said) - len(clear)
        logging.warning(
            "%s: %d of %d pairs are %s, and are left out.",
            *(path, num_unclear, len(said), what),
        )
    first, second, same = map(np.array, zip(*clear, strict=True))
    return Answers(first.astype(np.int64), second.astype(np.int64), same.astype(bool))
