"""What recipes find, and on which products they differ."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cv_tf.catalog import Catalog, read_catalog
from cv_tf.comparison import compare_neighbors, embed_shown, galleries as neighbors
from cv_tf.embeddings import Embeddings
from cv_tf.models import Embedder


@pytest.fixture
def products(drawn_catalog) -> Catalog:
    """Trousers 00, 02 and 04 in two colors each, and the three shirts 01."""
    catalog = read_catalog(drawn_catalog)
    names = ["00-black", "00-navy", "02-black", "02-navy", "04-black", "04-navy"]
    names += ["01-black", "01-navy", "01-crimson"]
    row_of = {name: row for row, name in enumerate(catalog.product_id)}
    return catalog.select(np.array([row_of[name] for name in names]))


def at(products: Catalog, angles: list[float]) -> Embeddings:
    """Vectors in the plane; those of the shirts lie close together."""
    radians = np.radians([*angles, 0.0, 1.0, 2.0])
    vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1)
    return Embeddings(
        name="by hand",
        product_id=products.product_id,
        vectors=vectors.astype(np.float32),
        block=products.block,
        block_names=products.block_names,
        image=products.image,
    )


# Of six trousers the five others are all found; only with fewer can they differ.
@pytest.fixture
def two(monkeypatch):
    monkeypatch.setattr(neighbors, "NUM_NEIGHBORS", 1)


class TestChoice:
    def test_products_on_which_recipes_differ_come_first(self, products, two):
        pairs = at(products, [0, 1, 20, 21, 40, 41])
        mixed = at(products, [0, 1, 20, 40, 21, 41])  # 02 and 04 are confused.
        queries = compare_neighbors({"pairs": pairs, "mixed": mixed}, products)
        names = [query.product.product_id for query in queries]
        # One of a style, by name; those where both find the same come last.
        assert names == ["02-black", "04-black", "00-black", "01-black"]
        first = queries[0].found
        assert [found.product.product_id for found in first["pairs"]] == ["02-navy"]
        assert [found.product.product_id for found in first["mixed"]] == ["04-black"]
        assert [found.is_variant for found in first["pairs"]] == [True]
        assert [found.is_variant for found in first["mixed"]] == [False]
        assert first["pairs"][0].similarity == pytest.approx(np.cos(np.radians(1)))

    def test_neither_order_of_recipes_nor_of_rows_matters(self, products, two):
        pairs = at(products, [0, 1, 20, 21, 40, 41])
        mixed = at(products, [0, 1, 20, 40, 21, 41])
        expected = compare_neighbors({"pairs": pairs, "mixed": mixed}, products)
        assert expected == compare_neighbors({"mixed": mixed, "pairs": pairs}, products)
        shuffled = mixed.select(np.random.default_rng(0).permutation(9))
        other = compare_neighbors({"mixed": shuffled, "pairs": pairs}, products)
        assert other == expected

    def test_a_few_are_enough(self, products):
        pairs = at(products, [0, 1, 20, 21, 40, 41])
        queries = compare_neighbors({"pairs": pairs}, products, num_queries=2)
        assert [q.product.product_id for q in queries] == ["00-black", "01-black"]


def test_all_but_the_product_itself_within_its_block(products):
    queries = compare_neighbors(
        {"pairs": at(products, [0, 1, 20, 21, 40, 41])}, products
    )
    by_name = {query.product.product_id: query for query in queries}
    shirt, trousers = by_name["01-black"], by_name["00-black"]
    assert shirt.num_variants == 2
    assert [found.product.product_id for found in shirt.found["pairs"]] == [
        "01-navy",
        "01-crimson",
    ]
    assert len(trousers.found["pairs"]) == 5
    assert [found.is_variant for found in trousers.found["pairs"]] == [True] + [
        False
    ] * 4
    assert shirt.product.block == "Shirts"
    assert shirt.product.color == "black"
    assert str(shirt.product.image).endswith("01-black.jpg")


def test_what_a_recipe_could_not_embed_is_left_out_for_all(products):
    pairs = at(products, [0, 1, 20, 21, 40, 41])
    some = pairs.select(np.array([0, 1, 3, 4, 5, 6, 7, 8]))  # Without 02-black.
    queries = compare_neighbors({"all": pairs, "some": some}, products)
    names = {query.product.product_id for query in queries}
    assert names == {"00-black", "04-black", "01-black"}
    for query in queries:
        for found in query.found.values():
            assert "02-black" not in [of.product.product_id for of in found]


def test_products_without_a_style_are_found_and_not_asked_about(products):
    styles = np.where(products.style == products.style[0], -1, products.style)
    unlabelled = dataclasses.replace(products, style=styles.astype(np.int32))
    pairs = at(unlabelled, [0, 1, 20, 21, 40, 41])
    queries = compare_neighbors({"pairs": pairs}, unlabelled)
    assert {q.product.product_id for q in queries} == {
        "02-black",
        "04-black",
        "01-black",
    }
    found = [of for query in queries for of in query.found["pairs"]]
    unknown = [of for of in found if of.product.product_id.startswith("00")]
    assert unknown
    assert not any(of.is_variant for of in unknown)


def test_photos_of_a_data_set_come_as_they_are(products):
    in_records = dataclasses.replace(
        products,
        image=np.full(9, "", object),
        records=lambda record: b"photo %d" % record,
        record=np.arange(9) + 10,
    )
    pairs = at(in_records, [0, 1, 20, 21, 40, 41])
    queries = compare_neighbors({"pairs": pairs}, in_records)
    assert {q.product.product_id: q.product.image for q in queries}["02-black"] == (
        b"photo 12"
    )


class TestCache:
    @pytest.fixture
    def run(self, planned, finished_run):
        """A run with the Embedder of another."""
        trained, _ = finished_run
        (run,) = planned({"a": ("--image_size=32",)}, seeds=("0",)).runs
        run.workdir.path.mkdir(parents=True)
        embedder = Path(trained.workdir, "embedder.keras").read_bytes()
        run.workdir.embedder.write_bytes(embedder)
        return run

    @pytest.mark.integration
    def test_products_are_embedded_once(self, run, products, monkeypatch):
        first = embed_shown(run, products)
        assert first.product_id.tolist() == products.product_id.tolist()
        np.testing.assert_allclose(np.linalg.norm(first.vectors, axis=1), 1, rtol=1e-5)
        with monkeypatch.context() as patch:
            patch.delattr(neighbors, "to_table")
            again = embed_shown(run, products)
        np.testing.assert_array_equal(again.vectors, first.vectors)

    def test_other_products_are_embedded_anew(self, run, products):
        embed_shown(run, products)
        assert len(embed_shown(run, products.select(np.arange(4)))) == 4

    def test_so_are_those_of_another_embedder(self, run, products):
        before = embed_shown(run, products).model
        embedder = Embedder.load(run.workdir.embedder)
        other = embedder.with_options(average="mirror")
        other.save(run.workdir.embedder)
        assert embed_shown(run, products).model != before
