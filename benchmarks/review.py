"""How far answers of people go: F1 against their number, and the seconds they take.

    python benchmarks/review.py --data=shared/data --cache_dir=DIR [--sets=hm_dev,...]

People are simulated: they know the true styles, or err in one of twenty answers. They
answer what `cv_tf.reviewing.Review` asks, or one of its rivals: random near pairs, the
most doubtful pairs, and labels of products for a threshold. Vectors are those of the
untrained network, whitened on the products themselves; no label is known at the start.
Writes benchmarks/results/review.json, review.md and docs/review_f1.png.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from labelled import describe, f1_score, pairs_of, whitened, whitening_of

from cv_tf.answers import Answer, AnswerStore
from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import (
    Answers,
    Linked,
    calibrate_on,
    find_neighbors,
    group,
    link_by_model,
)
from cv_tf.metrics import Resampling, Score, mean_of
from cv_tf.reviewing import Question, Review

mpl.use("Agg")
RESULTS = Path(__file__).parent / "results"
PICTURE = Path(__file__).parents[1] / "docs" / "review_f1.png"
SETS = ("hm_dev", "hm_print", "myntra_dev", "hm_random")
NUMBERS = (0, 25, 50, 100, 200, 300, 500, 700, 1000)
SEEDS = (0, 1, 2)
# What an answer takes: for the question, for each photo, and for each click.
SECONDS, A_PHOTO, A_CLICK = 1.5, 0.35, 0.7
ERRS = 0.05
# Rivals choose so many pairs at a time.
AT_ONCE = 50


class At(NamedTuple):
    """What is reached by some answers.

    Attributes:
      seconds: What they took, by the model above.
      f1: Pairwise F1 of all products, with resamplings of styles.
      precision: Pairwise precision.
      recall: Pairwise recall of pairs within blocks.
      expected: Intervals of precision and recall as they are shown; None for rivals.
      left: Questions that are left to ask.
    """

    seconds: float
    f1: Score
    precision: float
    recall: float
    expected: tuple[tuple[float, float], tuple[float, float]] | None = None
    left: int | None = None


class Truth:
    """The true styles of products without copies, and figures of groups by them."""

    def __init__(self, products: Embeddings):
        styles = products.known_style
        unknown = styles < 0
        self.styles = styles.copy()
        self.styles[unknown] = styles.max() + 1 + np.arange(unknown.sum())
        self._resampling = Resampling(self.styles)
        # Pairs of two blocks are never compared, so that no group can hold them.
        self._in_block = np.unique(
            np.stack([self.styles, products.block]), axis=1, return_inverse=True
        )[1]
        self._style = dict(zip(products.product_id, self.styles.tolist(), strict=True))

    def at(self, groups: np.ndarray, seconds: float, **more: Any) -> At:
        """The figures of groups, [n] int."""
        pairs = pairs_of(self.styles, groups)
        right, grouped, _ = (of.sum() for of in pairs)
        possible = pairs_of(self._in_block, groups).true.sum()
        score = f1_score(self._resampling, pairs)
        return At(seconds, score, right / max(grouped, 1), right / possible, **more)

    def sets(self, question: Question) -> list[int]:
        """The right answer to a question, as a person would give it."""
        shown = [self._style[name] for name in question.inside + question.outside]
        inside = shown[: len(question.inside)]
        number = {max(inside, key=inside.count): 0}
        for style in inside:
            if shown.count(style) > 1:
                number.setdefault(style, len(number))
        return [number.get(style, -1) for style in shown]


Reached = dict[int, At]


def by_review(products: Embeddings, truth: Truth, seed: int, errs: float) -> Reached:
    """Answers what `Review` asks."""
    random = np.random.default_rng(seed)
    reached, seconds = {}, 0.0
    with tempfile.TemporaryDirectory() as folder:
        store = AnswerStore(Path(folder) / "answers.sqlite")
        review = Review(products, store, seed=seed)
        for number in range(max(NUMBERS) + 1):
            if number in NUMBERS:
                quality = review.quality()
                ends = quality and tuple((it.low, it.high) for it in quality)
                left = review.progress("")["left"]
                reached[number] = truth.at(
                    review.groups, seconds, expected=ends, left=left
                )
            question = review.ask("")
            if question is None:
                break
            sets = truth.sets(question)
            if random.random() < errs:
                wrong = random.integers(1, len(sets))
                sets[wrong] = -1 if sets[wrong] == 0 else 0
            clicks = sum(a != b for a, b in zip(sets, question.sets, strict=True))
            seconds += SECONDS + A_PHOTO * len(sets) + A_CLICK * clicks
            shown = question.kind, question.inside, question.outside
            review.say(Answer(*shown, tuple(sets), stratum=question.stratum))
        store.close()
    last = max(reached)
    return reached | {it: reached[last] for it in NUMBERS if it > last}


def by_pairs(
    choose: Callable[[Linked, np.ndarray, np.random.Generator], np.ndarray],
    products: Embeddings,
    truth: Truth,
    seed: int,
) -> Reached:
    """Answers pairs, which join, part and teach as all answers do."""
    random = np.random.default_rng(seed)
    settings = GroupingSettings()
    neighbors = find_neighbors(products, settings)
    pairs = np.empty((0, 2), np.int64)
    reached: Reached = {}
    while len(pairs) <= max(NUMBERS):
        same = truth.styles[pairs[:, 0]] == truth.styles[pairs[:, 1]]
        answers = Answers(pairs[:, 0], pairs[:, 1], same)
        linked = link_by_model(products, neighbors, settings, answers)
        if len(pairs) in NUMBERS:
            seconds = len(pairs) * (SECONDS + 2 * A_PHOTO)
            reached[len(pairs)] = truth.at(linked.cut()[0], seconds)
        chosen = choose(linked, pairs, random)
        if not len(chosen):
            break
        step = min(it for it in (*NUMBERS, 10**9) if it > len(pairs)) - len(pairs)
        pairs = np.concatenate([pairs, chosen[: min(step, AT_ONCE)]])
    last = max(reached)
    return reached | {it: reached[last] for it in NUMBERS if it > last}


def _open_pairs(linked: Linked, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbors that nobody was asked about, and no answers tell of, [m] each."""
    indices = linked.neighbors.indices
    number = len(indices)
    rows = np.repeat(np.arange(number), indices.shape[1])
    others = indices.ravel().astype(np.int64)
    low, high = np.minimum(rows, others), np.maximum(rows, others)
    key = np.unique((low * number + high)[others >= 0])
    old = np.sort(asked, axis=1) @ [number, 1]
    low, high = np.divmod(key[~np.isin(key, old)], number)
    if linked.constraints is not None:
        known = linked.constraints.together[low] == linked.constraints.together[high]
        known |= linked.constraints.are_apart(low, high)
        low, high = low[~known], high[~known]
    return low, high


