"""Views that are shown are those that training makes."""

import dataclasses

import numpy as np
import pytest

from cv_tf.catalog import read_catalog
from cv_tf.inspection import preview, preview_first_batch
from cv_tf.inspection.previews import method_views
from cv_tf.methods import build_embedder, build_method
from cv_tf.pipeline import batches, photos_of
from cv_tf.training import build_order, split_catalog


def products_to_learn_from(config):
    catalog = read_catalog(config.catalog)
    split = split_catalog(catalog, config.train_split, config.eval_split, config.seed)
    return catalog.select(split.train)


@pytest.fixture(scope="module")
def previewed(tiny_run, tmp_path_factory):
    """A function from settings to the config and its previews."""
    cache = str(tmp_path_factory.mktemp("cache"))

    def make(num_products=4, num_views=4, **settings):
        config = tiny_run("unused", cache_dir=cache, **settings)
        train = products_to_learn_from(config)
        return config, preview(config, train, num_products, num_views)

    return make


def trained_on(config, step):
    """The names and the views of a step of the training, by the training's own code."""
    catalog = read_catalog(config.catalog)
    photos = photos_of(catalog, config, max(config.image_size, config.size_at_use))
    split = split_catalog(
        catalog, config.train_split, config.eval_split, seed=config.seed
    )
    train = photos.select(split.train)
    method = build_method(config, build_embedder(config))
    batch = next(iter(batches(train, build_order(config, train.catalog), step, 1)))
    seen = []

    def features(images, seed, rows):
        seen.append((images, seed))
        raise StopIteration

    # What `train_step` asks for.
    method.step.assign(step)
    method.features = features
    with pytest.raises(StopIteration):
        method.train_step(batch)
    images, seed = seen[0]
    if hasattr(method, "two_views"):
        views = method.two_views(images, seed)
    else:
        views = [method.views(images, seed)]
    names = train.catalog.product_id[batch["row"].numpy()].tolist()
    return names, [view.numpy() for view in views]


FIRST = [
    {"method": "part_contrast", "seed": 3},
    {"method": "triplet", "products_per_style": 2, "color_input": "both"},
]
OTHERS = [
    {"method": "moco", "queue_size": 16, "views": "whole", "keep_background": True},
    {"method": "simclr", "batches": "block", "color_input": "rgb"}
    | {"flip": 0.5, "blur": 0.5},
    {"method": "byol", "embed_size": 64},
    {"method": "supcon", "products_per_style": 2},
]


@pytest.mark.integration
@pytest.mark.parametrize(
    "settings",
    [*FIRST, *(pytest.param(case, marks=pytest.mark.slow) for case in OTHERS)],
    ids=lambda settings: settings["method"],
)
def test_first_views_are_those_of_the_step_that_meets_the_product(previewed, settings):
    config, shown = previewed(**settings)
    assert shown.views_a_step == (1 if config.method == "triplet" else 2)
    assert len(shown.products) == 4
    for product in shown.products:
        names, views = trained_on(config, product.step)
        place = names.index(product.product_id)
        for made, view in zip(product.views, views, strict=False):
            np.testing.assert_allclose(made, view[place], atol=0.51)
        assert len({view.tobytes() for view in product.views}) == 4


@pytest.mark.slow
@pytest.mark.integration
def test_spread_over_blocks_and_of_the_training_split(previewed):
    for settings in ({}, {"batches": "block"}):
        _, shown = previewed(**settings)
        assert [product.block for product in shown.products].count("Shirts") == 2
        assert all(int(product.product_id[:2]) < 12 for product in shown.products)
    # A step of each block.
    assert {product.step for product in shown.products} == {0, 1}


@pytest.mark.slow
@pytest.mark.integration
def test_the_same_for_the_same_seed_and_no_other(previewed):
    (_, one), (_, again), (_, other) = (previewed(seed=seed) for seed in (1, 1, 2))
    for first, second in zip(one.products, again.products, strict=True):
        assert first.product_id == second.product_id
        assert (first.views == second.views).all()
    assert (one.products[0].views != other.products[0].views).any()


