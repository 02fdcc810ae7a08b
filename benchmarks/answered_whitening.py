"""Whitening by answers: what `embed --adapt --answers` is worth.

    python benchmarks/answered_whitening.py --data data --cache_dir vectors

Vectors are those of the untrained network by parts (224 pixels), whitened by the photos
of the catalogue itself, without labels and by answers. Somebody who knows the styles
answers questions about groups: which products of a group, and of its six nearest
outside, are one design? Questions are drawn from the three times as many groups that
are most like what is outside of them. Writes
benchmarks/results/answered_whitening.md and .json.
"""

from __future__ import annotations

import argparse
import dataclasses
import platform
from pathlib import Path

import numpy as np
from labelled import Products, search, whitened
from shop_vectors import Vectors
from stored_tables import write_results

from cv_tf.answers import Answer, said_of, settle
from cv_tf.config import Config
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Answers, find_neighbors, group
from cv_tf.metrics import Resampling, Score, mean_of
from cv_tf.training.answered_styles import styles_of
from cv_tf.training.fit_whitening import GROUPING, whiten

RESULTS = Path(__file__).parent / "results" / "answered_whitening.md"
SHOPS = ("hm_print", "myntra_dev", "hm_random")
NUM_QUESTIONS = (20, 60, 200)
SEEDS = (0, 1, 2)
NUM_OUTSIDE = 6
WRONG = 0.05  # Share of products that somebody who errs puts where they do not belong.
_BY_ANSWERS = Config(answers=("simulated",))
_HEAD = (
    "| questions | errors | yes / no | mAP@R, all | of answered designs | of others |",
    "| ---: | ---: | ---: | ---: | ---: | ---: |",
)


def main() -> None:
    """Measures every catalogue and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache_dir", type=Path, required=True)
    parser.add_argument("--shops", nargs="+", default=SHOPS)
    arguments = parser.parse_args()
    vectors = Vectors(arguments.data, Path(), arguments.cache_dir)
    text = [
        "# What answers are worth to whitening",
        "",
        f"`python benchmarks/answered_whitening.py` on {platform.machine()}, Python "
        f"{platform.python_version()}. The untrained network, whitened by the photos "
        "that are searched, as `python -m cv_tf.embed --adapt` does. mAP@R in block by "
        "the vectors alone: gains of whitening by answers to questions about groups, "
        "means of three draws of questions, with 95% intervals (bootstrap over "
        "styles). Answered designs have a product that was asked about.",
    ]
    for shop in arguments.shops:
        size = 224
        text += [*_table(shop, vectors.products("untrained", shop, size))]
        write_results(RESULTS, "\n".join([*text, ""]))
        print("\n".join(text), flush=True)


def _table(shop: str, products: Products) -> list[str]:
    described = products.described
    styles = described.known_style
    resampling = Resampling(styles)
    plain = whitened(described, _whitening(products, None, Config()))
    before = search(plain)
    labelled = search(whitened(described, _whitening(products, styles, _BY_ANSWERS)))
    level = resampling.of_queries(before.precision, before.styles)
    best = resampling.of_queries(labelled.precision - before.precision, before.styles)
    rows = []
    for wrong in (0.0, WRONG):
        for number in NUM_QUESTIONS:
            gains, counts = [], []
            for seed in SEEDS:
                answers = ask(plain, styles, number, seed, wrong)
                known = styles_of(np.full(len(styles), -1), answers)
                after = search(
                    whitened(described, _whitening(products, known, _BY_ANSWERS))
                )
                rows_asked = np.unique([answers.first, answers.second])
                asked = np.isin(before.styles, styles[rows_asked])
                gain = after.precision - before.precision
                parts = (np.ones(len(gain), bool), asked, ~asked)
                gains.append(
                    [
                        resampling.of_queries(gain[part], before.styles[part])
                        for part in parts
                    ]
                )
                counts.append([answers.same.sum(), (~answers.same).sum()])
            yes, no = np.mean(counts, axis=0)
            cells = [_spell(mean_of(list(of))) for of in zip(*gains, strict=True)]
            head = f"| {number} | {wrong:.0%} | {yes:.0f} / {no:.0f} |"
            rows.append(f"{head} {' | '.join(cells)} |")
            print(rows[-1], flush=True)
    title = f"## {shop}: {level.value:.3f} without answers"
    return ["", title, "", *_HEAD, *rows, f"| every label | | | {_spell(best)} | | |"]


def _spell(score: Score) -> str:
    of = score.summary()
    return f"{of['value']:+.3f} ({of['low']:+.3f} to {of['high']:+.3f})"


def _whitening(products: Products, styles: np.ndarray | None, config: Config):
    if styles is None:
        styles = np.full(len(products.catalog), -1)
    described = dataclasses.replace(products.described, style=styles)
    return whiten(products.embedder, described, config).whitening


def ask(
    embeddings: Embeddings, styles: np.ndarray, number: int, seed: int, wrong: float
) -> Answers:
    """Answers to questions about groups, from somebody who knows the styles.

    Args:
      embeddings: The products, as they are grouped.
      styles: [n] int, true styles.
      number: Number of questions.
      seed: Seed of the draws.
      wrong: Share of the products that are put where they do not belong.
    """
    random = np.random.default_rng(seed)
    neighbors = find_neighbors(embeddings, GROUPING)
    groups = group(embeddings, neighbors=neighbors)
    rows = embeddings.copies.rows
    outside: dict[int, dict[int, float]] = {}
    for row, near, similarities in zip(
        rows.tolist(), neighbors.indices, neighbors.similarities, strict=True
    ):
        of = outside.setdefault(int(groups[row]), {})
        for place, similarity in zip(near, similarities.tolist(), strict=True):
            other = int(rows[place])
            if place >= 0 and groups[other] != groups[row]:
                of[other] = max(of.get(other, -1.0), similarity)
    doubtful = sorted(
        (it for it in outside if outside[it]), key=lambda it: -max(outside[it].values())
    )
    drawn = random.permutation(len(doubtful[: 3 * number]))[:number]
    answers = []
    for which in drawn:
        near = outside[doubtful[which]]
        shown = np.flatnonzero(groups == doubtful[which]).tolist()
        beside = sorted(near, key=lambda it: -near[it])[:NUM_OUTSIDE]
        designs = styles[shown + beside].copy()
        errs = random.random(len(designs)) < wrong
        designs[errs] = random.permutation(designs)[errs]
        answers.append(_answer(shown, beside, designs))
    told = ((int(it.first), int(it.second), it.same, "") for it in said_of(answers))
    settled = settle(told)
    pairs = np.array([*settled.same, *settled.different])
    same = np.arange(len(pairs)) < len(settled.same)
    return Answers(pairs[:, 0], pairs[:, 1], same)


def _answer(shown: list[int], beside: list[int], designs: np.ndarray) -> Answer:
    """The answer of somebody who takes products for these designs."""
    inside = designs[: len(shown)].tolist()
    numbers = {design: number for number, design in enumerate(dict.fromkeys(inside))}
    sets = tuple(numbers.get(design, -1) for design in designs.tolist())
    ids = [[str(row) for row in of] for of in (shown, beside)]
    return Answer("group", tuple(ids[0]), tuple(ids[1]), sets)


if __name__ == "__main__":
    main()
