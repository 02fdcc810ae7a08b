"""What became of each photo's frame, and what a user is told of it."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cv_tf.catalog import read_catalog
from cv_tf.pipeline import FrameSummary, scan_photos
from cv_tf.pipeline.frame_outcomes import judge
from cv_tf.pipeline.scan import scan
from cv_tf.pipeline.scan_cache import ScanCache

SIZE = 256
DARK = (30, 60, 120)


def street():
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.NEAREST)


def on_white(*boxes):
    """A photo with dark boxes, (left, top, right, bottom) in fractions of its sides."""
    image = Image.new("RGB", (SIZE, SIZE), "white")
    for box in boxes:
        left, top, right, bottom = (round(SIZE * place) for place in box)
        ImageDraw.Draw(image).rectangle((left, top, right - 1, bottom - 1), fill=DARK)
    return image


PHOTOS = {
    "in the middle": (on_white((0.3, 0.2, 0.7, 0.8)), "found"),
    # 4% of margin would touch all four edges, and the product touches none.
    "fills the photo": (on_white((0.03, 0.03, 0.97, 0.97)), "found"),
    "a belt": (on_white((0.05, 0.5, 0.95, 0.57)), "found"),
    "earrings": (on_white((0.4, 0.3, 0.5, 0.6), (0.6, 0.3, 0.7, 0.6)), "found"),
    # A person: the head is in the photo, the legs are cut.
    "cut below": (on_white((0.4, 0.1, 0.6, 0.3), (0.3, 0.3, 0.7, 1.0)), "cut"),
    "cut above and below": (on_white((0.35, 0.0, 0.65, 1.0)), "cut"),
    # A detail: cloth reaches three edges, but covers none of them by half.
    "cut on three sides": (
        on_white((0.3, 0.0, 0.6, 0.7), (0.0, 0.3, 1.0, 0.6)),
        "implausible",
    ),
    "a label alone": (on_white((0.4, 0.25, 0.6, 0.35)), "implausible"),
    "a line": (on_white((0.2, 0.5, 0.6, 0.55)), "implausible"),
    "a street": (street(), "declined"),
    "nothing": (on_white(), "declined"),
}


@pytest.fixture
def catalog(tmp_path):
    """A photo of each name of PHOTOS, which is also the name of its product."""
    rows = []
    for number, (name, (image, _)) in enumerate(PHOTOS.items()):
        image.save(tmp_path / f"{number}.png")
        rows.append(f"{name},{number}.png")
    return write_table(tmp_path, rows)


def write_table(folder, rows, header="product_id,image"):
    (folder / "catalog.csv").write_text("\n".join([header, *rows]))
    return read_catalog(folder / "catalog.csv", block_columns=())


class TestRule:
    def test_by_hand(self):
        whole, small = (0.0, 0.0, 1.0, 1.0), (0.4, 0.3, 0.3, 0.39)
        frames = [whole, whole, whole, whole, small, (0.4, 0.3, 0.3, 0.41), whole]
        found = [True, True, True, True, True, True, False]
        sides = [0, 1, 2, 3, 0, 0, 4]
        assert judge(np.array(frames), np.array(found), np.array(sides)).tolist() == [
            "found",
            "cut",
            "cut",
            "implausible",
            "implausible",  # 0.117 of the photo
            "found",  # 0.123
            "declined",
        ]

    def test_no_photos(self):
        none = np.zeros((0, 4)), np.zeros(0, bool), np.zeros(0, int)
        assert judge(*none).tolist() == []

    def test_of_photos(self, catalog):
        photos = scan_photos(catalog, 8)
        found = dict(zip(photos.catalog.product_id, photos.outcomes, strict=True))
        assert found == {name: outcome for name, (_, outcome) in PHOTOS.items()}

    def test_the_same_from_the_cache(self, catalog):
        first = scan(catalog, ScanCache(catalog), progress=False)
        assert {row.sides for row in first} >= {0, 1, 2, 3}
        again = scan(catalog, ScanCache(catalog), progress=False)
        assert [row.sides for row in again] == [row.sides for row in first]
        outcomes = scan_photos(catalog, 8).outcomes
        assert outcomes.tolist() == [outcome for _, outcome in PHOTOS.values()]

    def test_goes_with_its_photo(self, catalog):
        photos = scan_photos(catalog, 8)
        rows = np.array([8, 0, 4])
        expected = ["implausible", "found", "cut"]
        assert photos.select(rows).outcomes.tolist() == expected

    def test_photos_that_are_left_out_have_none(self, tmp_path):
        on_white().save(tmp_path / "0.png")
        catalog = write_table(tmp_path, ["a,missing.png", "b,0.png"])
        assert scan_photos(catalog, 8).outcomes.tolist() == ["declined"]


class TestOtherFrames:
    @pytest.fixture
    def boxed(self, tmp_path):
        """Four products of one photo; the first two have boxes."""
        on_white((0.3, 0.2, 0.7, 0.8)).save(tmp_path / "0.png")
        cells = ["0,0,9,9", "0,0,99,99", ",,,", ",,,"]
        rows = [f"{number},0.png,{box}" for number, box in enumerate(cells)]
        return write_table(tmp_path, rows, "product_id,image,x,y,width,height")

    @pytest.mark.parametrize(
        ("frame", "expected"),
        [
            ("auto", ["given", "given", "found", "found"]),
            ("columns", ["given", "given", "whole", "whole"]),
            ("photo", ["whole"] * 4),
        ],
    )
    def test_boxes_are_not_doubted(self, boxed, frame, expected):
        assert scan_photos(boxed, 8, frame).outcomes.tolist() == expected


def summary(**numbers):
    """The summary of so many photos of each outcome; ids are a0, a1, ..."""
    outcomes = [name for name, number in numbers.items() for _ in range(number)]
    ids = [f"{name[0]}{i}" for name, number in numbers.items() for i in range(number)]
    return FrameSummary.of(ids, outcomes)


class TestSummary:
    def test_nothing_is_said_where_nothing_was_searched_for(self):
        assert summary(whole=3).sentences() == []
        assert summary().sentences() == []

    def test_names_products(self):
        assert summary(found=96, cut=1, implausible=2, declined=1).sentences() == [
            "Frames of the products: 97.0% were found, 1.0% declined (no plain "
            "background: the whole photo was used; such as d0), 2.0% implausible "
            "(tiny, or cut by three edges of the photo or more; such as i0, i1)."
        ]

    def test_small_shares_are_not_rounded_to_nothing(self):
        (said,) = summary(found=9999, declined=1).sentences()
        assert "over 99.9% were found, under 0.1% declined (" in said
        assert summary(found=5).sentences() == [
            "Frames of the products: 100.0% were found, 0.0% declined, 0.0% "
            "implausible."
        ]

    @pytest.mark.parametrize("outcome", ["declined", "implausible"])
    def test_advice_where_many_frames_failed(self, outcome):
        assert len(summary(**{"found": 95, outcome: 5}).sentences()) == 1
        shares, advice = summary(**{"found": 94, outcome: 6}).sentences()
        assert f"6.0% {outcome} (" in shares
        assert f"such as {outcome[0]}0, {outcome[0]}1, {outcome[0]}2)" in shares
        assert "columns x, y, width and height" in advice
        assert "--frame=photo" in advice

    def test_people_are_told_of(self):
        assert len(summary(found=95, cut=5).sentences()) == 1
        shares, advice = summary(found=94, cut=6).sentences()
        assert "100.0% were found" in shares
        assert advice.startswith("6.0% of the photos have a frame that an edge")
        assert "c0, c1, c2" in advice

    def test_boxes_of_the_table(self):
        assert summary(given=3, whole=1).sentences() == [
            "Frames of the products: 75.0% are boxes of the table, 25.0% missing (the "
            "table has no box: the whole photo was used; such as w0)."
        ]
        assert summary(given=3, found=1).sentences() == [
            "Frames of the products: 75.0% are boxes of the table, 25.0% were found, "
            "0.0% declined, 0.0% implausible."
        ]

    def test_parts_add_up_in_order(self):
        parts = [summary(found=2, declined=1), summary(found=1), summary(declined=4)]
        joined = FrameSummary.join(parts)
        assert joined.numbers == {"found": 3, "declined": 5}
        assert joined.examples["declined"] == ["d0", "d0", "d1"]
        assert parts[0] == summary(found=2, declined=1)
        assert FrameSummary.join([]) == FrameSummary()


def test_frames_of_a_large_retailer_are_plausible(hm_dev, tmp_path):
    """A close-up of which only the label was found is the only one that is small."""
    catalog = read_catalog(hm_dev / "catalog.csv")
    names = ["P02746", "P00799", "P07556", "P07137", "P04705", "P00679"]
    rows = np.array([catalog.product_id.tolist().index(name) for name in names])
    photos = scan_photos(catalog.select(rows), 8, cache_dir=tmp_path)
    expected = ["implausible", "implausible", "found", "found", "found", "found"]
    found = dict(zip(photos.catalog.product_id, photos.outcomes, strict=True))
    assert found == dict(zip(names, expected, strict=True))
