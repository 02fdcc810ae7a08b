"""Products that are drawn, and people who know which of them are variants."""

from __future__ import annotations

import numpy as np

from cv_tf.answers import Answer
from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Answers, Linked, find_neighbors, link_by_model

NUM_NEIGHBORS = 10


def draw(number=60, seed=0, noise=1.0, colored=False):
    """Products in 16 dimensions, of styles of one to six; their numbers are `style`."""
    random = np.random.default_rng(seed)
    size = random.integers(1, 7, number)
    style = np.repeat(np.arange(number), size)[:number]
    center = random.standard_normal((number, 16))
    vectors = center[style] + noise * random.standard_normal((number, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = random.permutation(number)
    lab = None
    if colored:
        lab = random.uniform([10, -40, -40], [90, 40, 40], (number, 3)).astype("f4")
    vectors = vectors[order].astype(np.float32)
    products = Embeddings.of_arrays(vectors, None, lab, style[order])
    products.product_id[:] = [f"p{row:03d}" for row in range(number)]
    return products


def link(products, answers: Answers | None = None, neighbors=None) -> Linked:
    """Links products down to any similarity, by all pairs unless told otherwise."""
    number = NUM_NEIGHBORS if neighbors else len(products) - 1
    settings = GroupingSettings(neighbors=number, retrieval="exact")
    neighbors = neighbors or find_neighbors(products, settings)
    return link_by_model(products, neighbors, settings, answers, threshold=-1.0)


def true_sets(products, shown, num_inside):
    """What somebody says who knows: 0 for the style of most products inside."""
    row = {name: n for n, name in enumerate(products.product_id)}
    style = [int(products.style[row[name]]) for name in shown]
    inside = style[:num_inside]
    main = max(inside, key=lambda it: (inside.count(it), -inside.index(it)))
    numbers = {main: 0}
    for it in style:
        if it not in numbers and style.count(it) > 1:
            numbers[it] = len(numbers)
    return tuple(numbers.get(it, -1) for it in style)


def oracle(products, question, by="Ann", wrong=None):
    """The answer of somebody who knows; `wrong` draws whether one product is off."""
    shown = question.inside + question.outside
    sets = true_sets(products, shown, len(question.inside))
    if wrong is not None and wrong.random() < 0.3:
        place = int(wrong.integers(len(sets)))
        off = -1 if sets[place] == 0 else 0
        sets = (*sets[:place], off, *sets[place + 1 :])
    inside, outside = tuple(question.inside), tuple(question.outside)
    kind, stratum = question.kind, question.stratum
    return Answer(kind, inside, outside, sets, by, stratum=stratum)


def figures(groups, style):
    """Pairwise precision, recall and F1 of groups."""
    together = np.triu(groups[:, None] == groups, 1)
    true = np.triu(style[:, None] == style, 1)
    right = (together & true).sum()
    grouped, total = together.sum(), true.sum()
    return right / max(grouped, 1), right / total, 2 * right / (grouped + total)
