"""Several photos of a product: its packshot, and those that show it as well."""

import logging

import numpy as np
import pytest
from PIL import Image

from cv_tf.catalog import CatalogError, read_catalog
from cv_tf.pipeline import find_packshots, in_order, load_photos, scan_photos
from cv_tf.pipeline.frame_outcomes import OUTCOMES
from cv_tf.pipeline.scan import photo_digests
from cv_tf.pipeline.scan_cache import digest_of_bytes

RED, BLUE, GREEN = (200, 40, 40), (40, 40, 200), (40, 160, 40)
HEADER = "product_id,image"


def packshot(path, color):
    """A product on white, whole."""
    image = Image.new("RGB", (100, 100), "white")
    image.paste(color, (30, 25, 70, 75))
    image.save(path)


def worn(path, color, seed=0):
    """A photo without a plain background, of one color and noise."""
    noise = np.random.default_rng(seed).integers(-30, 30, (100, 100, 1))
    pixels = np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)
    pixels[:50] = 255 - pixels[:50]
    Image.fromarray(pixels).save(path)


@pytest.fixture
def table(tmp_path):
    """A function from the lines of a table to its catalogue.

    Beside it are packshots `p-red.png`, `p-blue.png` and `p-green.png`, and photos
    `w-red.png` and `w-blue.png` without a plain background.
    """
    colors = {"red": RED, "blue": BLUE, "green": GREEN}
    for name, color in colors.items():
        packshot(tmp_path / f"p-{name}.png", color)
    for name in ("red", "blue"):
        worn(tmp_path / f"w-{name}.png", colors[name])
    (tmp_path / "text.jpg").write_text("this is no photo", encoding="utf-8")

    def read(*rows, header=HEADER):
        lines = "\n".join([header, *rows])
        (tmp_path / "c.csv").write_text(lines, encoding="utf-8")
        return read_catalog(tmp_path / "c.csv", ())

    return read


def name_of(photos, rows=slice(None)):
    return [path.rpartition("/")[2].removesuffix(".png") for path in photos.files[rows]]


def more_of(photos):
    """The names of further photos, by the row of their product."""
    if photos.more is None:
        return {}
    found = {}
    for row, name in zip(photos.more_of.tolist(), name_of(photos.more), strict=True):
        found.setdefault(row, []).append(name)
    return found


class TestFindPackshots:
    @pytest.mark.parametrize(
        ("outcomes", "expected"),
        [
            (["found"], 0),
            (["declined", "found"], 1),
            (["found", "given"], 1),
            (["cut", "found", "found"], 1),
            (["implausible", "declined", "cut"], 2),
            (["implausible", "declined"], 1),
            (["whole", "whole"], 0),
        ],
    )
    def test_takes_the_first_of_the_best(self, outcomes, expected):
        product = np.zeros(len(outcomes), int)
        found = find_packshots(product, np.array(outcomes))
        assert found.tolist() == [expected]

    def test_takes_one_of_each_product(self):
        product = np.array([0, 0, 2, 3, 3, 3])
        outcomes = np.array(["declined", "found", "cut", "cut", "declined", "found"])
        assert find_packshots(product, outcomes).tolist() == [1, 2, 5]

    def test_of_none_is_none(self):
        assert find_packshots(np.empty(0, int), np.empty(0, str)).tolist() == []

    def test_knows_every_outcome(self):
        number = len(OUTCOMES)
        found = find_packshots(np.arange(number), np.array([*OUTCOMES]))
        assert found.tolist() == [*range(number)]


