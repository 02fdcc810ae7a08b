"""A folder of photos as a catalogue: a product a photo."""

import logging
import unicodedata

import pytest

from cv_tf.catalog import CatalogError, catalog_of_photos, read_products
from cv_tf.config import CatalogSettings


@pytest.fixture
def folder(tmp_path):
    """A function that makes files of these names, and names their folder."""

    def make(*names):
        for name in names:
            path = tmp_path / "photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"photo")
        return tmp_path / "photos"

    return make


def read(folder, **settings):
    return read_products(CatalogSettings(catalog=str(folder), **settings))


def test_a_product_is_named_as_its_photo_and_its_folder_is_its_category(folder):
    photos = folder("bags/b1.jpg", "bags/b2.PNG", "shoes/red/s1.webp", "x.jpeg")
    catalog = read(photos)
    assert catalog.product_id.tolist() == ["b1", "b2", "s1", "x"]
    assert catalog.image[2] == f"{photos}/shoes/red/s1.webp"
    assert catalog.block_names == ("(none)", "bags", "shoes/red")
    assert catalog.block.tolist() == [1, 1, 2, 0]
    assert (catalog.folder, catalog.name) == (str(photos), "photos")


def test_names_that_are_there_twice_are_paths(folder):
    catalog = read(folder("a/1.jpg", "b/1.jpg", "b/2.jpg"))
    assert catalog.product_id.tolist() == ["a/1.jpg", "b/1.jpg", "b/2.jpg"]


def test_without_folders_there_is_one_block(folder):
    assert read(folder("1.jpg", "2.jpg")).block_names == ("all",)


def test_all_may_be_compared(folder):
    catalog = read(folder("a/1.jpg", "b/2.jpg"), block_columns=())
    assert set(catalog.block) == {0}


def test_what_is_hidden_or_no_photo_is_left_out(folder):
    photos = folder(
        "a.jpg", ".b.jpg", ".cache/c.jpg", "notes.md", "__MACOSX/._a.jpg", "d.JPG"
    )
    assert read(photos).product_id.tolist() == ["a", "d"]


def test_names_have_one_form_of_unicode(folder):
    name = "Röcke"
    photos = folder(f"{unicodedata.normalize('NFD', name)}.jpg")
    assert read(photos).product_id.tolist() == [name]


def test_tables_in_it_are_said(folder, caplog):
    photos = folder("a.jpg", "catalog.csv", "more.XLSX")
    with caplog.at_level(logging.WARNING, "absl"):
        read(photos)
    assert "It also has catalog.csv and more.XLSX: name that file" in caplog.text


class TestProblems:
    def test_a_folder_without_photos_is_told(self, folder):
        with pytest.raises(CatalogError, match=r"photos' has no photos: no name ends"):
            read(folder("notes.md"))

    def test_other_columns_are_told(self, folder):
        with pytest.raises(CatalogError, match="there is no column 'brand'"):
            read(folder("a.jpg"), block_columns=("category", "brand"))

    def test_a_split_is_told(self, folder):
        settings = CatalogSettings(catalog=str(folder("a.jpg")))
        with pytest.raises(CatalogError, match="no split 'train'"):
            read_products(settings, "train")

    def test_photos_that_are_listed_twice_are_told(self, folder):
        photo = folder("a.jpg") / "a.jpg"
        with pytest.raises(CatalogError, match="was already on"):
            catalog_of_photos([photo, photo])
