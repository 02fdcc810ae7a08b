"""The vector of a product with several photos, and further columns in the file."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from cv_tf.catalog import read_catalog
from cv_tf.embeddings import embed, embed_with_color
from cv_tf.embeddings.compute import embed_batches
from cv_tf.embeddings.parquet import to_table
from cv_tf.models import Inference
from cv_tf.pipeline import scan_photos

pytestmark = pytest.mark.integration

NUM_PHOTOS = 9
# Photos of each product, by their numbers: as many as one, two and four.
PRODUCTS = ([0], [1, 2], [3], [4, 5, 6, 7], [8])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Nine photos of colored boxes on white, and tables of them."""
    folder = tmp_path_factory.mktemp("photos")
    chance = np.random.default_rng(0)
    for number in range(NUM_PHOTOS):
        image = Image.new("RGB", (64, 64), "white")
        left, top = chance.integers(10, 20, 2).tolist()
        color = tuple(chance.integers(0, 200, 3).tolist())
        image.paste(color, (left, top, left + 30, top + 20 + number))
        image.save(folder / f"{number}.png")
    return folder


def read(folder, products):
    rows = [
        f"{i},{'|'.join(f'{number}.png' for number in of)},t{i}"
        for i, of in enumerate(products)
    ]
    text = "\n".join(["product_id,image,title", *rows])
    (folder / "c.csv").write_text(text, encoding="utf-8")
    return scan_photos(read_catalog(folder / "c.csv", ()), 32)


@pytest.fixture(scope="module")
def alone(folder, embedder):
    """The vector and color of each photo by itself."""
    photos = read(folder, [[number] for number in range(NUM_PHOTOS)])
    return embed_with_color(embedder, photos)


@pytest.fixture(scope="module")
def photos(folder):
    return read(folder, PRODUCTS)


@pytest.fixture(scope="module")
def expected(alone):
    sums = [alone.vectors[of].sum(axis=0, dtype=float) for of in PRODUCTS]
    return np.stack([it / np.linalg.norm(it) for it in sums])


def test_is_the_mean_of_all_made_length_1(photos, embedder, expected, alone):
    vectors = embed(embedder, photos)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(vectors[[0, 2, 4]], alone.vectors[[0, 3, 8]])
    assert np.abs(vectors[1] - alone.vectors[1]).max() > 1e-3  # Photos differ.


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5])
def test_does_not_depend_on_the_batch(photos, embedder, batch_size):
    found = embed(embedder, photos, batch_size)
    np.testing.assert_array_equal(found, embed(embedder, photos))


def test_of_some_products_is_the_same(photos, embedder):
    rows = np.array([3, 1])
    found = embed(embedder, photos.select(rows))
    np.testing.assert_array_equal(found, embed(embedder, photos)[rows])


def test_colors_are_those_of_the_packshot(photos, embedder, alone):
    found = embed_with_color(embedder, photos)
    np.testing.assert_array_equal(found.lab, alone.lab[[0, 1, 3, 4, 8]])
    np.testing.assert_array_equal(found.vectors, embed(embedder, photos))


class _Opposed:
    """What gives the further photo of a product the opposite vector."""

    def __init__(self):
        self.sign = 1.0

    def over(self, batches):
        for batch in batches:
            vectors = np.zeros((len(batch), 4), np.float32)
            vectors[:, 1] = self.sign
            self.sign = -self.sign
            yield vectors


def test_of_photos_that_cancel_each_other_out_is_that_of_the_first(folder):
    photos = read(folder, [[0, 1]])
    (vectors,) = embed_batches(_Opposed(), photos, 8)
    np.testing.assert_array_equal(vectors, [[0, 1, 0, 0]])


def test_outputs_of_all_kinds_come_in_batches(photos, embedder):
    model = Inference(embedder, with_color=True)
    lengths = [tuple(map(len, batch)) for batch in embed_batches(model, photos, 2)]
    assert lengths == [(2, 2), (2, 2), (1, 1)]


class TestFile:
    def test_has_further_columns_as_text(self, photos):
        vectors = np.eye(5, dtype=np.float32)
        table = to_table(photos.catalog, vectors)
        names = ["product_id", "block", "image", "title", "embedding"]
        assert table.column_names == names
        assert table["title"].to_pylist() == ["t0", "t1", "t2", "t3", "t4"]
        assert table.schema.field("title").type == pa.string()
        assert table["image"].to_pylist()[1].endswith("/1.png")

    def test_own_columns_go_before_others_of_their_name(self, photos):
        mine = np.array(["x"] * 5, object)
        extras = {"lab": mine, "block": mine, "embedding": mine, "note": mine}
        catalog = dataclasses.replace(photos.catalog, extras=extras)
        lab = np.zeros((5, 3), np.float32)
        table = to_table(catalog, np.eye(5, dtype=np.float32), lab)
        assert table.column_names == [
            "product_id",
            "block",
            "image",
            "note",
            "lab",
            "embedding",
        ]
        assert table["block"].to_pylist() == ["all"] * 5
