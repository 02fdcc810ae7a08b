"""Whitening with labels, and without."""

import dataclasses

import numpy as np
import pytest

from cv_tf.catalog import read_catalog
from cv_tf.config import Config
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import find_neighbors, group
from cv_tf.methods import build_embedder
from cv_tf.models import Whitening
from cv_tf.training.fit_whitening import known_variants, learning_threshold, whiten

CONFIG = Config(backbone="tiny", weights="none", image_size=32, whiten_dimensions=6)


@pytest.fixture(scope="module")
def embedder():
    return build_embedder(CONFIG)


@pytest.fixture(scope="module")
def catalog(drawn_catalog):
    return read_catalog(drawn_catalog)


@pytest.fixture(scope="module")
def descriptors(catalog):
    generator = np.random.default_rng(0)
    return generator.normal(size=(len(catalog), 20)).astype(np.float32)


@pytest.fixture(scope="module")
def lab(catalog):
    """Of two colors each: many are of one color, and are no variants."""
    reds = np.random.default_rng(1).choice([0.0, 60.0], len(catalog))
    return np.stack([np.full(len(reds), 50.0), reds, reds], axis=1).astype(np.float32)


def fitted(embedder, descriptors, catalog, lab=None, **settings):
    config = dataclasses.replace(CONFIG, **settings)
    described = Embeddings.of_catalog(catalog, descriptors, lab)
    return whiten(embedder, described, config).whitening


def group_for_learning(products):
    """The groups that whitening learns from, [n] int."""
    neighbors = find_neighbors(products)
    return group(products, learning_threshold(products, neighbors), neighbors=neighbors)


def trusted(found):
    """Pairs that were found, and how much they count among six dimensions."""
    return found, np.full(len(found), len(found) / (len(found) + 3 * 6))


def assert_same(ours, theirs):
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_principal_components_alone(embedder, descriptors, catalog):
    whitening = fitted(embedder, descriptors, catalog, whiten="pca", whiten_power=0.5)
    assert_same(whitening, Whitening.fit(descriptors, 6, 0.5, 0))


def test_none_drops_an_older_one(embedder, descriptors, catalog):
    older = embedder.with_options(whitening=Whitening.fit(descriptors, 8))
    assert fitted(older, descriptors, catalog, whiten="none") is None


def test_groups_are_found_by_vectors_and_colors(embedder, descriptors, catalog, lab):
    plain = Whitening.fit(descriptors, 6)
    vectors = plain(descriptors).numpy()
    groups = group_for_learning(Embeddings.of_catalog(catalog, vectors, lab))
    assert 1 < len(set(groups)) < len(groups)
    expected = plain.refine(descriptors, *trusted(known_variants(groups)))
    assert_same(fitted(embedder, descriptors, catalog, lab, whiten="groups"), expected)
    # How figures are made does not change it.
    assert_same(
        fitted(embedder, descriptors, catalog, lab, whiten="groups", color="off"),
        expected,
    )
    colorless = fitted(embedder, descriptors, catalog, None, whiten="groups")
    assert not np.allclose(colorless.projection, expected.projection)


def test_groups_look_at_no_label(embedder, descriptors, catalog, lab):
    unknown = dataclasses.replace(catalog, style=np.full_like(catalog.style, -1))
    assert_same(
        fitted(embedder, descriptors, catalog, lab, whiten="groups"),
        fitted(embedder, descriptors, unknown, lab, whiten="groups"),
    )


def test_labels_are_the_known_variants(embedder, descriptors, catalog):
    expected = Whitening.fit(descriptors, 6).refine(
        descriptors, known_variants(catalog.style)
    )
    assert_same(fitted(embedder, descriptors, catalog, whiten="labels"), expected)


def test_products_without_a_label_are_grouped(embedder, descriptors, catalog, lab):
    styles = catalog.style.copy()
    styles[10:] = -1
    some = dataclasses.replace(catalog, style=styles)
    plain = Whitening.fit(descriptors, 6)
    embeddings = Embeddings.of_catalog(catalog, plain(descriptors).numpy(), lab)
    groups = group_for_learning(embeddings.select(np.arange(10, len(catalog))))
    known = known_variants(styles)
    found, trust = trusted(10 + known_variants(groups))
    pairs = np.concatenate([known, found])
    trust = np.concatenate([np.ones(len(known)), trust])
    whitening = fitted(embedder, descriptors, some, lab, whiten="labels")
    assert_same(whitening, plain.refine(descriptors, pairs, trust))


def test_known_variants_are_each_product_and_the_next_of_its_style():
    styles = np.array([7, -1, 3, 7, -1, 3, 7, 5])
    assert known_variants(styles).tolist() == [[2, 5], [0, 3], [3, 6]]
    assert known_variants(np.array([-1, -1])).shape == (0, 2)


@pytest.mark.parametrize("whiten", ["groups", "labels"])
def test_answers_are_known_and_part_what_is_found(
    whiten, embedder, descriptors, catalog, lab
):
    """Products that nobody answered, or that are linked to none, are still grouped."""
    plain = Whitening.fit(descriptors, 6)
    embeddings = Embeddings.of_catalog(catalog, plain(descriptors).numpy(), lab)
    found = known_variants(group_for_learning(embeddings))
    styles = np.full(len(catalog), -1)
    # The first found pair is answered by no, and two other products by yes.
    styles[found[0]] = 0, 1
    yes = np.setdiff1d(np.arange(len(catalog)), found[0])[:2]
    styles[yes] = 2
    expected, trust = trusted(found[1:])
    first, second = styles[expected.T]
    kept = (first < 0) | (second < 0) | (first == second)
    expected, trust = trusted(expected[kept])
    answered = dataclasses.replace(catalog, style=styles)
    settings = {"whiten": whiten, "answers": ("a.csv",)}
    assert_same(
        fitted(embedder, descriptors, answered, lab, **settings),
        plain.refine(
            descriptors, np.concatenate([yes[None], expected]), np.append(1, trust)
        ),
    )
