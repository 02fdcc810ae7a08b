"""Photos to vectors in one call."""

import numpy as np
import pytest
from PIL import Image

import cv_tf
from cv_tf.catalog import CatalogError
from cv_tf.embeddings import embed_photos


@pytest.fixture
def folder(tmp_path):
    """A folder of three photos, one of them in a folder of its own."""
    (tmp_path / "shirts").mkdir()
    (tmp_path / ".cache").mkdir()
    generator = np.random.default_rng(0)
    for name in ("b.png", "a.JPG", "shirts/c.jpeg", ".cache/hidden.png"):
        pixels = generator.integers(0, 256, (48, 40, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a photo")
    return tmp_path


def test_a_folder_is_searched_and_products_are_named_by_their_photos(folder, embedder):
    products = embed_photos(folder, embedder, progress=False)
    assert products.product_id.tolist() == ["a.JPG", "b.png", "shirts/c.jpeg"]
    assert products.vectors.shape == (3, 64)
    assert products.lab.shape == (3, 3)
    assert products.block_names == ("all",)
    np.testing.assert_allclose(np.linalg.norm(products.vectors, axis=1), 1, rtol=1e-5)


def test_files_and_a_catalogue_give_the_same_vectors(folder, embedder):
    expected = embed_photos(folder, embedder, progress=False).vectors[:2]
    files = [folder / "a.JPG", folder / "b.png"]
    table = folder / "catalog.csv"
    table.write_text("product_id,image\nA,a.JPG\nB,b.png\n")
    catalog = cv_tf.read_catalog(table, block_columns=())
    for photos in (files, catalog):
        found = embed_photos(photos, embedder, progress=False)
        np.testing.assert_allclose(found.vectors, expected, atol=1e-6)


def test_what_is_embedded_can_be_grouped(folder, embedder, tmp_path):
    embedder.save(tmp_path / "embedder.keras")
    products = cv_tf.embed_photos(
        str(folder), tmp_path / "embedder.keras", progress=False
    )
    assert cv_tf.find_groups(products).summary()["num_products"] == 3


@pytest.mark.parametrize(
    ("photos", "message"),
    [
        ("nowhere", "'nowhere' is not a folder of photos"),
        ([], r"has no photos: no name ends in \.jpg"),
        (["a.png", "a.png"], r"a\.png"),
    ],
)
def test_what_is_no_photo_is_told(photos, message, embedder):
    with pytest.raises(CatalogError, match=message):
        embed_photos(photos, embedder)


def test_a_photo_that_cannot_be_read_fails_or_is_left_out(folder, embedder):
    (folder / "broken.png").write_bytes(b"nothing")
    with pytest.raises(CatalogError, match=r"broken\.png"):
        embed_photos(folder, embedder, progress=False)
    products = embed_photos(folder, embedder, on_bad_image="reject", progress=False)
    assert len(products) == 3
