"""Questions to people, as a table to fill in, and their answers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from absl import logging

from cv_tf.answers import Said, Settled, read_said, settle, spell_contradiction
from cv_tf.catalog import write_table
from cv_tf.embeddings import Embeddings
from cv_tf.grouping.dendrograms import Dendrograms
from cv_tf.grouping.group_files import GroupsError
from cv_tf.grouping.linked import Answers, Linked, merges_of_pairs
from cv_tf.spelling import find_unmatched

# Questions are spread evenly over the levels of merges between these probabilities: an
# answer about what is certain says little.
_LEAST, _MOST = 0.02, 0.95
_MAX_SPELLED = 3  # Contradictions that a warning spells out.


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


def read_answers(paths: str | Sequence[str], embeddings: Embeddings) -> Answers:
    """Reads what people say of pairs of products, as far as it holds.

    Copies of a photo are one product. What a person says later of a pair replaces what
    that person said before, and the majority of people decides. Pairs with as many yes
    as no, and answers that contradict each other, count for nothing, and are named.

    Args:
      paths: One or several files: stores of answers (SQLite), and tables (CSV, Parquet
        or spreadsheet) with the columns `product_a`, `product_b` and `same`; see
        `cv_tf.answers.read_said`.
      embeddings: All products of the catalog.

    Raises:
      AnswersError: If a file cannot be used.
      GroupsError: If none of its products is there, or no answer holds.
    """
    paths = [paths] if isinstance(paths, str) else list(paths)
    row_of = embeddings.distinct_row_of
    return match_answers(
        read_said(*paths), row_of, " and ".join(paths), embeddings.name
    )


def match_answers(
    said: Sequence[Said], row_of: dict[str, int], source: str, where: str
) -> Answers:
    """Finds the rows of answered products, and what holds of them.

    Args:
      said: What people said of pairs of products, in the order of time.
      row_of: Row of each product; copies of a photo share one, the first one's.
      source: Where the answers come from, for messages.
      where: Where the products come from, for messages.

    Raises:
      GroupsError: If none of the products is there, or no answer holds.
    """
    told = _in_rows(said, row_of, source, where)
    settled = settle(told)
    holds = dict.fromkeys(settled.same, True) | dict.fromkeys(settled.different, False)
    mentioned = dict.fromkeys((min(it[:2]), max(it[:2])) for it in told)
    name_of = {row: product for product, row in reversed(row_of.items())}
    _say_what_does_not_hold(source, settled, len(mentioned), name_of)
    pairs = [pair for pair in mentioned if pair in holds]
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    return Answers(first, second, np.array([holds[pair] for pair in pairs], bool))


def _in_rows(
    said: Sequence[Said], row_of: dict[str, int], source: str, where: str
) -> list[tuple[int, int, bool, str]]:
    """What is said of two rows, and by whom; products that are not there are named."""
    products = list(dict.fromkeys(name for it in said for name in it[:2]))
    unmatched = find_unmatched(products, row_of)
    told = [
        (row_of[it.first], row_of[it.second], it.same, it.person)
        for it in said
        if it.first in row_of and it.second in row_of
    ]
    told = _without_copies(told, said, row_of, source, bool(unmatched.number))
    if not told:
        raise GroupsError(
            f"{source}: no pair of answered products is in {where}; ids are such as "
            f"{products[0]!r} and {next(iter(row_of), '')!r}. "
            f"{unmatched.hint or 'Answer questions about these products.'}"
        )
    if unmatched.number:
        text = (
            f"{unmatched.number:,} of {len(products):,} answered products are not in "
            f"{where}, such as {unmatched.example!r}, and are left out."
        )
        logging.warning("%s", unmatched.with_hint(text))
    return told


def _without_copies(
    told: list[tuple[int, int, bool, str]],
    said: Sequence[Said],
    row_of: dict[str, int],
    source: str,
    has_unknown: bool,
) -> list[tuple[int, int, bool, str]]:
    """What is told of two photos: products of one are together, whatever is said.

    Raises:
      GroupsError: If that is nothing, and there are no answers about unknown products.
    """
    kept = [it for it in told if it[0] != it[1]]
    if not kept and not has_unknown:
        raise GroupsError(
            f"{source}: all answers are about two products of one photo, such as "
            f"{said[0].first!r} and {said[0].second!r}, which are in one group "
            "whatever is said. Answer questions about two photos."
        )
    if refused := [it for it in told if it[0] == it[1] and not it[2]]:
        first, second = next(
            it[:2]
            for it in said
            if row_of.get(it.first, -1) == row_of.get(it.second, -2) and not it.same
        )
        logging.warning(
            "%s: %s of two products of one photo, such as %r and %r, are left out: "
            "such products are in one group. If they are no variants, give each its "
            "own photo, and embed anew.",
            source,
            "1 no" if len(refused) == 1 else f"{len(refused):,} noes",
            first,
            second,
        )
    return kept


def _say_what_does_not_hold(
    source: str, settled: Settled, num_pairs: int, name_of: Mapping[int, str]
) -> None:
    """Warns of disputed pairs and of contradictions.

    Raises:
      GroupsError: If nothing else is answered.
    """
    what = []
    if num_disputed := len(settled.disputed):
        first, second = map(name_of.__getitem__, settled.disputed[0])
        of = (
            "all" if num_disputed == num_pairs else f"{num_disputed:,} of {num_pairs:,}"
        )
        text = f"{of} pairs are answered both yes and no, such as {first} and {second}"
        what.append(text)
    if chains := settled.contradictions:
        spelled = [
            spell_contradiction(chain, name_of.__getitem__)
            for chain in chains[:_MAX_SPELLED]
        ]
        more = len(chains) - len(spelled)
        spelled += [f"and {more:,} more"] if more else []
        what.append(f"answers contradict each other: {'; '.join(spelled)}")
    if not settled.same and not settled.different:
        raise GroupsError(
            f"{source}: {'; '.join(what)}. Leave one answer for each pair, and none "
            "that contradicts others."
        )
    for text in what:
        logging.warning("%s: %s; they are left out.", source, text)
