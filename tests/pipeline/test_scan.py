import hashlib
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cv_tf.catalog import read_catalog
from cv_tf.pipeline import photo_digests, scan
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

    records = replace(
        catalog.select(np.arange(3)),
        image=np.array(["", "", ""], object),
        records=read,
        record=np.array([2, 0, 1]),
    )
    kinds = [row.kind for row in run(records, catalog.folder + "/elsewhere")]
    assert kinds == ["converted", "jpeg", "png"]


class TestDigests:
    def test_are_those_of_the_bytes(self, catalog):
        rows = run(catalog)
        for row, image in zip(rows[:3], catalog.image, strict=False):
            content = Path(image).read_bytes()
            expected = hashlib.blake2b(content, digest_size=16).hexdigest()
            assert row.digest == expected
        assert [row.digest for row in rows[3:]] == ["", ""]

    def test_alone_need_no_decoding(self, catalog, examined):
        alone = photo_digests(catalog)
        assert not examined
        assert alone[3:] == ["the file is missing", "no image given"]
        assert alone[:3] == [row.digest for row in run(catalog)[:3]]

    def test_of_what_was_scanned_need_no_reading(self, catalog, monkeypatch):
        expected = photo_digests(catalog)
        run(catalog)
        monkeypatch.setattr(scan, "_read", lambda *_: pytest.fail("read again"))
        assert photo_digests(catalog) == expected

    def test_a_photo_that_cannot_be_used_has_one(self, catalog):
        Path(catalog.image[0]).write_text("no photo")
        (row, *_) = run(catalog)
        assert row.reason
        assert photo_digests(catalog)[0] == row.digest

    def test_another_photo_of_the_same_size_and_time_is_noticed(self, catalog):
        path = Path(catalog.image[1])
        stat, before = path.stat(), run(catalog)[1]
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        after = run(catalog)[1]
        assert (before.size, before.modified) == (after.size, after.modified)
        assert before.digest != after.digest

    def test_what_was_only_copied_is_not_decoded_again(self, catalog, examined):
        before = run(catalog)
        for image in catalog.image[:3]:
            content = Path(image).read_bytes()
            Path(image).unlink()
            Path(image).write_bytes(content)
            os.utime(image, (7, 7))
        after = run(catalog)
        assert len(examined) == 3
        assert [row.digest for row in after] == [row.digest for row in before]
        assert run(catalog) == after


class TestDamaged:
    @pytest.mark.parametrize("seed", range(20))
    def test_a_flipped_bit_of_the_cache_is_noticed(self, seed, catalog, examined):
        first = run(catalog)
        (file,) = ScanCache(catalog).folder.glob("*.parquet")
        draw, content = random.Random(seed), bytearray(file.read_bytes())
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        file.write_bytes(content)
        assert ScanCache(catalog).read() == {}
        assert run(catalog) == first
        assert len(examined) == 6
        assert list(ScanCache(catalog).folder.glob("*.parquet")) == [file]

    @pytest.mark.parametrize("damage", [b"", b"PNG", None])
    def test_a_converted_copy_is_made_anew(self, damage, catalog, examined):
        row = run(catalog)[2]
        path = ScanCache(catalog).converted_path(row)
        content = bytearray(path.read_bytes())
        whole = bytes(content)
        content[-30] ^= 1
        path.write_bytes(content if damage is None else damage)
        assert run(catalog)[2] == row
        assert len(examined) == 4
        assert path.read_bytes() == whole

    def test_what_is_no_file_is_never_waited_for(self, catalog):
        first = run(catalog)
        (file,) = ScanCache(catalog).folder.glob("*.parquet")
        for path in (file, ScanCache(catalog).converted_path(first[2])):
            path.unlink()
            os.mkfifo(path)
        assert ScanCache(catalog).read() == {}
        assert run(catalog) == first

    def test_what_two_processes_found_is_put_together(self, catalog):
        first = run(catalog)
        cache = ScanCache(catalog)
        (file,) = cache.folder.glob("*.parquet")
        cache.write([first[0]])
        other = first[1]._replace(key="another.jpg")
        (alone,) = cache.folder.glob("*.parquet")
        content = alone.read_bytes()
        cache.write([other])
        alone.write_bytes(content)
        assert cache.read() == {first[0].key: first[0], other.key: other}
        cache.write(cache.read().values())
        assert len(list(cache.folder.glob("*.parquet"))) == 1
        assert not file.exists()


def test_a_data_set_that_was_prepared_again_is_read_again(catalog, tmp_path, examined):
    photos = {i: Path(catalog.image[i]).read_bytes() for i in range(3)}
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "dataset_info.json").write_text("{}")
    records = replace(
        catalog.select(np.arange(3)),
        image=np.array(["", "", ""], object),
        records=photos.__getitem__,
        record=np.arange(3),
        folder=str(folder),
    )
    before = run(records)
    photos[1] = photos[0]
    os.utime(folder / "dataset_info.json", (7, 7))
    after = run(records)
    assert len(examined) == 4
    assert [row.digest for row in after] == [before[i].digest for i in (0, 0, 2)]


def test_what_is_no_photo_of_bounded_size_is_a_reject(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with (tmp_path / "large.jpg").open("wb") as file:
        file.truncate(3_000_000_000)
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    Image.new("RGB", (30, 30)).save(tmp_path / "good.jpg")
    names = ("pipe", "folder", "large", "device", "good")
    rows = "".join(f"{name},{name}.jpg\n" for name in names)
    (tmp_path / "c.csv").write_text("product_id,image\n" + rows, encoding="utf-8")
    catalog = read_catalog(tmp_path / "c.csv", block_columns=())
    reasons = [row.reason for row in run(catalog)]
    assert reasons == [
        "is a named pipe, not a file",
        "is a folder, not a file",
        "too large: a file of 3,000 MB, at most 420 MB are read",
        "is a device, not a file",
        "",
    ]
