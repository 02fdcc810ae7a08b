"""Photos to vectors in one call."""

import os

import numpy as np
import pytest
from PIL import Image

import cv_tf
from cv_tf.catalog import CatalogError, catalog_of_photos, read_catalog
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


def test_products_have_the_ids_that_tables_have(tmp_path):
    for name in ("Ro\u0308cke.jpg", " a.jpg"):
        (tmp_path / name).touch()
    catalog = catalog_of_photos(tmp_path)
    assert catalog.product_id.tolist() == ["a.jpg", "R\u00f6cke.jpg"]
    assert catalog.image.tolist() == [
        f"{tmp_path}/ a.jpg",
        f"{tmp_path}/Ro\u0308cke.jpg",
    ]


def test_names_that_are_no_text_are_named(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).touch()
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    with pytest.raises(CatalogError, match=r"such as '.*caf.udce9\.jpg', is not"):
        catalog_of_photos(tmp_path)
    table = tmp_path / os.fsdecode(b"caf\xe9") / "c.csv"
    table.write_text("product_id,image\n1,a.jpg\n")
    with pytest.raises(CatalogError, match="is not UTF-8"):
        read_catalog(table, ())
