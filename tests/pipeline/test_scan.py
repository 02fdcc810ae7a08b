import os
import shutil

import numpy as np
import pytest
from PIL import Image

from cv_tf.catalog import read_catalog
from cv_tf.pipeline import scan
from cv_tf.pipeline.scan_cache import ScanCache


@pytest.fixture
def catalog(tmp_path):
    """Three photos: dark on white, in three formats; and one that is missing."""
    for name in ("a.jpg", "b.png", "c.webp"):
        image = Image.new("RGB", (100, 200), "white")
        image.paste((20, 20, 20), (25, 50, 75, 150))
        image.save(tmp_path / name)
    rows = "1,a.jpg\n2,b.png\n3,c.webp\n4,missing.jpg\n5,\n"
    (tmp_path / "c.csv").write_text("product_id,image\n" + rows, encoding="utf-8")
    return read_catalog(tmp_path / "c.csv", block_columns=())


@pytest.fixture
def examined(monkeypatch):
    """How many photos were decoded, as a list that grows."""
    calls = []
    original = scan.examine

    def count(encoded, boxes):
        calls.append(len(encoded))
        return original(encoded, boxes)

    monkeypatch.setattr(scan, "examine", count)
    return calls


def run(catalog, folder=None):
    return scan.scan(catalog, ScanCache(catalog, folder), progress=False)


def test_the_scan_tells_what_each_photo_is(catalog):
    jpeg, png, webp, missing, empty = run(catalog)
    assert [row.kind for row in (jpeg, png, webp)] == ["jpeg", "png", "converted"]
    for row in (jpeg, png, webp):
        assert (row.height, row.width, row.reason) == (200, 100, "")
        assert row.found
        assert min(row.background) >= 250
        # Rows 50 to 150 of 200 and columns 25 to 75 of 100, with 4% around.
        np.testing.assert_allclose(row.frame, [0.21, 0.21, 0.58, 0.58], atol=0.012)
    assert missing.reason == "the file is missing"
    assert empty.reason == "no image given"


def test_photos_are_decoded_once_and_remembered_beside_the_data(catalog, examined):
    first = run(catalog)
    assert len(examined) == 3
    assert run(catalog) == first
    assert len(examined) == 3
    assert list(os.scandir(catalog.folder + "/.cv_tf"))


def test_a_changed_photo_is_looked_at_again_and_others_not(catalog, examined):
    before = run(catalog)
    Image.new("RGB", (40, 30)).save(catalog.image[1])
    after = run(catalog)
    assert len(examined) == 4
    assert (after[1].width, after[1].height) == (40, 30)
    assert after[0] == before[0]


def test_a_missing_photo_is_found_once_it_is_there(catalog):
    assert run(catalog)[3].reason
    shutil.copy(catalog.image[0], catalog.image[3])
    assert run(catalog)[3].kind == "jpeg"


def test_a_broken_photo_is_remembered_until_it_is_mended(catalog, examined):
    good = catalog.image[0]
    with open(catalog.image[3], "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write("no photo at all, just text")
    assert "text file" in run(catalog)[3].reason
    assert "text file" in run(catalog)[3].reason
    assert len(examined) == 4
    shutil.copy(good, catalog.image[3])
    assert run(catalog)[3].reason == ""


def test_a_lost_converted_copy_is_made_again(catalog):
    row = run(catalog)[2]
    cache = ScanCache(catalog)
    cache.converted_path(row).unlink()
    assert run(catalog)[2].kind == "converted"
    with Image.open(cache.converted_path(row)) as copy:
        assert copy.size == (100, 200)


def test_a_damaged_cache_is_made_anew(catalog, examined):
    first = run(catalog)
    cache = ScanCache(catalog)
    (file,) = cache.folder.glob("*.parquet")
    file.write_bytes(b"cut short")
    assert run(catalog) == first
    assert len(examined) == 6


def test_a_folder_that_cannot_be_written_is_left_alone(catalog, tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / ".cv_tf").write_text("a file where the folder should be")
    assert run(catalog)[0].kind == "jpeg"
    (folder,) = (home / ".cache" / "cv_tf").iterdir()
    assert list(folder.glob("*.parquet"))


@pytest.mark.integration
def test_an_interrupted_scan_keeps_what_it_has_seen(catalog, monkeypatch, examined):
    monkeypatch.setattr(scan, "_CHUNK", 1)
    original = scan._read

    def interrupted(catalog, i):
        if i == 2:
            raise KeyboardInterrupt
        return original(catalog, i)

    monkeypatch.setattr(scan, "_read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(catalog)
    monkeypatch.setattr(scan, "_read", original)
    run(catalog)
    assert len(examined) == 3


def test_two_products_may_share_a_photo_that_needs_converting(tmp_path):
    Image.new("RGB", (30, 30)).save(tmp_path / "a.webp")
    rows = "".join(f"{i},a.webp\n" for i in range(40))
    (tmp_path / "c.csv").write_text("product_id,image\n" + rows, encoding="utf-8")
    catalog = read_catalog(tmp_path / "c.csv", block_columns=())
    assert {row.kind for row in run(catalog)} == {"converted"}


def test_records_are_scanned_like_files(catalog):
    def read(i):
        with open(catalog.image[i], "rb") as file:  # noqa: PTH123
            return file.read()

    from dataclasses import replace  # noqa: PLC0415

    records = replace(
        catalog.select(np.arange(3)),
        image=np.array(["", "", ""], object),
        records=read,
        record=np.array([2, 0, 1]),
    )
    kinds = [row.kind for row in run(records, catalog.folder + "/elsewhere")]
    assert kinds == ["converted", "jpeg", "png"]
