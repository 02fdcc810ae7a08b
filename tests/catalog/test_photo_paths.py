"""From cells of a table to photos, as different tools and machines write them."""

import logging
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cv_tf.catalog import CatalogError, FolderNames, catalog_of_photos, read_catalog
from cv_tf.pipeline import scan
from cv_tf.pipeline.scan_cache import ScanCache

NFC, NFD = (unicodedata.normalize(form, "röcke-é") for form in ("NFC", "NFD"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a table, beside a home folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "shop").mkdir()
    return tmp_path / "shop"


def read(folder, *cells):
    """The catalogue of a table with these paths of photos."""
    quoted = (cell.replace('"', '""') for cell in cells)
    rows = "".join(f'{row},"{cell}"\n' for row, cell in enumerate(quoted))
    (folder / "c.csv").write_text(f"product_id,image\n{rows}", encoding="utf-8")
    return read_catalog(folder / "c.csv", block_columns=())


def photo_of(folder, cell):
    return read(folder, cell).image[0]


def touch(folder, name):
    path = Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return str(path)


def reasons(catalog):
    return [row.reason for row in scan.scan(catalog, ScanCache(catalog), False)]


class TestBackslashes:
    @pytest.mark.parametrize(
        "cell", [r"images\sub\a.jpg", r"images\sub/a.jpg", r".\images\sub\a.jpg"]
    )
    def test_are_slashes(self, folder, cell, caplog):
        assert photo_of(folder, cell) == f"{folder}/images/sub/a.jpg"
        assert "in 1 of 1 paths of photos, backslashes are" in caplog.text

    def test_are_told_once_with_their_number(self, folder, caplog):
        with caplog.at_level(logging.WARNING, "absl"):
            read(folder, r"a\1.jpg", r"a\2.jpg", "a/3.jpg", r"C:\a\4.jpg")
        (record,) = caplog.records
        assert "c.csv: in 2 of 4 paths of photos, backslashes" in record.getMessage()

    @pytest.mark.parametrize("name", [r"images\a.jpg", r"images/x\a.jpg", r"~\a"])
    def test_may_be_of_a_name(self, folder, name, caplog):
        path = touch(folder, name)
        assert photo_of(folder, name) == path
        assert caplog.text == ""

    @pytest.mark.parametrize(
        "cell",
        [r"..\secret.jpg", r"..\..\secret.jpg", r"a\..\..\secret.jpg", r"a/..\../s"],
    )
    def test_do_not_leave_the_folder(self, folder, cell):
        with pytest.raises(CatalogError, match="leaves the table's folder"):
            read(folder, cell)

    def test_those_of_another_form_of_unicode_are_found(self, folder):
        path = touch(folder, f"{NFD}/{NFD}.jpg")
        assert photo_of(folder, rf"{NFC}\{NFC}.jpg") == path


class TestUnicodeForms:
    @pytest.mark.parametrize(("on_disk", "in_table"), [(NFD, NFC), (NFC, NFD)])
    @pytest.mark.parametrize("path", ["{}.jpg", "{}/a.jpg", "{}/b/{}.jpg", "b/{}.jpg"])
    def test_of_files_and_folders_are_found(self, folder, on_disk, in_table, path):
        there = touch(folder, path.replace("{}", on_disk))
        cell = path.replace("{}", in_table)
        assert photo_of(folder, cell) == there
        assert photo_of(folder, str(folder / cell)) == there

    def test_the_form_of_the_table_comes_first(self, folder):
        for form in (NFC, NFD):
            touch(folder, f"{form}.jpg")
        for form in (NFC, NFD):
            assert photo_of(folder, f"{form}.jpg") == f"{folder}/{form}.jpg"

    def test_a_folder_is_listed_once(self, folder, monkeypatch):
        for number in range(5):
            touch(folder, f"images/{NFD}{number}.jpg")
        listed = []
        original = os.listdir
        monkeypatch.setattr(
            os, "listdir", lambda path: listed.append(path) or original(path)
        )
        cells = [f"images/{NFC}{number}.jpg" for number in range(5)]
        images = read(folder, *cells, *cells[:2], "images/plain.jpg").image
        assert all(Path(image).is_file() for image in images[:-1])
        assert listed.count(f"{folder}/images") == 1

    def test_ordinary_paths_need_no_look_at_the_disk(self, folder, monkeypatch):
        listed = []
        monkeypatch.setattr(os, "listdir", listed.append)
        monkeypatch.setattr(os.path, "lexists", listed.append)
        images = read(
            folder, "a.jpg", "./b/c.jpg", "/d/e.jpg", "gs://b/c.jpg", ""
        ).image
        assert images.tolist() == [
            *(f"{folder}/a.jpg", f"{folder}/b/c.jpg", "/d/e.jpg", "gs://b/c.jpg", "")
        ]
        assert listed == []

    def test_what_is_not_there_stays_as_it_is(self, folder):
        assert photo_of(folder, f"{NFD}/{NFC}.jpg") == f"{folder}/{NFD}/{NFC}.jpg"


class TestHome:
    def test_is_that_of_a_shell(self, folder):
        home = folder.parent / "home"
        assert photo_of(folder, "~/a.jpg") == f"{home}/a.jpg"
        assert photo_of(folder, r"~\b\a.jpg") == f"{home}/b/a.jpg"
        root = os.path.expanduser("~root")  # noqa: PTH111
        assert photo_of(folder, "~root/a.jpg") == f"{root}/a.jpg"

    @pytest.mark.parametrize("name", ["~/a.jpg", "~root/a.jpg", "~a.jpg"])
    def test_files_beside_the_table_come_first(self, folder, name):
        path = touch(folder, name)
        assert photo_of(folder, name) == path

    def test_an_unknown_user_has_none(self, folder):
        assert photo_of(folder, "~nobody-here/a.jpg") == f"{folder}/~nobody-here/a.jpg"


class TestFileAddresses:
    @pytest.mark.parametrize(
        ("cell", "path"),
        [
            ("file:///photos/a.jpg", "/photos/a.jpg"),
            ("FILE:///photos/a%20b.jpg", "/photos/a b.jpg"),
            ("file://localhost/photos/a.jpg", "/photos/a.jpg"),
            ("file:/photos/a.jpg", "/photos/a.jpg"),
            ("file:///photos/a%23%C3%A9.jpg", "/photos/a#é.jpg"),
        ],
    )
    def test_are_local_paths(self, folder, cell, path):
        assert photo_of(folder, cell) == path

    def test_are_found_in_another_form_of_unicode(self, folder):
        path = touch(folder, f"{NFD}.jpg")
        assert photo_of(folder, (folder / f"{NFC}.jpg").as_uri()) == path


@pytest.mark.parametrize(
    "cell",
    [
        r"C:\photos\a.jpg",
        "d:/photos/a.jpg",
        r"\\server\share\a.jpg",
        "file://server/share/a.jpg",
        "file:////server/share/a.jpg",
        "file:///C:/photos/a.jpg",
    ],
)
def test_paths_of_other_machines_are_told(folder, cell, caplog):
    (reason,) = reasons(read(folder, cell))
    assert "a path of another machine" in reason
    assert "give its path from the table's folder" in reason
    assert "backslashes" not in caplog.text


@pytest.mark.parametrize("cell", ["%2e%2e/secret.jpg", "images/..%2f..%2fsecret.jpg"])
def test_what_is_spelled_as_in_addresses_does_not_leave_the_folder(folder, cell):
    touch(folder.parent, "secret.jpg")
    touch(folder, "images/a.jpg")
    assert reasons(read(folder, cell)) == ["the file is missing"]


class TestSuggestions:
    @pytest.mark.parametrize(
        ("cell", "there"),
        [
            ("A.JPG", "a.jpg"),
            ("images/a.jpg", "images/A.JPG"),
            ("Images/a.jpg", "images/a.jpg"),
            ("a.jpg", "a.jpeg"),
            ("a.png", "A.jpg"),
            ("a", "a.webp"),
            ("a.jpg", "a.jpg.png"),
            ("a%20b.jpg", "a b.jpg"),
            ("a+b.jpg", "a b.jpg"),
            ("a b.jpg", "a%20b.jpg"),
            ("a%2Bb.jpg", "a+b.jpg"),
            ("a.jpg?v=12", "a.jpg"),
            (f"{NFC.upper()}.jpg", f"{NFD}.jpg"),
            ("/images/a.jpg", "images/a.jpg"),
            ("/Images/a.jpg", "images/a.png"),
        ],
    )
    def test_name_what_is_there(self, folder, cell, there):
        touch(folder, there)
        expected = [f"the file is missing; there is {there!r}"]
        assert reasons(read(folder, cell)) == expected

    def test_name_several(self, folder):
        for name in ("A.jpg", "a.png", "b.jpg"):
            touch(folder, name)
        expected = ["the file is missing; there is 'A.jpg' and 'a.png'"]
        assert reasons(read(folder, "a.jpg")) == expected

    @pytest.mark.parametrize("cell", ["b.jpg", "none/a.jpg", "/none/b.jpg", "a.jpg/b"])
    def test_are_left_out_where_nothing_is_similar(self, folder, cell):
        touch(folder, "a.jpg")
        (folder / "b").mkdir()
        assert reasons(read(folder, cell)) == ["the file is missing"]

    def test_list_a_folder_once(self, folder, monkeypatch):
        touch(folder, "a.jpg")
        listed = []
        original = os.listdir
        monkeypatch.setattr(
            os, "listdir", lambda path: listed.append(path) or original(path)
        )
        found = reasons(read(folder, *["A.jpg"] * 50))
        assert set(found) == {"the file is missing; there is 'a.jpg'"}
        assert listed.count(str(folder)) == 1

    def test_are_of_absolute_paths_without_a_table(self, folder):
        path = touch(folder, "a.jpg")
        assert FolderNames().similar(str(folder / "A.jpg")) == [path]


def test_photos_are_remembered_by_their_path_in_the_folder(folder):
    (folder / "images").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / "images" / "a.png")
    catalog = read(folder, "images/a.png", r"images\a.png", "./images/a.png")
    rows = scan.scan(catalog, ScanCache(catalog), False)
    assert [(row.key, row.kind) for row in rows] == [("images/a.png", "png")] * 3


def test_a_table_may_be_named_by_a_way_around(tmp_path, monkeypatch):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "c.csv").write_text("product_id,image\n1,a.jpg\n")
    monkeypatch.chdir(tmp_path / "shop")
    for path in ("c.csv", "./c.csv", "../shop/c.csv", f"{tmp_path}/shop/../shop/c.csv"):
        catalog = read_catalog(path, ())
        assert catalog.image.tolist() == [f"{tmp_path}/shop/a.jpg"]
        assert catalog.folder == f"{tmp_path}/shop"


def test_every_kind_of_photo_in_a_folder_is_a_product(tmp_path):
    names = ["a.JPG", "b.avif", "c.gif", "d.heic", "e.jp2", "f.tiff", "g.txt", ".h.jpg"]
    for name in names:
        (tmp_path / name).touch()
    assert catalog_of_photos(tmp_path).product_id.tolist() == names[:6]
