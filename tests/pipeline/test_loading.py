import numpy as np
import pytest
from few import few
from PIL import Image

from cv_tf.catalog import CatalogError, read_catalog
from cv_tf.pipeline import in_order, load_photos, scan_photos
from cv_tf.pipeline.examine import copy_side
from cv_tf.pipeline.scan_cache import ScanCache

RED, BLUE = (200, 40, 40), (40, 40, 200)
HEADER = "product_id,image,x,y,width,height"
REASONS = ("a text file", "empty", "missing", "no image", "truncated", "a folder")


def halves(width, height):
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def write_table(folder, images, header="product_id,image", extra=None):
    rows = [f"{i},{image}" for i, image in enumerate(images)]
    if extra:
        rows = [f"{row},{cells}" for row, cells in zip(rows, extra, strict=True)]
    text = "\n".join([header, *rows, ""])
    (folder / "catalog.csv").write_text(text, encoding="utf-8")
    return read_catalog(folder / "catalog.csv", block_columns=())


def pixels(photos):
    batches = in_order(photos).as_numpy_iterator()
    return np.concatenate([batch["image"] for batch in batches]).astype(int)


def test_photos_of_every_kind_come_out_alike(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = halves(64, 64)
    image.save(tmp_path / "plain.jpg", quality=95)
    image.save(tmp_path / "plain.png")
    image.save(tmp_path / "lossless.webp", lossless=True)
    image.save(tmp_path / "really_png.jpg", "PNG")
    image.save(tmp_path / "UPPER.JPG", "JPEG", quality=95)
    image.convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "palette.png")
    image.convert("RGBA").save(tmp_path / "alpha.png")
    image.rotate(90).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    image.save(tmp_path / "progressive.jpg", progressive=True, quality=95)
    halves(1024, 1024).save(tmp_path / "large.jpg")
    names = sorted(path.name for path in tmp_path.iterdir())
    photos = load_photos(
        write_table(tmp_path, names), 16, frame="photo", progress=False
    )
    assert len(photos) == len(names) == 10
    assert photos.rejects == ()
    for name, image in zip(names, pixels(photos), strict=True):
        assert np.abs(image[:, 1:7] - RED).max() <= 10, name
        assert np.abs(image[:, 9:15] - BLUE).max() <= 10, name


def test_grey_and_cmyk_come_out_in_three_channels(tmp_path):
    Image.new("L", (20, 20), 90).save(tmp_path / "grey.png")
    Image.new("L", (20, 20), 90).save(tmp_path / "grey.jpg")
    Image.new("CMYK", (20, 20), (0, 255, 255, 0)).save(tmp_path / "ink.jpg")
    catalog = write_table(tmp_path, ["grey.png", "grey.jpg", "ink.jpg"])
    images = pixels(load_photos(catalog, 8, progress=False))
    assert np.abs(images[:2] - 90).max() <= 2
    assert np.abs(images[2] - [255, 0, 0]).max() <= 6


