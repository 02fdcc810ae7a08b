"""What each product adds to the figures."""

import dataclasses

import numpy as np
import pytest

from cv_tf.embeddings import Embeddings
from cv_tf.errors import UserError
from cv_tf.metrics import (
    PairCounts,
    ProductResults,
    Resampling,
    compare_results,
    evaluate_embeddings,
    figures_among_all,
    format_compared,
    judge,
    measure_embeddings,
    pair_counts,
    query_figures,
    retrieval_figures,
)


def random_products(number=300, seed=0, noise=0.8, lab=True):
    random = np.random.default_rng(seed)
    styles = np.random.default_rng(7).integers(number // 2, size=number)
    vectors = np.random.default_rng(8).normal(size=(number, 16))[styles]
    vectors = vectors + noise * random.normal(size=vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    colors = np.random.default_rng(9).uniform(0, 99, (number, 3))
    return Embeddings.of_arrays(
        vectors.astype(np.float32),
        np.random.default_rng(10).integers(3, size=number),
        colors.astype(np.float32) if lab else None,
        styles,
    )


class TestPairCounts:
    def test_by_hand(self):
        """Groups of three, two and one; styles of two, three and one."""
        groups = np.array([0, 0, 0, 1, 1, 2])
        styles = np.array([4, 4, 5, 5, 5, 9])
        counts = pair_counts(groups, styles)
        assert counts.right.tolist() == [1, 1, 0, 1, 1, 0]
        assert counts.grouped.tolist() == [2, 2, 2, 1, 1, 0]
        assert counts.true.tolist() == [1, 1, 2, 2, 2, 0]
        assert counts.is_exact.tolist() == [False] * 5 + [True]


class TestScores:
    def test_by_hand(self):
        styles = np.array([0, 0, 1, 1, 2])
        found = {"recall_at_1": np.array([1, 0, 1, 1, np.nan])}
        pairs = pair_counts(np.array([0, 0, 1, 2, 2]), styles)
        results = ProductResults(np.array(list("abcde"), object), styles, found, pairs)
        scores = results.scores(Resampling(styles))
        values = {name: score.value for name, score in scores.items()}
        # One right pair; that of a and b, and that of 1d and 2e, are grouped.
        assert values == pytest.approx(
            {
                "recall_at_1": 0.75,
                "pairwise_precision": 0.5,
                "pairwise_recall": 0.5,
                "pairwise_f1": 0.5,
                "fms": 0.5,
                "cgacc": 0.5,
            }
        )
        assert results.num_styles == 2

    def test_figures_are_those_of_the_functions(self):
        products = random_products()
        measured = measure_embeddings(products, 0.5)
        assert measured.figures == evaluate_embeddings(products, 0.5)
        scores = measured.results.scores(Resampling(measured.results.style))
        assert len(scores) == 20 + 5
        for name, score in scores.items():
            assert score.value == pytest.approx(measured.figures[name]), name

    def test_each_figure_is_in_its_interval(self):
        measured = measure_embeddings(random_products(), 0.5)
        for name, ends in measured.results.intervals().items():
            assert ends["low"] < measured.figures[name] < ends["high"], name

    def test_groups_of_one_have_no_precision(self):
        styles = np.array([0, 0, 1])
        pairs = pair_counts(np.arange(3), styles)
        results = ProductResults(np.array(list("abc"), object), styles, {}, pairs)
        assert "pairwise_precision" not in results.intervals()
        assert results.intervals()["pairwise_recall"] == {"low": 0, "high": 0}

    def test_of_nothing_there_is_none(self):
        nothing = np.array([], object)
        assert ProductResults(nothing, nothing, {}).intervals() == {}

    def test_queries_have_the_means_of_the_figures(self):
        products = random_products()
        found = query_figures(products)
        assert retrieval_figures(products).items() >= found.means().items()
        assert found.values["map_at_r"].shape == found.rows.shape


class TestAmongAll:
    def test_by_hand(self):
        """A stranger that was learned from is nearer than the variant, in one block."""
        degrees = np.radians([0, 20, 5, 10])
        vectors = np.stack([np.cos(degrees), np.sin(degrees)], 1).astype(np.float32)
        held = Embeddings.of_arrays(vectors[:2], style=np.array([0, 0]))
        stranger = Embeddings.of_arrays(vectors[2:3], style=np.array([-1]))
        alone = query_figures(held).values["recall_at_1_in_block"]
        assert alone.tolist() == [1, 1]
        found = figures_among_all(held, stranger)
        assert found.rows.tolist() == [0, 1]
        assert found.means() == {
            "recall_at_1_in_block_among_all": 0,
            "map_at_r_in_block_among_all": 0,
            "recall_at_1_in_block_as_searched_among_all": 0,
            "map_at_r_in_block_as_searched_among_all": 0,
        }
        elsewhere = dataclasses.replace(stranger, block=np.array([1]))
        assert figures_among_all(held, elsewhere).means() == {
            "recall_at_1_in_block_among_all": 1,
            "map_at_r_in_block_among_all": 1,
            "recall_at_1_in_block_as_searched_among_all": 1,
            "map_at_r_in_block_as_searched_among_all": 1,
        }
        variant = Embeddings.of_arrays(vectors[2:3], style=np.array([0]))
        assert figures_among_all(held, variant).means() == {
            "recall_at_1_in_block_among_all": 1,
            "map_at_r_in_block_among_all": 1,
            "recall_at_1_in_block_as_searched_among_all": 1,
            "map_at_r_in_block_as_searched_among_all": 1,
        }

    def test_are_those_of_one_table_with_the_same_queries(self):
        products = random_products()
        is_held = products.known_style % 3 == 0
        held, known = products.select(is_held), products.select(~is_held)
        found = figures_among_all(held, known)
        whole = query_figures(products)
        rows = np.isin(whole.rows, np.flatnonzero(is_held)[found.rows])
        assert len(found.values) == 6
        for name, of in found.values.items():
            np.testing.assert_array_equal(
                of, whole.values[name.removesuffix("_among_all")][rows]
            )
        figures = measure_embeddings(held, None, known=known).figures
        assert figures.items() >= found.means().items()
        assert all(
            figures[name] <= figures[name.removesuffix("_among_all")]
            for name in found.values
        )


class TestFile:
    def test_holds_all_of_it(self, tmp_path):
        results = measure_embeddings(random_products(), 0.5).results
        results.write(tmp_path / "queries.parquet")
        again = ProductResults.read(tmp_path / "queries.parquet", "Write it again.")
        assert again.product_id.tolist() == results.product_id.tolist()
        assert again.style.tolist() == list(map(str, results.style))
        assert list(again.values) == list(results.values)
        for name, of in results.values.items():
            np.testing.assert_array_equal(again.values[name], of)
        for one, other in zip(again.pairs, results.pairs, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_without_groups(self, tmp_path):
        results = measure_embeddings(random_products(), None).results
        results.write(tmp_path / "queries.parquet")
        again = ProductResults.read(tmp_path / "queries.parquet", "Write it again.")
        assert again.pairs is None

    def test_that_is_damaged(self, tmp_path):
        path = tmp_path / "queries.parquet"
        path.write_bytes(b"PAR1 no")
        with pytest.raises(UserError, match=r"the results of the products .* again\."):
            ProductResults.read(path, "Write it again.")


def found(**values):
    """Results of two styles of two products and a single one."""
    ids, styles = np.array(list("abcde"), object), np.array([0, 0, 1, 1, 2])
    return ProductResults(ids, styles, {k: np.array(v) for k, v in values.items()})


class TestComparison:
    def test_by_hand(self):
        new = found(recall_at_1=[1, 1, 1, 0, np.nan])
        old = found(recall_at_1=[1, 0, 1, 0, np.nan])
        compared = compare_results(new, old)["recall_at_1"]
        assert compared["measured"] == 0.75
        assert compared["value"] == 0.25
        # By styles the differences are 1/2 and 0; a draw has one, both or none.
        assert (compared["low"], compared["high"]) == (0, 0.5)

    def test_queries_are_those_of_both(self):
        new = found(recall_at_1=[1, 1, 1, 0, np.nan])
        old = found(recall_at_1=[1, 0, np.nan, np.nan, np.nan])
        compared = compare_results(new, old)["recall_at_1"]
        assert (compared["measured"], compared["baseline"]) == (1, 0.5)
        fewer = compare_results(new, old.select(np.arange(1)))["recall_at_1"]
        assert (fewer["measured"], fewer["baseline"]) == (1, 1)

    def test_the_same_are_level(self):
        results = measure_embeddings(random_products(), 0.5).results
        for compared in compare_results(results, results).values():
            assert compared["value"] == compared["low"] == compared["high"] == 0
            assert judge(compared) == "level"

    def test_turned_around_it_has_the_other_sign(self):
        new = measure_embeddings(random_products(seed=1, noise=0.4), 0.5).results
        old = measure_embeddings(random_products(seed=2), 0.5).results
        one, other = compare_results(new, old), compare_results(old, new)
        assert judge(one["recall_at_1"]) == "better"
        assert judge(other["recall_at_1"]) == "worse"
        assert one.keys() == other.keys()
        for name, compared in one.items():
            assert compared["low"] == pytest.approx(-other[name]["high"])

    def test_is_narrower_than_the_intervals_of_both(self):
        new = measure_embeddings(random_products(seed=1), 0.5).results
        old = measure_embeddings(random_products(seed=1, noise=0.9), 0.5).results
        paired = compare_results(new, old)["map_at_r"]
        alone = new.intervals()["map_at_r"]
        assert paired["high"] - paired["low"] < alone["high"] - alone["low"]

    def test_is_told(self):
        compared = {
            "fms": {"low": -0.2, "high": 0.1},
            "recall_at_1": {"low": 0.1, "high": 0.3},
        }
        about = {"measured": 0.5, "baseline": 0.25, "value": 0.25}
        told = {name: about | of for name, of in compared.items()}
        text = format_compared(told, {"ari": 0.5, "nmi": 1}, {"ari": 0.75})
        lines = text.split("\n")
        titles = ["measured", "baseline", "difference", "95%", "interval"]
        assert lines[0].split() == titles
        cells = ["recall@1", "0.500", "0.250", "+0.250"]
        assert lines[1].split() == [*cells, "+0.100", "to", "+0.300", "better"]
        assert lines[2].split() == ["ARI", "0.500", "0.750", "-0.250"]
        assert lines[-1] == "Better: recall@1. Level: FMS."


def test_pair_counts_have_names_of_columns():
    assert PairCounts._fields == ("right", "grouped", "true", "is_exact")
