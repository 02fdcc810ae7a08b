"""Catalogues of hardly any product: what is missing is told, and advice makes sense."""

import re

import numpy as np
import pytest
from PIL import Image

from cv_tf.catalog import read_catalog
from cv_tf.embeddings import embed_photos
from cv_tf.errors import UserError
from cv_tf.grouping import find_groups, find_neighbors
from cv_tf.methods import build_embedder
from cv_tf.pipeline import BlockOrder, RandomOrder, StyleOrder
from cv_tf.training import evaluate_catalog, session


@pytest.fixture
def table(tmp_path):
    """A function from lines of a table to its path, with a photo for each product."""

    def write(header, *rows):
        random = np.random.default_rng(0)
        lines = []
        for row in rows:
            name = row.partition(",")[0]
            pixels = random.integers(0, 255, (40, 40, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"{name}.png")
            lines.append(f"{name},{name}.png{row.removeprefix(name)}")
        text = "\n".join([f"product_id,image{header}", *lines])
        (tmp_path / "c.csv").write_text(f"{text}\n")
        return str(tmp_path / "c.csv")

    return write


@pytest.mark.parametrize(
    ("header", "rows", "found"),
    [
        ("", ["A"], "of 1 products whose photos can be used, 1 can be learned from"),
        (",style_id", ["A,s"], "of 1 products whose photos can be used, 0 can be"),
        (",style_id", ["A,s", "B,s"], "0 can be learned from (1 of 1 styles held out)"),
        (
            ",style_id,split",
            ["A,s,train", "B,t,validation", "C,t,validation"],
            "1 can be learned from (splits 'train' and 'validation')",
        ),
    ],
)
@pytest.mark.parametrize(
    ("method", "pseudo_labels"),
    [
        ("part_contrast", "none"),
        ("moco", "none"),
        ("supcon", "none"),
        ("supcon", "all"),
    ],
)
def test_training_needs_two_products(
    table, tiny_run, tmp_path, header, rows, found, method, pseudo_labels
):
    catalog = table(header, *rows)
    settings = {"method": method, "pseudo_labels": pseudo_labels, "block_columns": ()}
    config = tiny_run(tmp_path / "run", catalog=catalog, **settings)
    with pytest.raises(UserError, match=re.escape(found)) as error:
        session.prepare_run(config, read_catalog(catalog, ()))
    assert "training needs two at least" in str(error.value)
    assert "Lower" not in str(error.value)


ORDERS = [
    lambda number, size: RandomOrder(number, size, 0),
    lambda number, size: BlockOrder(np.zeros(number, int), size, 0),
    lambda number, size: StyleOrder(np.arange(number), 2, size, 0),
]


@pytest.mark.parametrize("order", ORDERS, ids=["random", "block", "style"])
class TestOrders:
    @pytest.mark.parametrize(("number", "said"), [(0, "are none"), (1, "is one")])
    def test_no_batch_is_small_enough(self, order, number, said):
        with pytest.raises(UserError, match=f"there {said} to learn from") as error:
            order(number, 8)
        assert "Lower" not in str(error.value)

    @pytest.mark.parametrize("number", [2, 7])
    def test_a_smaller_batch_is(self, order, number):
        with pytest.raises(UserError, match=f"Lower --batch_size to {number} or less"):
            order(number, 8)


def test_without_variants_no_batch_is_small_enough():
    with pytest.raises(UserError, match="share a style_id") as error:
        StyleOrder(np.array([0, 1, 2, -1, -1, -1]), 2, 4, 0)
    assert "Lower" not in str(error.value)


def test_with_few_variants_a_smaller_batch_is():
    with pytest.raises(UserError, match="Lower --batch_size to 2 or less"):
        StyleOrder(np.array([0, 0, 2, 3, -1, -1]), 2, 4, 0)


@pytest.mark.integration
class TestOneProduct:
    @pytest.fixture
    def embedder(self, tiny_run, tmp_path):
        return build_embedder(tiny_run(tmp_path / "run"))

    def test_is_embedded_and_grouped(self, table, embedder):
        catalog = read_catalog(table("", "A"), block_columns=())
        products = embed_photos(catalog, embedder, progress=False)
        assert products.product_id.tolist() == ["A"]
        grouped = find_groups(products, find_neighbors(products), 0.5)
        assert grouped.size.tolist() == [1]

    def test_of_one_style_all_are_reported_on(self, table, tiny_run, tmp_path):
        catalog = read_catalog(table(",style_id", "A,s", "B,s"), block_columns=())
        config = tiny_run(tmp_path / "run", method="frozen")
        figures = evaluate_catalog(config, catalog, None).figures
        assert figures["recall_at_1"] == 1
        assert "threshold" not in figures
        config = tiny_run(tmp_path / "run", method="frozen", whiten="pca")
        with pytest.raises(UserError, match="all products are to be reported on"):
            evaluate_catalog(config, catalog, None)

    def test_a_saved_embedder_reports_on_all_of_one_style(
        self, table, tiny_run, embedder, tmp_path
    ):
        embedder.save(tmp_path / "e.keras")
        catalog = read_catalog(table(",style_id", "A,s", "B,s"), block_columns=())
        config = tiny_run(tmp_path / "run")
        result = evaluate_catalog(config, catalog, tmp_path / "e.keras")
        assert result.figures["recall_at_1"] == 1
        assert result.trained_on == {}
