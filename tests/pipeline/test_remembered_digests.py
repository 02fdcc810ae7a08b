"""Digests of photos that are kept from one run to the next."""

import os

import pytest
from PIL import Image

from cv_tf.catalog import read_catalog
from cv_tf.pipeline import (
    is_digest,
    load_photos,
    may_pass,
    photo_digests,
    remember_digests,
    scan as scan_module,
)


@pytest.fixture
def shop(tmp_path):
    """A function that writes a table of these photos, and reads it as a catalogue."""
    for shade in range(4):
        Image.new("L", (8, 8), 60 * shade).save(tmp_path / f"{shade}.png")

    def write(*images):
        rows = [f"p{row},{image}" for row, image in enumerate(images)]
        (tmp_path / "c.csv").write_text("\n".join(["product_id,image", *rows]))
        return read_catalog(tmp_path / "c.csv", ())

    return write


@pytest.fixture
def was_read(monkeypatch):
    """The photos that were read since the list was last cleared."""
    rows, read = [], scan_module._read

    def count(catalog, row):
        rows.append(catalog.image[row].rpartition("/")[2])
        return read(catalog, row)

    monkeypatch.setattr(scan_module, "_read", count)
    return rows


def test_they_are_those_of_the_photos(shop, tmp_path):
    catalog = shop("0.png", "1.png", "missing.png", "0.png")
    digests = remember_digests(catalog, tmp_path / "kept")
    assert digests == photo_digests(catalog, tmp_path / "other")
    assert [is_digest(digest) for digest in digests] == [True, True, False, True]
    assert digests[0] == digests[3] != digests[1]
    assert digests[2] == "the file is missing"


def test_only_what_is_new_or_touched_is_read(shop, tmp_path, was_read):
    kept = tmp_path / "kept"
    before = remember_digests(shop("0.png", "1.png", "2.png"), kept)
    assert sorted(was_read) == ["0.png", "1.png", "2.png"]
    was_read.clear()
    assert remember_digests(shop("2.png", "0.png"), kept) == [before[2], before[0]]
    assert was_read == []
    # What was no longer there has been forgotten; a new and a replaced photo are read.
    Image.new("L", (8, 8), 255).save(tmp_path / "2.png")
    after = remember_digests(shop("0.png", "1.png", "2.png"), kept)
    assert sorted(was_read) == ["1.png", "2.png"]
    assert after[:2] == before[:2]
    assert after[2] != before[2]


def test_a_touched_photo_is_read_once(shop, tmp_path, was_read):
    catalog, kept = shop("0.png"), tmp_path / "kept"
    before = remember_digests(catalog, kept)
    os.utime(tmp_path / "0.png", (1, 1))
    was_read.clear()
    assert remember_digests(catalog, kept) == before == remember_digests(catalog, kept)
    assert was_read == ["0.png"]


def test_a_damaged_file_is_made_anew(shop, tmp_path, was_read):
    catalog, kept = shop("0.png"), tmp_path / "kept"
    before = remember_digests(catalog, kept)
    (path,) = kept.glob("*.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    was_read.clear()
    assert remember_digests(catalog, kept) == before
    assert was_read == ["0.png"]


def test_a_scan_looks_at_photos_of_which_only_the_digest_is_kept(shop, tmp_path):
    catalog, kept = shop("0.png", "1.png"), tmp_path / "kept"
    remember_digests(catalog, kept)
    expected = load_photos(catalog, 32, cache_dir=tmp_path / "own", progress=False)
    found = load_photos(catalog, 32, cache_dir=kept, progress=False)
    assert (found.pixels == expected.pixels).all()


@pytest.mark.parametrize(
    ("reason", "may"),
    [
        ("the file is missing; there is 'a.JPG'", True),
        ("the file cannot be read (timed out)", True),
        ("this machine has too little free memory to decode it", True),
        ("a text file, not a photo", False),
        ("", False),
    ],
)
def test_what_may_be_of_use_the_next_time(reason, may):
    assert may_pass(reason) is may