@pytest.mark.slow
@pytest.mark.integration
def test_what_the_network_sees(previewed):
    _, grey = previewed(color_input="grey")
    _, colored = previewed(color_input="rgb")
    for product in grey.products:
        assert (product.views[..., :1] == product.views).all()
        assert product.views.shape == (4, 32, 32, 3)
    assert any(
        np.ptp(product.views, axis=-1).max() > 20 for product in colored.products
    )
    # Photos stay as they are.
    for one, other in zip(grey.products, colored.products, strict=True):
        assert (one.photo == other.photo).all()


@pytest.mark.slow
@pytest.mark.integration
def test_photos_are_prepared_as_for_training(previewed):
    config, shown = previewed(embed_size=64)
    photos = photos_of(read_catalog(config.catalog), config, 64)
    names = photos.catalog.product_id.tolist()
    for product in shown.products:
        row = names.index(product.product_id)
        assert (product.photo == photos.pixels[photos.places[row]]).all()
        assert (product.color, product.block) == (
            photos.catalog.color[row],
            photos.catalog.block_names[photos.catalog.block[row]],
        )


@pytest.mark.slow
@pytest.mark.integration
def test_photos_that_do_not_fit_in_memory(previewed):
    _, kept = previewed()
    _, decoded = previewed(memory_gigabytes=0.0)
    for one, other in zip(kept.products, decoded.products, strict=True):
        assert (one.views == other.views).all()


@pytest.mark.slow
@pytest.mark.integration
def test_the_first_batch_alone(tiny_run, tmp_path):
    config = tiny_run(tmp_path, cache_dir=str(tmp_path), seed=3)
    photos = photos_of(read_catalog(config.catalog), config, 32)
    train = photos.select(np.flatnonzero(photos.catalog.split == "train"))
    shown = preview_first_batch(config, train, 20)
    names, views = trained_on(config, step=0)
    assert sorted(product.product_id for product in shown.products) == sorted(names)
    for product in shown.products:
        assert product.step == 0
        assert product.views.shape == (2, 32, 32, 3)
        for made, view in zip(product.views, views, strict=True):
            expected = view[names.index(product.product_id)]
            np.testing.assert_allclose(made, expected, atol=0.51)
    assert len(preview_first_batch(config, train, 3).products) == 3


def test_one_view(previewed):
    _, shown = previewed(num_views=1, num_products=1)
    assert len(shown.products) == 1
    assert shown.products[0].views.shape == (1, 32, 32, 3)


@pytest.mark.integration
def test_a_photo_that_cannot_be_used(tiny_run, previewed, drawn_catalog, tmp_path):
    _, shown = previewed(num_products=1)
    gone = shown.products[0].product_id
    text = drawn_catalog.read_text().replace(f"{gone}.jpg", "gone.jpg")
    table = drawn_catalog.with_name("one_gone.csv")
    table.write_text(text)
    config = tiny_run("unused", catalog=str(table), cache_dir=str(tmp_path))
    train = products_to_learn_from(config)
    with pytest.raises(ValueError, match=f"{gone}.*the file is missing"):
        preview(config, train, 3, 2)
    config = dataclasses.replace(config, on_bad_image="reject")
    left = preview(config, train, 3, 2)
    assert [reject.product_id for reject in left.rejects] == [gone]
    assert gone not in [product.product_id for product in left.products]
    assert len(left.products) == 2


def test_what_training_would_refuse_is_refused(previewed):
    with pytest.raises(ValueError, match="batch of 64 does not fit"):
        previewed(batch_size=64)


def test_a_method_without_two_views_makes_one(tiny_run):
    config = tiny_run("unused", method="triplet", color_input="grey")
    method = build_method(config, build_embedder(config))
    images = np.full((2, 32, 32, 3), 90, np.uint8)
    (view,) = method_views(method, images, step=5)
    assert view.shape == (2, 32, 32, 3)