class TestScanPhotos:
    def test_takes_the_packshot_and_leaves_what_shows_less(self, table):
        photos = scan_photos(table("1,w-red.png|p-red.png", "2,p-blue.png"), 16)
        assert name_of(photos) == ["p-red", "p-blue"]
        assert photos.outcomes.tolist() == ["found", "found"]
        assert photos.more is None
        assert photos.more_of is None
        assert photos.rejects == ()

    def test_keeps_what_shows_the_product_as_well(self, table):
        catalog = table("1,p-red.png", "2,w-red.png|p-blue.png|p-green.png|w-blue.png")
        photos = scan_photos(catalog, 16)
        assert name_of(photos) == ["p-red", "p-blue"]
        assert more_of(photos) == {1: ["p-green"]}

    def test_keeps_all_where_none_is_a_packshot(self, table):
        photos = scan_photos(table("1,w-red.png|w-blue.png", "2,p-red.png"), 16)
        assert name_of(photos) == ["w-red", "p-red"]
        assert more_of(photos) == {0: ["w-blue"]}

    def test_keeps_all_of_whole_photos(self, table):
        photos = scan_photos(table("1,w-red.png|p-red.png"), 16, frame="photo")
        assert name_of(photos) == ["w-red"]
        assert more_of(photos) == {0: ["p-red"]}

    def test_a_box_goes_first(self, table):
        catalog = table(
            "1,w-red.png|p-red.png|w-blue.png,10,10,50,50",
            header=f"{HEADER},x,y,width,height",
        )
        photos = scan_photos(catalog, 16)
        assert name_of(photos) == ["w-red"]
        assert photos.outcomes.tolist() == ["given"]
        assert more_of(photos) == {0: ["p-red"]}

    def test_products_keep_their_columns(self, table):
        catalog = table(
            "a,w-red.png|p-red.png,red",
            "b,text.jpg|gone.jpg,blue",
            "c,p-green.png|p-blue.png,green",
            header=f"{HEADER},color",
        )
        photos = scan_photos(catalog, 16)
        assert photos.catalog.product_id.tolist() == ["a", "c"]
        assert photos.catalog.color.tolist() == ["red", "green"]
        names = [
            [it.rpartition("/")[2] for it in of] for of in photos.catalog.more_images
        ]
        assert names == [["p-red.png"], ["p-blue.png"]]
        assert more_of(photos) == {1: ["p-blue"]}

    def test_a_product_with_one_bad_photo_is_kept_which_is_said(self, table, caplog):
        catalog = table("1,text.jpg|p-red.png|gone.jpg", "2,p-blue.png|p-green.png")
        with caplog.at_level(logging.WARNING, "absl"):
            photos = scan_photos(catalog, 16)
        assert name_of(photos) == ["p-red", "p-blue"]
        assert photos.rejects == ()
        (said,) = [it for it in caplog.messages if "cannot be used" in it]
        assert said.startswith(
            "c.csv: 2 photos of products that have others cannot be used, such as that "
            "of product '1', "
        )
        assert "text.jpg: " in said

    def test_a_product_without_a_good_photo_is_one_reject(self, table, tmp_path):
        photos = scan_photos(table("1,gone.jpg|text.jpg", "2,p-red.png"), 16)
        (reject,) = photos.rejects
        assert (reject.product_id, reject.image) == ("1", f"{tmp_path}/gone.jpg")
        assert reject.reason == "the file is missing"

    def test_all_may_be_bad(self, table):
        photos = scan_photos(table("1,gone.jpg|text.jpg", "2,text.jpg"), 16)
        assert len(photos) == 0
        assert [reject.product_id for reject in photos.rejects] == ["1", "2"]
        assert photos.more is None

    def test_pixels_are_those_of_the_photo_alone(self, table):
        several = load_photos(table("1,w-red.png|p-red.png"), 16, progress=False)
        alone = load_photos(table("1,p-red.png"), 16, progress=False)
        np.testing.assert_array_equal(
            several.squares(np.arange(1)), alone.squares(np.arange(1))
        )

    def test_what_fails_is_named_by_its_line(self, table):
        with pytest.raises(CatalogError) as error:
            load_photos(table("1,p-red.png", "2,gone.jpg|text.jpg"), 16, progress=False)
        assert "line 3: product '2'" in str(error.value)


class TestPhotos:
    @pytest.fixture
    def photos(self, table):
        """Three products, of which the first and last have more photos."""
        rows = (
            "1,p-red.png|p-blue.png|p-green.png",
            "2,p-blue.png",
            "3,p-green.png|p-red.png",
        )
        return scan_photos(table(*rows), 16)

    def test_more_are_in_the_order_of_products(self, photos):
        assert more_of(photos) == {0: ["p-blue", "p-green"], 2: ["p-red"]}
        assert photos.more_of.tolist() == sorted(photos.more_of.tolist())

    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            ([0, 1, 2], {0: ["p-blue", "p-green"], 2: ["p-red"]}),
            ([2, 0], {0: ["p-red"], 1: ["p-blue", "p-green"]}),
            ([1], {}),
            ([], {}),
            ([2, 2], {0: ["p-red"], 1: ["p-red"]}),
        ],
    )
    def test_of_some_rows_have_theirs(self, photos, rows, expected):
        some = photos.select(np.array(rows, int))
        assert more_of(some) == expected
        assert some.catalog.product_id.tolist() == [str(row + 1) for row in rows]

    def test_of_a_mask_have_theirs(self, photos):
        some = photos.select(np.array([False, True, True]))
        assert more_of(some) == {1: ["p-red"]}

    def test_batches_have_one_photo_a_product(self, photos):
        (batch,) = in_order(photos).as_numpy_iterator()
        assert len(batch["image"]) == 3


class TestDigests:
    def test_are_those_of_all_photos(self, table):
        several = photo_digests(table("1,p-red.png|w-red.png", "2,p-blue.png"))
        alone = photo_digests(table("1,p-red.png", "2,w-red.png", "3,p-blue.png"))
        joined = digest_of_bytes(" ".join(alone[:2]).encode())
        assert several == [joined, alone[2]]

    def test_change_with_a_further_photo(self, table, tmp_path):
        catalog = table("1,p-red.png|w-red.png", "2,p-blue.png")
        before = photo_digests(catalog)
        packshot(tmp_path / "w-red.png", GREEN)
        after = photo_digests(catalog)
        assert before[0] != after[0]
        assert before[1] == after[1]

    def test_change_when_a_missing_photo_comes(self, table, tmp_path):
        catalog = table("1,p-red.png|gone.png")
        before = photo_digests(catalog)
        packshot(tmp_path / "gone.png", GREEN)
        assert photo_digests(catalog) != before

    def test_are_reasons_where_all_photos_are_missing(self, table):
        (digest,) = photo_digests(table("1,gone.jpg|gone.png"))
        assert digest == "the file is missing"