def make_bad_photos(folder):
    halves(20, 20).save(folder / "good.jpg")
    (folder / "text.jpg").write_text("this is no photo", encoding="utf-8")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "folder.jpg").mkdir()
    whole = (folder / "good.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    names = ["good.jpg", "text.jpg", "empty.jpg", "gone.jpg", "", "cut.jpg"]
    return write_table(folder, [*names, "folder.jpg", "good.jpg"])


def test_bad_photos_are_all_named_with_their_lines(tmp_path):
    with pytest.raises(CatalogError) as error:
        load_photos(make_bad_photos(tmp_path), 8, progress=False)
    message = str(error.value)
    assert "6 problems" in message
    assert "--on_bad_image=reject" in message
    for line, reason in zip(range(3, 9), REASONS, strict=True):
        (told,) = (text for text in message.splitlines() if f"line {line}:" in text)
        assert reason in told
        assert f"product '{line - 2}'" in told


def test_bad_photos_are_rejected_if_asked_and_the_rest_goes_on(tmp_path):
    catalog = make_bad_photos(tmp_path)
    photos = load_photos(catalog, 8, on_bad_image="reject", progress=False)
    assert list(photos.catalog.product_id) == ["0", "7"]
    assert [reject.product_id for reject in photos.rejects] == list("123456")
    assert photos.rejects[0].image == f"{tmp_path}/text.jpg"
    for reject, reason in zip(photos.rejects, REASONS, strict=True):
        assert reason in reject.reason
    assert pixels(photos).shape == (2, 8, 8, 3)


def test_with_no_photo_left_there_is_nothing_to_go_on_with(tmp_path):
    catalog = write_table(tmp_path, ["gone.jpg"])
    with pytest.raises(CatalogError, match="No photo is left"):
        load_photos(catalog, 8, on_bad_image="reject", progress=False)


def on_white(box, size=(100, 100)):
    image = Image.new("RGB", size, "white")
    image.paste(RED, box)
    return image


def test_auto_frames_the_product_and_photo_does_not(tmp_path):
    on_white((30, 40, 50, 60)).save(tmp_path / "a.png")
    catalog = write_table(tmp_path, ["a.png"])
    framed = pixels(load_photos(catalog, 28, frame="auto", progress=False))[0]
    # 20 pixels of product and a margin of 4 on each side: about one to one.
    is_red = (np.abs(framed - RED).max(axis=-1) < 40).nonzero()
    extent = [(i.min(), i.max()) for i in is_red]
    np.testing.assert_allclose(extent, [(4, 23), (4, 23)], atol=1)
    whole = pixels(load_photos(catalog, 100, frame="photo", progress=False))[0]
    is_red = (np.abs(whole - RED).max(axis=-1) < 40).nonzero()
    assert [(i.min(), i.max()) for i in is_red] == [(40, 59), (30, 49)]


def test_boxes_of_the_catalogue_win_where_they_are_given(tmp_path):
    on_white((30, 40, 50, 60)).save(tmp_path / "a.png")
    extra = ["10,20,60,60", ",,,"]
    catalog = write_table(tmp_path, ["a.png"] * 2, HEADER, extra)
    for frame, second in (("auto", "found"), ("columns", "whole")):
        photos = load_photos(catalog, 68, frame=frame, progress=False)
        # x 10 to 70 and y 20 to 80, with a margin of 4.
        np.testing.assert_array_equal(photos.plan.window[0], [16, 6, 68, 68])
        expected = [36, 26, 28, 28] if second == "found" else [0, 0, 100, 100]
        np.testing.assert_allclose(photos.plan.window[1], expected, atol=2)
    photos = load_photos(catalog, 68, frame="photo", progress=False)
    np.testing.assert_array_equal(photos.plan.window[0], [0, 0, 100, 100])


def two_products(size):
    """A striped product on the left, another one on the right."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    waves = [np.sin(x / 90), np.sin(y / 70), np.cos((x + 2 * y) / 80)]
    pixels = np.stack(waves, axis=-1) * 90 + 128
    return Image.fromarray(pixels.astype(np.uint8))


def save_in_every_way(folder, image):
    """Files that are displayed alike, some of which are converted to be read."""
    best = {"quality": 98, "subsampling": 0}
    image.save(folder / "a.jpg", **best)
    image.save(folder / "b.png")
    image.save(folder / "c.webp", quality=98)
    image.convert("RGBA").save(folder / "d.png")
    image.convert("CMYK").save(folder / "e.jpg", **best)
    image.save(folder / "f.tif")
    turns = ("FLIP_LEFT_RIGHT", "ROTATE_180", "TRANSPOSE", "ROTATE_90", "ROTATE_270")
    for turn, how in zip((2, 3, 5, 6, 8), turns, strict=True):
        exif = Image.Exif()
        exif[0x0112] = turn
        stored = image.transpose(Image.Transpose[how])
        stored.save(folder / f"turned{turn}.jpg", exif=exif, **best)
        stored.save(folder / f"turned{turn}.png", exif=exif)
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_a_box_is_cut_from_the_same_place_in_every_kind_of_file(tmp_path):
    names = save_in_every_way(tmp_path, two_products((2548, 1580)))
    extra = ["1400,300,900,1000"] * len(names)
    catalog = write_table(tmp_path, names, HEADER, extra)
    images = pixels(load_photos(catalog, 64, progress=False))
    assert len(images) == 16
    expected = images[names.index("b.png")]
    for name, image in zip(names, images, strict=True):
        assert np.abs(image - expected).mean() <= 3, name
        assert np.corrcoef(image.ravel(), expected.ravel())[0, 1] > 0.998, name


def test_boxes_are_cut_from_jpeg_at_a_finer_fraction_than_frames(tmp_path):
    two_products((1600, 1600)).save(tmp_path / "a.jpg")
    boxes = ["400,400,800,800", ",,,"]
    catalog = write_table(tmp_path, ["a.jpg"] * 2, HEADER, boxes)
    # 6 is the accurate reader at one half.
    assert scan_photos(catalog, 200, "columns").plan.reader.tolist() == [6, 3]
    assert scan_photos(catalog, 200, "photo").plan.reader.tolist() == [3, 3]


@pytest.mark.slow
@pytest.mark.integration
def test_a_small_box_is_cut_from_a_copy_that_shows_it_in_full(tmp_path):
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (2000, 3000, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    Image.fromarray(noise).convert("RGBA").save(tmp_path / "b.png")
    catalog = write_table(
        tmp_path, ["a.png", "b.png"], HEADER, ["1500,900,300,200"] * 2
    )
    one, other = pixels(load_photos(catalog, 324, progress=False))
    np.testing.assert_array_equal(one, other)


def test_copies_are_made_anew_when_boxes_need_larger_ones(tmp_path):
    two_products((3000, 1500)).save(tmp_path / "a.webp")
    whole = write_table(tmp_path, ["a.webp"])
    assert scan_photos(whole, 8).plan.window[0].tolist() == [0, 0, 512, 1024]
    boxes = ["100,100,1500,1500", "0,0,1000,800"]
    boxed = write_table(tmp_path, ["a.webp"] * 2, HEADER, boxes)
    photos = scan_photos(boxed, 8, frame="photo")
    # One photo has one copy, large enough for the smaller of its boxes.
    assert photos.plan.window.tolist() == [[0, 0, 1500, 3000]] * 2
    assert len(set(photos.files)) == 1
    (rows,) = (ScanCache(boxed).read().values(),)
    assert [(row.height, row.width) for row in rows] == [(1500, 3000)]
    # What is larger than needed is kept.
    assert scan_photos(whole, 8).plan.window[0].tolist() == [0, 0, 1500, 3000]


@pytest.mark.parametrize(
    ("size", "boxes", "side"),
    [
        ((4000, 3000), [], 1024),
        ((800, 600), [(0, 0, 10, 10)], 800),
        ((4000, 3000), [(0, 0, 2000, 500)], 2048),
        ((4000, 3000), [(0, 0, 300, 200)], 4000),
        ((9000, 3000), [(0, 0, 300, 200)], 4096),
        ((4000, 3000), [(0, 0, 4000, 3000), (0, 0, 500, 2000)], 2048),
        ((4000, 3000), [(2000, 0, 4000, 500)], 2048),  # Half of it is outside.
        ((4000, 3000), [(5000, 0, 100, 100)], 1024),  # It makes a bad photo.
    ],
)
def test_copies_are_as_large_as_their_boxes_need(size, boxes, side):
    assert copy_side(*size, np.reshape(boxes, (-1, 4))) == side


def test_a_box_outside_a_converted_photo_is_told_in_its_own_pixels(tmp_path):
    halves(2000, 1000).save(tmp_path / "a.webp")
    catalog = write_table(
        tmp_path, ["a.webp"] * 2, HEADER, ["1990,0,5,5", "2000,0,5,5"]
    )
    photos = load_photos(catalog, 8, on_bad_image="reject", progress=False)
    assert [reject.product_id for reject in photos.rejects] == ["1"]
    assert photos.rejects[0].reason == "its box lies outside the photo, 2000x1000"


def test_a_box_outside_its_photo_makes_a_bad_photo(tmp_path):
    on_white((30, 40, 50, 60)).save(tmp_path / "a.png")
    extra = ["90,90,40,40", "100,0,10,10"]
    catalog = write_table(tmp_path, ["a.png"] * 2, HEADER, extra)
    photos = load_photos(catalog, 8, on_bad_image="reject", progress=False)
    np.testing.assert_array_equal(photos.plan.window[0], [86, 86, 14, 14])
    assert photos.rejects[0].reason == "its box lies outside the photo, 100x100"


def test_columns_without_columns_say_which(tmp_path):
    on_white((30, 40, 50, 60)).save(tmp_path / "a.png")
    with pytest.raises(CatalogError, match="x, y, width, height"):
        load_photos(write_table(tmp_path, ["a.png"]), 8, frame="columns")


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ({"frame": "box"}, "auto, photo, columns"),
        ({"on_bad_image": "skip"}, "fail, reject"),
        ({"image_size": 0}, "image_size is 0"),
    ],
)
def test_unknown_choices_name_the_known_ones(tmp_path, argument, expected):
    catalog = write_table(tmp_path, ["a.png"])
    with pytest.raises(ValueError, match=expected):
        load_photos(catalog, **argument)


def test_many_photos_keep_their_order(tmp_path):
    for i in range(300):
        Image.new("L", (8, 8), i % 256).save(tmp_path / f"{i}.png")
    catalog = write_table(tmp_path, [f"{i}.png" for i in range(300)])
    images = pixels(load_photos(catalog, 4, progress=False))
    np.testing.assert_array_equal(images[:, 0, 0, 0], np.arange(300) % 256)


class TestScanPhotos:
    def test_names_bad_photos_and_keeps_the_others_in_their_order(self, tmp_path):
        catalog = make_bad_photos(tmp_path)
        photos = scan_photos(catalog, 8)
        assert list(photos.catalog.product_id) == ["0", "7"]
        assert [reject.product_id for reject in photos.rejects] == list("123456")
        for reject, reason in zip(photos.rejects, REASONS, strict=True):
            assert reason in reject.reason

    def test_finds_what_load_photos_decodes(self, tmp_path):
        on_white((30, 40, 50, 60)).save(tmp_path / "a.png")
        halves(90, 60).save(tmp_path / "b.jpg")
        catalog = write_table(tmp_path, ["a.png", "b.jpg"])
        for frame in ("auto", "photo"):
            photos = scan_photos(catalog, 16, frame, most_bytes=0)
            assert photos.pixels is None
            expected = load_photos(catalog, 16, frame=frame, progress=False)
            for found, column in zip(photos.plan, expected.plan, strict=True):
                np.testing.assert_array_equal(found, column)
            np.testing.assert_array_equal(pixels(photos), expected.pixels)

    def test_all_photos_may_be_bad(self, tmp_path):
        (tmp_path / "text.jpg").write_text("this is no photo", encoding="utf-8")
        photos = scan_photos(write_table(tmp_path, ["gone.jpg", "text.jpg"]), 8)
        assert len(photos) == 0
        assert [reject.product_id for reject in photos.rejects] == ["0", "1"]
        assert list(in_order(photos)) == []

    def test_keeps_what_it_found_where_it_is_told_to(
        self, tmp_path, capsys, monkeypatch
    ):
        monkeypatch.setattr("cv_tf.progress._EVERY", 0)  # Quick work tells, too.
        halves(20, 20).convert("P").save(tmp_path / "a.png")
        catalog = write_table(tmp_path, ["a.png"])
        photos = scan_photos(catalog, 8, cache_dir=tmp_path / "new" / "folder")
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {"a.png", "catalog.csv", "new"}
        assert any((tmp_path / "new" / "folder").iterdir())
        assert len(pixels(photos)) == 1
        assert capsys.readouterr().err == ""
        other = tmp_path / "other"
        scan_photos(catalog, 8, cache_dir=other, progress=True)
        assert "Looking at photos" in capsys.readouterr().err


def folds(width, height):
    """Smooth folds, by which a shift of a fraction of a pixel shows."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 19 + y / 47), np.sin(x / 31 - y / 23), np.sin(y / 37)]
    return Image.fromarray((127 + 100 * np.stack(waves, -1)).astype(np.uint8))


BOXES = {
    "half": "637,0,637,790",
    "fractions": "150.5,101.25,350.5,455",
    "whole": "0,0,1274,790",
}


@pytest.mark.integration
@pytest.mark.parametrize("image_size", few(120, more=[288]))
def test_a_box_is_in_its_place_in_every_format(image_size, tmp_path):
    photo, exif = folds(1274, 790), Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "plain.png", compress_level=1)
    photo.save(tmp_path / "plain.jpg", quality=97, subsampling=0)
    photo.convert("RGBA").save(tmp_path / "alpha.png", compress_level=1)
    photo.save(tmp_path / "lossless.webp", lossless=True, method=0)
    photo.save(tmp_path / "packed.tiff", compression="tiff_lzw")
    photo.convert("CMYK").save(tmp_path / "ink.jpg", quality=97, subsampling=0)
    turned = photo.transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / "turned.jpg", quality=97, subsampling=0, exif=exif)
    names = sorted(path.name for path in tmp_path.iterdir())
    for kind, box in BOXES.items():
        catalog = write_table(tmp_path, names, HEADER, [box] * len(names))
        photos = load_photos(catalog, image_size, progress=False)
        shown = dict(zip(names, pixels(photos), strict=True))
        for name in names:
            apart = np.abs(shown[name] - shown["plain.png"]).mean()
            assert apart < 2, (kind, name, apart)
