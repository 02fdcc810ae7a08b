"""Views of the first batch, as TensorBoard shows them."""

import io

import numpy as np
import pytest
from PIL import Image
from tensorboard.plugins.image.images_plugin import ImagesPlugin

from cv_tf.catalog import read_catalog
from cv_tf.inspection import preview_first_batch
from cv_tf.pipeline import photos_of
from cv_tf.report import show_first_batch, tensorboard


@pytest.fixture
def shown(tiny_run, tmp_path, read_events):
    """A function from settings to the config, the photos and what is read back."""

    def show(**settings):
        config = tiny_run(tmp_path, cache_dir=str(tmp_path / "cache"), **settings)
        photos = photos_of(read_catalog(config.catalog), config, 32)
        train = photos.select(np.flatnonzero(photos.catalog.split == "train"))
        show_first_batch(tmp_path / "shown", config, train)
        return config, train, read_events(tmp_path / "shown")

    return show


def picture_of(points):
    """The one picture of a series, which is of step 0."""
    ((step, encoded),) = points
    assert step == 0
    width, height, picture = encoded
    picture = Image.open(io.BytesIO(picture))
    assert (int(width), int(height)) == picture.size
    return np.asarray(picture)


def levels(picture):
    """The colors that a picture has."""
    return {
        tuple(color) for color in np.unique(picture.reshape(-1, 3), axis=0).tolist()
    }


@pytest.mark.slow
@pytest.mark.integration
def test_products_of_the_first_batch_in_all_their_forms(shown, monkeypatch):
    drawn = []

    def draw(title, rows):
        drawn.append((title, rows))
        return np.full((2, 3, 3), len(drawn), np.uint8)

    monkeypatch.setattr(tensorboard, "draw_sheet", draw)
    config, train, series = shown()
    products = preview_first_batch(config, train, 8).products
    assert list(series) == [f"views/{product.product_id}" for product in products]
    for number, product in enumerate(products):
        assert picture_of(series[f"views/{product.product_id}"])[0, 0, 0] == number + 1
        title, rows = drawn[number]
        assert title == f"{product.product_id}, {product.block}, {product.color}"
        captions = [["as prepared", "view 1"], ["view 2", "parts of view 1"]]
        assert [[picture.caption for picture in row] for row in rows] == captions
        expected = [product.photo, *product.views]
        for picture, pixels in zip([*rows[0], *rows[1]], expected, strict=False):
            np.testing.assert_array_equal(picture.picture, pixels)


@pytest.mark.slow
@pytest.mark.integration
def test_a_method_with_one_view_and_no_parts(shown):
    settings = {"method": "triplet", "products_per_style": 2, "views": "whole"}
    config, train, series = shown(**settings)
    for product in preview_first_batch(config, train, 8).products:
        assert product.views.shape == (1, 32, 32, 3)
        picture = picture_of(series[f"views/{product.product_id}"])
        # Two pictures of 200 pixels, side by side.
        assert picture.shape[1] == 400
        corner = tuple(product.photo[0, 0].tolist())
        assert corner in levels(picture)


@pytest.mark.slow
@pytest.mark.integration
def test_once_a_run(shown):
    _, _, before = shown()
    _, _, after = shown()
    assert {name: len(points) for name, points in after.items()} == dict.fromkeys(
        before, 1
    )


@pytest.mark.slow
@pytest.mark.integration
def test_whole_or_not_at_all(shown, monkeypatch, tmp_path):
    def full_disk(*_, **__):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(tensorboard.tf.summary, "image", full_disk)
        shown()
    assert list((tmp_path / "shown").iterdir()) == []
    _, _, series = shown()
    assert len(series) == 8


def test_as_tensorboard_lists_them(finished_run, tensorboard):
    ask = tensorboard(ImagesPlugin, finished_run[0].workdir)
    tags = ask("/tags").json["tensorboard"]
    assert len(tags) == 8
    for name, told in tags.items():
        assert name.startswith("views/")
        assert told["samples"] == 1
        assert "the first step learns from" in told["description"]
        images = ask("/images", run="tensorboard", tag=name).json
        assert [image["step"] for image in images] == [0]