def most_doubtful(
    linked: Linked, asked: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Pairs whose probability is nearest to one half, [m, 2]; nothing is drawn."""
    del random
    low, high = _open_pairs(linked, asked)
    probability = linked.model.probability(*linked.similarity.evidence(low, high))
    order = np.argsort(np.abs(probability - 0.5), kind="stable")
    return np.stack([low, high], axis=1)[order[:AT_ONCE]]


def random_near(
    linked: Linked, asked: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Random products with the nearest neighbor that is open, [m, 2]."""
    low, high = _open_pairs(linked, asked)
    cosine, _ = linked.similarity.evidence(low, high)
    order = np.argsort(-cosine, kind="stable")
    first = np.unique(low[order], return_index=True)[1]
    pairs = np.stack([low, high], axis=1)[order[first]]
    return random.permutation(pairs)[:AT_ONCE]


def by_labels(products: Embeddings, truth: Truth, seed: int) -> Reached:
    """Labels whole styles, and groups by the threshold that is best on them."""
    random = np.random.default_rng(seed)
    settings = GroupingSettings()
    neighbors = find_neighbors(products, settings)
    order = random.permutation(np.unique(truth.styles))
    reached = {0: truth.at(group(products, None, settings, neighbors), 0.0)}
    for number in NUMBERS[1:]:
        counts = np.cumsum(np.bincount(truth.styles)[order])
        known = order[: np.searchsorted(counts, number) + 1]
        some = products.select(np.flatnonzero(np.isin(truth.styles, known)))
        try:
            found = calibrate_on(some, settings, for_blocks=products.block)
        except ValueError:  # None of them has a variant.
            reached[number] = reached[0]
            continue
        groups = group(products, found.threshold, settings, neighbors, found.model)
        reached[number] = truth.at(groups, number * (SECONDS + A_PHOTO))
    return reached


WAYS: dict[str, Callable[[Embeddings, Truth, int], Reached]] = {
    "review": lambda *of: by_review(*of, 0.0),
    "review, 5% wrong": lambda *of: by_review(*of, ERRS),
    "most doubtful pairs": lambda *of: by_pairs(most_doubtful, *of),
    "random near pairs": lambda *of: by_pairs(random_near, *of),
    "labels, threshold": by_labels,
}


def read_set(name: str, data: Path, cache: Path) -> Embeddings:
    """The products of a set, without copies, with their vectors."""
    products = describe(str(data / name / "catalog.csv"), str(cache / "photos"))
    if name == "hm_dev":
        rows = np.flatnonzero(products.catalog.split == "validation")
        products = products.select(rows)
    return whitened(products.described, whitening_of(products)).distinct


def summarize(runs: list[Reached]) -> dict[str, dict[str, Any]]:
    """The means of seeds, and how many intervals hold the truth."""
    summary: dict[str, dict[str, Any]] = {}
    for number in NUMBERS:
        at = [run[number] for run in runs]
        score = mean_of([it.f1 for it in at]).summary()
        shown = [it for it in at if it.expected]
        held = [
            low - 1e-9 <= truth <= high + 1e-9
            for it in shown
            for (low, high), truth in zip(
                it.expected or (), (it.precision, it.recall), strict=True
            )
        ]
        widths = [[high - low for low, high in it.expected or ()] for it in shown]
        summary[str(number)] = {
            "f1": score,
            "precision": float(np.mean([it.precision for it in at])),
            "recall": float(np.mean([it.recall for it in at])),
            "seconds": float(np.mean([it.seconds for it in at])),
            "held": [int(sum(held)), len(held)],
            "width": np.mean(widths, axis=0).tolist() if widths else None,
            "left": at[0].left,
        }
    return summary


def write_table(results: dict[str, Any], path: Path) -> None:
    """Writes the results as Markdown."""
    lines = [
        "# Answers of people",
        "",
        "Command: `python benchmarks/review.py --data=DATA --cache_dir=CACHE`. Means "
        f"of {len(SEEDS)} seeds; the interval is 95% by bootstrap over styles. Seconds "
        f"are modeled: {SECONDS} a question, {A_PHOTO} a photo, {A_CLICK} a click.",
    ]
    for name, ways in results.items():
        lines += ["", f"## {name}", ""]
        lines += ["| answers | " + " | ".join(map(str, NUMBERS)) + " |"]
        lines += ["| --- " * (len(NUMBERS) + 1) + "|"]
        for way, at in ways.items():
            cells = [at[str(number)] for number in NUMBERS]
            lines.append(row(f"{way}: F1", [_score(it["f1"]) for it in cells]))
            if way.startswith("review"):
                for of in ("precision", "recall"):
                    lines.append(row(f"{way}: {of}", [f"{it[of]:.3f}" for it in cells]))
            lines.append(
                row(f"{way}: minutes", [f"{it['seconds'] / 60:.0f}" for it in cells])
            )
    held = np.array(
        [at["held"] for ways in results.values() for at in ways["review"].values()]
    ).sum(axis=0)
    lines += ["", f"The interval shown held the truth {held[0]} times of {held[1]}."]
    path.write_text("\n".join(lines) + "\n")


def row(title: str, cells: list[str]) -> str:
    """A row of a table in Markdown."""
    return f"| {title} | {' | '.join(cells)} |"


def _score(of: dict[str, float]) -> str:
    return f"{of['value']:.3f} ± {(of['high'] - of['low']) / 2:.3f}"


def draw(results: dict[str, Any], path: Path) -> None:
    """Draws F1 against answers and minutes."""
    figure, axes = plt.subplots(2, len(results), figsize=(3.2 * len(results), 6))
    for column, (name, ways) in zip(axes.T, results.items(), strict=True):
        for way, at in ways.items():
            of = [it["f1"]["value"] for it in at.values()]
            column[0].plot(NUMBERS, of, label=way)
            column[1].plot([it["seconds"] / 60 for it in at.values()], of, label=way)
        column[0].set(title=name, xlabel="answers", ylim=(0.3, 1))
        column[1].set(xlabel="minutes (modeled)", ylim=(0.3, 1), xlim=(0, 60))
    axes[0, 0].set_ylabel("pairwise F1")
    axes[1, 0].set_ylabel("pairwise F1")
    axes[0, 0].legend(fontsize=7, loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=80)


def main() -> None:
    """Measures every way on every set, and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--cache_dir", required=True, type=Path)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--ways", default=";".join(WAYS))
    arguments = parser.parse_args()
    file = RESULTS / "review.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    for name in arguments.sets.split(","):
        products = read_set(name, arguments.data, arguments.cache_dir)
        truth = Truth(products)
        of_set = results.setdefault(name, {})
        for way in arguments.ways.split(";"):
            begun = time.monotonic()
            of_set[way] = summarize([WAYS[way](products, truth, it) for it in SEEDS])
            f1 = [f"{it['f1']['value']:.3f}" for it in of_set[way].values()]
            print(name, way, *f1, f"{time.monotonic() - begun:.0f} s", flush=True)
            file.write_text(json.dumps(results, indent=1) + "\n")
    write_table(results, RESULTS / "review.md")
    draw(results, PICTURE)


if __name__ == "__main__":
    main()
