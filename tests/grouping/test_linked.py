"""A catalog with its merges, and what they rest on: by brute force."""

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import (
    Answers,
    Similarity,
    average_linkage,
    find_groups,
    find_neighbors,
    link_by_model,
)
from cv_tf.grouping.linked import answered_merges, merges_of_pairs
from cv_tf.retrieval import color_log_odds


def random_products(number, seed=0, colored=False, num_styles=None):
    """Noisy variants in random colors, one of which is unknown."""
    random = np.random.default_rng(seed)
    style = random.integers(0, num_styles or number // 3, number)
    vectors = random.standard_normal((style.max() + 1, 8))[style]
    vectors += 0.6 * random.standard_normal(vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lab = None
    if colored:
        lab = random.uniform(0, 60, (number, 3)).astype(np.float32)
        lab[number // 2] = np.nan
    return Embeddings.of_arrays(vectors.astype(np.float32), None, lab, style)


def answers_of(*pairs):
    first, second, same = map(np.array, zip(*pairs, strict=True))
    return Answers(first, second, same.astype(bool))


class TestMergesOfPairs:
    def brute_force(self, dendrograms, first, second):
        """The first merge after which both are in one group."""
        for merge in range(len(dendrograms.merges)):
            groups = np.arange(dendrograms.num_products)
            for low, high in dendrograms.merges[: merge + 1].tolist():
                groups[groups == groups[high]] = groups[low]
            if groups[first] == groups[second]:
                return merge
        return -1

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("floor", [-1.0, 0.5])
    @pytest.mark.parametrize("blocks", [1, 2])
    def test_equals_cuts_at_every_level(self, seed, floor, blocks, link_all):
        products = random_products(14, seed)
        dendrograms = link_all(products.vectors, np.arange(14) % blocks, floor=floor)
        first, second = np.triu_indices(14, 1)
        found = merges_of_pairs(dendrograms, first, second)
        expected = [
            self.brute_force(dendrograms, *pair)
            for pair in zip(first, second, strict=True)
        ]
        assert found.tolist() == expected
        assert merges_of_pairs(dendrograms, second, first).tolist() == expected
        if floor > 0 or blocks > 1:
            assert -1 in expected

    def test_with_groups_to_start_from(self, link_all):
        products = random_products(12, 5)
        start = np.array([3, 3, 3, 8, 8, 0, 1, 2, 4, 5, 6, 7])
        dendrograms = link_all(products.vectors, start=start)
        first, second = np.triu_indices(12, 1)
        found = merges_of_pairs(dendrograms, first, second)
        for pair, merge in zip(zip(first, second, strict=True), found, strict=True):
            assert self.brute_force(dendrograms, *pair) == merge

    def test_without_merges(self, link_all):
        dendrograms = link_all(at_degrees(0, 90), floor=0.9)
        found = merges_of_pairs(dendrograms, np.array([0]), np.array([1]))
        assert found.tolist() == [-1]
        nothing = np.empty(0, np.int64)
        assert merges_of_pairs(dendrograms, nothing, nothing).shape == (0,)


class TestEvidenceOfMerges:
    """It is the mean of all pairs of the two groups."""

    def check(self, products, similarity, dendrograms):
        cosines = products.vectors @ products.vectors.T
        odds = np.zeros_like(cosines)
        if similarity.knows_color:
            odds = color_log_odds(products.lab[:, None], products.lab)
        members = [[row] for row in range(len(products))]
        evidence = dendrograms.evidence
        assert len(evidence) == len(dendrograms.merges) > 5
        for merge, (low, high) in enumerate(dendrograms.merges.tolist()):
            pairs = np.ix_(members[low], members[high])
            assert evidence.num_pairs[merge] == cosines[pairs].size
            assert evidence.cosine[merge] == pytest.approx(
                cosines[pairs].mean(), abs=1e-5
            )
            assert evidence.color[merge] == pytest.approx(odds[pairs].mean(), abs=1e-5)
            members[low] = members[low] + members[high]

    @pytest.mark.parametrize("weight", [0.0, 0.1])
    @pytest.mark.parametrize("colored", [False, True])
    @pytest.mark.parametrize("has_start", [False, True])
    def test_equals_brute_force(self, weight, colored, has_start, all_pairs):
        products = random_products(40, 3, colored)
        similarity = Similarity.of(products, weight)
        start = np.arange(40) // 3 if has_start else None
        dendrograms = average_linkage(similarity, all_pairs(40), -1.0, None, start)
        assert np.isinf(dendrograms.similarities).sum() == (26 if has_start else 0)
        self.check(products, similarity, dendrograms)

    def test_levels_are_of_it_where_they_do_not_rise(self, all_pairs):
        products = random_products(40, 3, colored=True)
        similarity = Similarity.of(products, 0.1)
        dendrograms = average_linkage(similarity, all_pairs(40))
        evidence = dendrograms.evidence
        own = similarity.discounted(evidence.cosine, evidence.color)
        assert (dendrograms.similarities <= own + 1e-6).all()
        assert np.isclose(dendrograms.similarities, own, atol=1e-6).mean() > 0.8


class TestAnsweredMerges:
    def test_are_those_that_bring_pairs_together(self, link_all):
        vectors = at_degrees(0, 10, 40, 170)
        similarity = Similarity(vectors)
        dendrograms = link_all(vectors, floor=0.5)
        answers = answers_of((0, 1, 1), (2, 0, 0), (1, 2, 1), (0, 3, 0))
        found, same = answered_merges(similarity, dendrograms, answers)
        # 40 degrees meet the pair of 0 and 10, of which one is answered yes, one no;
        # nothing brings 170 to them, so that this pair has its own cosine.
        triple = (np.cos(np.deg2rad(30)) + np.cos(np.deg2rad(40))) / 2
        expected = [np.cos(np.deg2rad(10)), triple, np.cos(np.deg2rad(170))]
        np.testing.assert_allclose(found.cosine, expected, atol=1e-6)
        np.testing.assert_allclose(same, [1, 0.5, 0])
        np.testing.assert_allclose(found.num_pairs, [1, np.sqrt(2), 1])
        assert not found.color.any()

    def test_holds_colors_where_they_count(self, all_pairs):
        lab = np.array([[50, 0, 0], [50, 0, 0], [50, 80, 0]], np.float32)
        similarity = Similarity(at_degrees(0, 10, 90), lab, 0.1)
        dendrograms = average_linkage(similarity, all_pairs(3), floor=0.5)
        answers = answers_of((0, 1, 0), (1, 2, 0))
        found, _ = answered_merges(similarity, dendrograms, answers)
        np.testing.assert_allclose(found.color, [-0.95, 0.9], atol=1e-6)


class TestLinkByModel:
    def linked(self, products, answers=None, settings=None, **known):
        settings = settings or GroupingSettings()
        neighbors = find_neighbors(products, settings)
        return link_by_model(products, neighbors, settings, answers, **known)

    def test_links_down_to_a_given_threshold(self):
        products = random_products(30)
        linked = self.linked(products, threshold=-0.9)
        assert linked.dendrograms.floor == -0.9
        assert linked.expect(-0.9) is not None

    def test_a_model_that_is_known_is_not_learned(self):
        products = random_products(30)
        model = self.linked(products).model
        again = self.linked(products, model=model)
        assert again.model is model
        np.testing.assert_array_equal(
            again.dendrograms.similarities,
            self.linked(products).dendrograms.similarities,
        )

    def test_cuts_at_the_best_threshold_unless_there_is_another(self):
        linked = self.linked(random_products(60))
        groups, threshold = linked.cut()
        assert threshold == linked.best_threshold()
        np.testing.assert_array_equal(groups, linked.dendrograms.cut(threshold))
        groups, threshold = linked.cut(0.9)
        assert threshold == 0.9
        np.testing.assert_array_equal(groups, linked.dendrograms.cut(0.9))

    def test_answers_set_the_weight_of_color(self):
        products = random_products(120, colored=True)
        usual = self.linked(products)
        background = usual.model.scale.background
        assert usual.similarity.color_weight == pytest.approx((1 - background) / 12)
        random = np.random.default_rng(0)
        first, second = random.integers(0, 120, (2, 200))
        apart = first != second
        first, second = first[apart], second[apart]
        same = products.style[first] == products.style[second]
        told = self.linked(products, Answers(first, second, same))
        assert told.model.num_answers == len(first)
        assert told.similarity.color_weight == told.model.color_weight
        assert told.model.color_weight != usual.model.color_weight
        settled = self.linked(
            products, Answers(first, second, same), GroupingSettings(color="0.37")
        )
        assert settled.similarity.color_weight == pytest.approx(0.2)

    def test_answers_move_the_threshold_to_the_true_one(self):
        """Vectors in which only what is nearly equal are variants."""
        random = np.random.default_rng(0)
        vectors = random.standard_normal((100, 16)).repeat(4, axis=0)
        # Two and two are variants; the two pairs of a family only look alike.
        vectors[::4] += 0.1 * random.standard_normal((100, 16))
        vectors[2::4] += 0.6 * random.standard_normal((100, 16))
        vectors[3::4] = vectors[2::4] + 0.1 * random.standard_normal((100, 16))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        products = Embeddings.of_arrays(vectors.astype(np.float32))
        guess = self.linked(products).best_threshold()
        first = np.repeat(np.arange(0, 400, 4), 2)[:60]
        second = first + np.tile([1, 2], 30)
        told = self.linked(products, Answers(first, second, second % 2 == 1))
        assert guess < 0.75 < told.best_threshold()
        size = np.bincount(told.dendrograms.cut(told.best_threshold()))
        assert (size == 2).mean() > 0.8
        guessed = np.bincount(told.dendrograms.cut(guess))
        assert (guessed == 2).mean() < 0.5


def groups_of(vectors, lab=None):
    products = Embeddings.of_arrays(np.asarray(vectors, np.float32), lab=lab)
    names = find_groups(products).named.group_id
    return [int(name) for name in names]


def pairs_at(*similarities):
    """Two products with each similarity; those of different pairs are at 0."""
    vectors = np.zeros((2 * len(similarities),) * 2, np.float32)
    for i, similarity in enumerate(similarities):
        vectors[2 * i, 2 * i] = 1.0
        vectors[2 * i + 1, 2 * i : 2 * i + 2] = similarity, (1 - similarity**2) ** 0.5
    return vectors


class TestSmallCatalogs:
    """Without a label, a handful of products are grouped as anybody would."""

    @pytest.mark.parametrize("similarity", [0.6, 0.7, 0.8, 0.9, 0.99])
    @pytest.mark.parametrize("number", [1, 2, 7, 30])
    def test_pairs_that_look_alike_are_joined(self, similarity, number):
        found = groups_of(pairs_at(*[similarity] * number))
        assert found == np.repeat(np.arange(number) * 2, 2).tolist()

    @pytest.mark.parametrize("similarity", [0.0, 0.1, 0.2])
    @pytest.mark.parametrize("number", [1, 2, 7])
    def test_pairs_that_hardly_do_are_not(self, similarity, number):
        found = groups_of(pairs_at(*[similarity] * number))
        assert found == list(range(2 * number))

    def test_the_one_pair_that_does_is_found_among_others(self):
        assert groups_of(pairs_at(0.2, 0.9, 0.1)) == [0, 1, 2, 2, 4, 5]

    def test_three_of_a_design_and_a_stranger(self):
        assert groups_of(at_degrees(0, 8, 15, 100)) == [0, 0, 0, 3]

    def test_copies_alone_are_one_group(self):
        assert groups_of(at_degrees(0, 0, 0)) == [0, 0, 0]

    def test_variants_in_other_colors_are_joined(self):
        lab = np.array([[20, 0, 0], [80, 0, 0], [50, 60, 60], [50, -60, 0]], np.float32)
        assert groups_of(pairs_at(0.8, 0.8), lab) == [0, 0, 2, 2]
        lab[0] = np.nan
        assert groups_of(pairs_at(0.8, 0.8), lab) == [0, 0, 2, 2]

    def test_no_product_or_one(self):
        assert groups_of(at_degrees(0)) == [0]
