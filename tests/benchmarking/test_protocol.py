"""What the benchmark measures, on vectors whose neighbors can be read off."""

import dataclasses

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.benchmarking import align_vectors, measure_system, parts_of
from cv_tf.catalog import Catalog, CatalogError
from cv_tf.config import EvaluationSettings
from cv_tf.embeddings import Embeddings, EmbeddingsError
from cv_tf.metrics import retrieval_figures


def random_products(seed=0, num_styles=60, dimensions=8, noise=0.7):
    """Styles of two products each, in blocks of 20 products."""
    random = np.random.default_rng(seed)
    means = random.standard_normal((num_styles, dimensions)).repeat(2, axis=0)
    vectors = means + noise * random.standard_normal(means.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = np.arange(len(vectors))
    block, style = (rows // 20).astype(np.int32), rows // 2
    return Embeddings.of_arrays(vectors.astype(np.float32), block, None, style)


def values(part):
    return {
        name: of if name == "threshold" else of["value"] for name, of in part.items()
    }


class TestFigures:
    @pytest.fixture(scope="class")
    def measured(self):
        """Six products of `validation` on a circle, and four of `train`.

        Products 0 and 1 are a style, 2 and 3 another, 4 and 5 alone; 4 is nearest to 0,
        in another block. Of `train`, 6 is nearest to 2, in its block.
        """
        vectors = at_degrees(0, 10, 100, 112, 354, 230, 106, 300, 170, 180)
        block = np.array([0, 0, 0, 0, 1, 0, 0, 1, 1, 1], np.int32)
        style = np.array([0, 0, 1, 1, 2, 3, 4, 5, 6, 6])
        products = Embeddings.of_arrays(vectors, block, None, style)
        return measure_system(products, np.arange(10) >= 6)

    def test_recall_and_precision(self, measured):
        among = {name: values(of) for name, of in measured["retrieval"].items()}
        expected = {
            ("validation", "recall_at_1_in_block"): 1.0,
            ("validation", "map_at_r_in_block"): 1.0,
            # Product 4 of the other block comes before the variant of 0.
            ("validation", "recall_at_1"): 0.75,
            ("validation", "map_at_r"): 0.75,
            # Product 6 of train comes before the variants of 2 and 3.
            ("all", "recall_at_1_in_block"): 0.5,
            ("all", "map_at_r_in_block"): 0.5,
            ("all", "recall_at_1"): 0.25,
            ("all", "map_at_r"): 0.25,
        }
        assert {(a, b): among[a][b] for a, b in expected} == expected

    def test_groups_at_a_threshold_from_train(self, measured):
        # Train's only pair is 10 degrees apart, and so is one of two in validation.
        group = values(measured["groups"]["train_labels"])
        assert 0.9 < group["threshold"] <= np.cos(np.deg2rad(10)) + 1e-6
        assert group["pairwise_precision"] == 1.0
        assert group["pairwise_recall"] in (0.5, 1.0)

    def test_every_figure_has_an_interval_around_it(self, measured):
        parts = [*measured["retrieval"].values(), *measured["groups"].values()]
        for part in parts:
            for name, figure in part.items():
                if name != "threshold":
                    assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1

    def test_among_validation_alone_they_are_those_of_evaluate(self):
        products = random_products()
        is_known = np.arange(len(products)) < 40
        measured = measure_system(products, is_known)
        expected = retrieval_figures(
            products.select(~is_known), EvaluationSettings(retrieval="exact")
        )
        found = values(measured["retrieval"]["validation"])
        assert found == pytest.approx({name: expected[name] for name in found})

    def test_the_order_of_products_changes_nothing(self):
        products = random_products()
        is_known = np.arange(len(products)) < 40
        first = measure_system(products, is_known)
        order = np.random.default_rng(1).permutation(len(products))
        again = measure_system(products.select(order), is_known[order])
        for among in ("validation", "all"):
            assert values(again["retrieval"][among]) == pytest.approx(
                values(first["retrieval"][among])
            )

    def test_labels_of_validation_choose_no_threshold(self):
        products = random_products()
        is_known = np.arange(len(products)) < 60
        first = measure_system(products, is_known)["groups"]
        rows = np.flatnonzero(~is_known)
        style = products.style.copy()
        style[rows] = 1000 + np.roll(style[rows], 1)
        other = dataclasses.replace(products, style=style)
        again = measure_system(other, is_known)["groups"]
        assert first.keys() == again.keys() == {"without_labels", "train_labels"}
        for name in first:
            assert again[name]["threshold"] == first[name]["threshold"]

    def test_labels_of_train_are_no_part_of_the_threshold_without(self):
        products = random_products()
        is_known = np.arange(len(products)) < 60
        first = measure_system(products, is_known)["groups"]["without_labels"]
        style = np.where(is_known, np.roll(products.style, 1), products.style)
        other = dataclasses.replace(products, style=style)
        again = measure_system(other, is_known)["groups"]["without_labels"]
        assert again == first


class TestEqualVectors:
    """A system that cannot tell products apart gains nothing by it."""

    @pytest.mark.parametrize("order", ["as listed", "shuffled"])
    def test_all_equal_is_found_by_chance(self, order):
        products = random_products(num_styles=100)
        vectors = np.zeros((200, 4), np.float32)
        vectors[:, 0] = 1
        products = dataclasses.replace(products, vectors=vectors)
        if order == "shuffled":
            rows = np.random.default_rng(2).permutation(200)
            products = products.select(rows)
        is_known = products.style < 20
        measured = measure_system(products, is_known)["retrieval"]
        # One of 159 others, and one of 19 in its block.
        assert measured["validation"]["recall_at_1"]["value"] < 0.05
        assert measured["validation"]["recall_at_1_in_block"]["value"] < 0.15
        assert measured["all"]["recall_at_1"]["value"] < 0.05

    def test_equally_similar_ones_are_found_in_no_order_of_the_rows(self):
        # Each is at one angle from all others; variants are listed side by side.
        vectors = np.eye(200, dtype=np.float32)
        products = random_products(num_styles=100)
        products = dataclasses.replace(products, vectors=vectors)
        measured = measure_system(products, products.style < 20)["retrieval"]
        assert measured["validation"]["recall_at_1"]["value"] < 0.05
        assert measured["validation"]["recall_at_1_in_block"]["value"] < 0.15

    def test_two_equal_variants_still_count(self):
        products = random_products()
        vectors = products.vectors.copy()
        vectors[1::2] = vectors[::2]
        products = dataclasses.replace(products, vectors=vectors)
        measured = measure_system(products, np.arange(120) < 40)
        retrieval = measured["retrieval"]
        assert retrieval["validation"]["recall_at_1"]["value"] == 1.0
        assert retrieval["all"]["recall_at_1"]["value"] == 1.0
        assert measured["groups"]["train_labels"]["pairwise_recall"]["value"] == 1.0


def catalog_of(splits, styles):
    number = len(splits)
    return Catalog(
        name="bags",
        product_id=np.array([f"0{row}" for row in range(number)], object),
        image=np.full(number, "", object),
        style=np.array(styles, np.int32),
        block=np.zeros(number, np.int32),
        block_names=("Bag",),
        split=None if splits[0] is None else np.array(splits, object),
        color=None,
        box=None,
        line=np.arange(number, dtype=np.int32),
    )


class TestParts:
    def test_other_splits_are_left_out(self):
        splits = ["train", "test", "validation", "validation", "train"]
        parts = parts_of(catalog_of(splits, [0, 0, 1, 1, 0]), "train", "validation")
        assert parts.catalog.product_id.tolist() == ["00", "02", "03", "04"]
        assert parts.is_known.tolist() == [True, False, False, True]

    @pytest.mark.parametrize(
        ("splits", "styles", "message"),
        [
            ([None] * 4, [0, 0, 1, 1], "no column 'split'"),
            (["train"] * 4, [0, 0, 1, 1], "no split 'validation'"),
            (
                ["train", "train", "validation", "validation"],
                [0, 0, 1, 2],
                "share a st",
            ),
            (
                ["train", "train", "validation", "validation"],
                [0, -1, 1, 1],
                "'train' sh",
            ),
        ],
    )
    def test_what_cannot_be_a_benchmark(self, splits, styles, message):
        with pytest.raises(CatalogError, match=message):
            parts_of(catalog_of(splits, styles), "train", "validation")


class TestAligned:
    def test_vectors_are_those_of_the_catalogue_in_its_order(self):
        catalog = catalog_of(["train", "validation"], [4, 5])
        found = Embeddings.of_arrays(at_degrees(10, 20, 30))
        ids = np.array(["01", "09", "00"], object)
        found = dataclasses.replace(found, product_id=ids)
        aligned = align_vectors(found, catalog)
        assert aligned.product_id.tolist() == ["00", "01"]
        assert aligned.style.tolist() == [4, 5]
        np.testing.assert_allclose(aligned.vectors, at_degrees(30, 10), atol=1e-6)

    def test_lengths_of_nearly_one_put_no_split_before_another(self):
        catalog = catalog_of(["train"] * 2 + ["validation"] * 2, [0, 0, 1, 1])
        vectors = random_products(num_styles=2).vectors
        found = Embeddings.of_arrays(vectors * [[0.991], [1.0], [1.0], [1.009]])
        found = dataclasses.replace(found, product_id=catalog.product_id)
        aligned = align_vectors(found, catalog).vectors
        np.testing.assert_allclose(np.linalg.norm(aligned, axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(aligned, vectors, atol=1e-6)

    def test_a_missing_product_is_an_error_with_a_hint(self):
        catalog = catalog_of(["train", "validation"], [0, 1])
        found = Embeddings.of_arrays(at_degrees(10, 20))  # Called 0 and 1.
        with pytest.raises(EmbeddingsError) as caught:
            align_vectors(found, catalog)
        assert "no vector of 2 of 2 products of bags, such as '00'" in str(caught.value)
        assert "'0'" in str(caught.value)
