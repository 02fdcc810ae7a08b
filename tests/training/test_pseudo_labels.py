"""Groups that are taken for styles."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cv_tf import train
from cv_tf.catalog import read_products
from cv_tf.config import Config
from cv_tf.grouping import read_groups
from cv_tf.methods import build_embedder
from cv_tf.pipeline import photos_of
from cv_tf.training.pseudo_labels import with_pseudo_labels, write_pseudo_labels

CONFIG = Config(
    backbone="tiny",
    weights="none",
    image_size=32,
    whiten_dimensions=8,
    method="triplet",
    pseudo_labels="all",
)


@pytest.fixture(scope="module")
def embedder():
    return build_embedder(CONFIG)


@pytest.fixture(scope="module")
def photos(drawn_catalog):
    config = dataclasses.replace(CONFIG, catalog=str(drawn_catalog))
    return photos_of(read_products(config), config, 32)


def written(path, embedder, photos, **settings):
    write_pseudo_labels(path, embedder, photos, dataclasses.replace(CONFIG, **settings))
    return read_groups(str(path))


def test_each_product_has_a_group_of_its_own_block(embedder, photos, tmp_path):
    groups = written(tmp_path / "all.csv", embedder, photos)
    catalog = photos.catalog
    assert sorted(groups) == sorted(catalog.product_id)
    assert 1 < len(set(groups.values())) < len(catalog)
    blocks = {}
    for product, block in zip(catalog.product_id, catalog.block, strict=True):
        assert blocks.setdefault(groups[product], block) == block


@pytest.mark.integration
@pytest.mark.parametrize("whiten", ["groups", "labels"])
def test_no_label_is_looked_at(whiten, embedder, photos, tmp_path):
    known = written(tmp_path / "known.csv", embedder, photos, whiten=whiten)
    shuffled = np.random.default_rng(0).permutation(photos.catalog.style)
    other = photos.with_styles(shuffled)
    assert written(tmp_path / "other.csv", embedder, other, whiten=whiten) == known


@pytest.mark.integration
def test_missing_labels_are_those_of_products_without(embedder, photos, tmp_path):
    styles = photos.catalog.style.copy()
    styles[::3] = -1
    some = photos.with_styles(styles)
    groups = written(tmp_path / "some.csv", embedder, some, pseudo_labels="missing")
    assert sorted(groups) == sorted(photos.catalog.product_id[::3])


def test_groups_become_styles(photos):
    four = photos.select(np.arange(4))
    groups = dict(zip(four.catalog.product_id, ["a", "b", "a", "c"], strict=True))
    styles = with_pseudo_labels(four, groups, CONFIG).catalog.style
    np.testing.assert_array_equal(styles, [0, 1, 0, 2])
    assert styles.dtype == np.int32


def test_known_styles_stay_and_are_no_others(photos):
    five = photos.select(np.arange(5)).with_styles([-1, 3, -1, 3, -1])
    names = ["a", None, "b", None, "a"]
    groups = {
        product: name
        for product, name in zip(five.catalog.product_id, names, strict=True)
        if name
    }
    config = dataclasses.replace(CONFIG, pseudo_labels="missing")
    styles = with_pseudo_labels(five, groups, config).catalog.style
    np.testing.assert_array_equal(styles, [4, 3, 5, 3, 4])


@pytest.mark.slow
@pytest.mark.integration
def test_a_catalogue_without_any_label_teaches_a_supervised_method(
    changed_catalog, tiny_run, tmp_path
):
    catalog = changed_catalog("unlabelled.csv", without=("style_id", "split"))
    config = tiny_run(
        tmp_path / "run",
        catalog=str(catalog),
        method="triplet",
        products_per_style=2,
        pseudo_labels="all",
        steps=2,
    )
    train.run(config)
    with Path(config.workdir, "pseudo_labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 45
    assert {"product_id", "group_id", "confidence"} <= set(rows[0])
