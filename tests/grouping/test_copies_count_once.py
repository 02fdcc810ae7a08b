"""Products of one photo are in one group, and change nothing for others."""

import dataclasses

import numpy as np
import pytest

from cv_tf.config import EvaluationSettings, GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.errors import UserError
from cv_tf.grouping import (
    calibrate_on,
    find_groups,
    find_neighbors,
    find_neighbors_in_shards,
    group,
)
from cv_tf.grouping.group_files import to_table
from cv_tf.metrics import evaluate_embeddings, rank_queries, retrieval_figures
from cv_tf.shards import EngineSettings


def products(num_styles=60, seed=0):
    """Noisy variants of designs in two blocks, each in a color of its own."""
    random = np.random.default_rng(seed)
    style = np.repeat(np.arange(num_styles), 3)
    vectors = random.standard_normal((num_styles, 16))[style]
    vectors += 0.5 * random.standard_normal(vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lab = random.uniform(0, 100, (len(style), 3)).astype(np.float32)
    return Embeddings.of_arrays(
        vectors.astype(np.float32), (style % 2).astype(np.int32), lab, style
    )


def with_copies(of, rows, noise=0.0):
    """Some products, any number of times, renamed, with vectors off by rounding."""
    random = np.random.default_rng(2)
    vectors = of.vectors[rows]
    vectors = vectors + noise * random.standard_normal(vectors.shape).astype(np.float32)
    ids = np.array([f"{row}-{n}" for n, row in enumerate(rows)], object)
    return dataclasses.replace(of.select(rows), vectors=vectors, product_id=ids)


NUM_PRODUCTS = 180
ROWS = {
    "side by side": np.repeat(np.arange(NUM_PRODUCTS), 2),
    "at the end": np.tile(np.arange(NUM_PRODUCTS), 2),
    "in five sizes": np.tile(np.arange(NUM_PRODUCTS), 5),
    "one of them": np.concatenate([np.arange(NUM_PRODUCTS), np.full(120, 7)]),
}


@pytest.fixture(params=ROWS)
def rows(request):
    return ROWS[request.param]


@pytest.fixture(params=[0.0, 1e-8], ids=["equal", "rounded"])
def copied(request, rows):
    return with_copies(products(), rows, request.param)


def partition(groups):
    return np.unique(groups, return_index=True, return_inverse=True)[1:]


class TestNothingElseChanges:
    def test_groups(self, rows, copied):
        once = group(products())
        first, of_once = partition(once)
        _, of_copied = partition(group(copied))
        for one in range(NUM_PRODUCTS):
            assert len(set(of_copied[rows == one])) == 1
        lowest = [np.flatnonzero(rows == one)[0] for one in range(NUM_PRODUCTS)]
        same = of_copied[lowest][:, None] == of_copied[lowest]
        assert (same == (of_once[:, None] == of_once)).all()
        assert len(first) > 1

    def test_confidence_and_what_is_nearest(self, rows, copied):
        once, twice = find_groups(products()), find_groups(copied)
        expected = once.confidence.probability[rows]
        assert twice.confidence.probability == pytest.approx(expected, abs=1e-4)
        other = once.confidence.nearest_other[rows]
        found = rows[twice.confidence.nearest_other]
        assert (found[other >= 0] == other[other >= 0]).all()
        assert twice.summary()["num_copies"] == len(rows) - NUM_PRODUCTS
        # Copies are no variants, and no two products of one color.
        if len(set(np.bincount(rows).tolist())) == 1:
            share = once.summary()["share_with_variants"]
            assert twice.summary()["share_with_variants"] == share < 1
        assert len(twice.same_color) == len(once.same_color)

    def test_thresholds(self, copied):
        labelled = products()
        once = calibrate_on(labelled)
        twice = calibrate_on(copied)
        assert twice.threshold == pytest.approx(once.threshold, abs=1e-5)
        np.testing.assert_allclose(twice.expected, once.expected, atol=1e-5)

    def test_figures(self, rows, copied):
        settings = EvaluationSettings()
        once = evaluate_embeddings(products(), 0.5, settings)
        twice = evaluate_embeddings(copied, 0.5, settings)
        assert twice.pop("num_copies") == len(rows) - NUM_PRODUCTS
        assert twice == pytest.approx(once, abs=1e-5)

    def test_queries_are_those_of_the_figures(self, copied):
        queries = rank_queries(copied)
        assert len(queries.rows) == retrieval_figures(copied)["num_queries"]
        near = queries.neighbors.indices
        assert not (copied.copies.first[near] == queries.rows[:, None]).any()


def test_sixty_copies_among_a_thousand_are_one_group():
    random = np.random.default_rng(0)
    vectors = random.standard_normal((1000, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[random.permutation(1000)[:60]] = vectors[0]
    size = find_groups(Embeddings.of_arrays(vectors), threshold=0.9).size
    assert sorted(set(size.tolist())) in ([1, 60], [1, 61])


@pytest.mark.parametrize("num_variants", [30, 200])
def test_equally_similar_variants_are_not_parted_by_their_rows(num_variants):
    """Recolored photos may have one vector; a product has 20 neighbors at most."""
    random = np.random.default_rng(0)
    vectors = np.tile(random.standard_normal(32).astype(np.float32), (num_variants, 1))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lab = random.uniform(0, 100, (num_variants, 3)).astype(np.float32)
    recolored = Embeddings.of_arrays(vectors, lab=lab)
    settings = GroupingSettings(color="off", max_group_size=num_variants)
    assert len(set(group(recolored, 0.9, settings).tolist())) == 1


def test_a_photo_joins_the_groups_of_an_earlier_run():
    vectors = products().vectors[[0, 0, 60, 0]]
    embeddings = Embeddings.of_arrays(vectors)
    previous = {"0": "a", "1": "b", "2": "c"}
    grouped = find_groups(embeddings, threshold=0.9, previous=previous)
    assert grouped.named.group_id.tolist() == ["a", "a", "c", "a"]
    assert grouped.named.joined == (("a", ("b",)),)
    assert grouped.num_new == 1


def test_shards_leave_copies_out_as_one_process_does(tmp_path, copied):
    settings = GroupingSettings(neighbors=5)
    once = find_neighbors(copied, settings)
    job = tmp_path / "neighbors.npz"
    found = find_neighbors_in_shards(copied, settings, EngineSettings(), job)
    assert (found.indices == once.indices).all()
    assert len(once.indices) == NUM_PRODUCTS


def test_neighbors_of_all_rows_are_refused():
    copied = with_copies(products(), ROWS["at the end"])
    alone = find_neighbors(products())
    assert len(group(copied, 0.5, neighbors=alone)) == 2 * NUM_PRODUCTS
    both = dataclasses.replace(alone, indices=np.tile(alone.indices, (2, 1)))
    with pytest.raises(UserError, match="360 products; expected those of 180"):
        group(copied, 0.5, neighbors=both)


def in_two_blocks():
    """All products, and those of the first block listed in a third one, too."""
    once = products()
    again = np.flatnonzero(once.block == 0)
    rows = np.concatenate([np.arange(NUM_PRODUCTS), again])
    both = with_copies(once, rows, 1e-8)
    block = np.where(np.arange(len(rows)) < NUM_PRODUCTS, both.block, 2)
    return rows, dataclasses.replace(both, block=block.astype(np.int32))


class TestPhotosInTwoBlocks:
    def test_count_once_in_figures(self):
        rows, both = in_two_blocks()
        once = evaluate_embeddings(products(), 0.5, EvaluationSettings())
        twice = evaluate_embeddings(both, 0.5, EvaluationSettings())
        assert twice.pop("num_copies") == len(rows) - NUM_PRODUCTS
        assert twice == pytest.approx(once, abs=1e-5)
        threshold = calibrate_on(products()).threshold
        assert calibrate_on(both).threshold == pytest.approx(threshold, abs=1e-5)

    @pytest.mark.parametrize("color", ["auto", "off"])
    def test_teach_the_model_of_pairs_once(self, color):
        """Without a label, too."""
        settings = GroupingSettings(color=color)
        _, both = in_two_blocks()
        once, twice = (
            find_groups(products, settings=settings) for products in (products(), both)
        )
        expected = once.linked.model.summary()
        assert twice.linked.model.summary() == pytest.approx(expected, abs=1e-4)
        assert twice.threshold == pytest.approx(once.threshold, abs=1e-5)

    def test_are_grouped_in_each(self):
        rows, both = in_two_blocks()
        grouped = find_groups(both, threshold=0.5)
        copied = np.arange(NUM_PRODUCTS, len(rows))
        assert (grouped.size[copied] == grouped.size[rows[copied]]).all()
        names = grouped.named.group_id
        assert (names[copied] != names[rows[copied]]).all()
        copy_of = to_table(grouped)["copy_of"].to_pylist()
        assert copy_of[:NUM_PRODUCTS] == [None] * NUM_PRODUCTS
        assert copy_of[NUM_PRODUCTS:] == both.product_id[rows[copied]].tolist()


def test_a_picture_for_missing_photos_does_not_move_the_threshold():
    """It is there a hundred times, each time with another style."""
    once = products()
    random = np.random.default_rng(5)
    missing = random.standard_normal((1, 16)).astype(np.float32)
    missing /= np.linalg.norm(missing)
    vectors = np.concatenate([once.vectors, np.repeat(missing, 100, axis=0)])
    lab = np.concatenate([once.lab, np.full((100, 3), 50, np.float32)])
    block = np.concatenate([once.block, np.zeros(100, np.int32)])
    style = np.concatenate([once.style, 1000 + np.arange(100)])
    both = Embeddings.of_arrays(vectors, block, lab, style)
    threshold = calibrate_on(once).threshold
    # It is a neighbor of some, as one product.
    assert calibrate_on(both).threshold == pytest.approx(threshold, abs=1e-3)
