"""Products of one photo: which they are, and what they are worth."""

import numpy as np
import pytest

from cv_tf.embeddings import Copies, Embeddings, find_copies


def unit(num_products, dimensions=32, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((num_products, dimensions))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def one_block(vectors):
    return np.zeros(len(vectors), np.int32)


@pytest.mark.parametrize("noise", [0, 1e-7, 1e-5])
@pytest.mark.parametrize("dimensions", [2, 32, 1024])
def test_copies_are_found_wherever_they_stand(noise, dimensions):
    random = np.random.default_rng(1)
    first = np.sort(random.integers(0, 200, 600))
    random.shuffle(first)
    vectors = unit(200, dimensions)[first]
    if dimensions == 2:  # Far enough apart for different photos.
        angles = first * (2 * np.pi / 200)
        vectors = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    apart = random.standard_normal(vectors.shape).astype(np.float32)
    vectors = vectors + noise * apart / np.linalg.norm(apart, axis=1, keepdims=True)
    copies = find_copies(vectors, one_block(vectors))
    expected = [first.tolist().index(photo) for photo in first]
    assert copies.first.tolist() == expected
    assert copies.num_copies == 600 - len(set(first.tolist()))


def test_different_photos_are_no_copies():
    vectors = unit(1000)
    copies = find_copies(vectors, one_block(vectors))
    assert copies.num_copies == 0
    assert copies.rows.tolist() == copies.place.tolist() == list(range(1000))


def test_an_embedder_that_makes_nearly_equal_vectors_takes_no_longer():
    vectors = unit(1, 16) + 3e-3 * unit(3000, 16, seed=1)
    assert find_copies(vectors, one_block(vectors)).num_copies < 3000


@pytest.mark.parametrize(
    ("block", "lab", "first"),
    [
        ([0, 0, 0], None, [0, 0, 0]),
        ([0, 1, 0], None, [0, 1, 0]),
        ([0, 0, 0], [[50, 0, 0], [50, 0, 0.5], [50, 0, 0]], [0, 0, 0]),
        ([0, 0, 0], [[50, 0, 0], [60, 0, 0], [50, 0, 0]], [0, 1, 0]),
        ([0, 0, 0], [[50, 0, 0], [np.nan] * 3, [50, 0, 0]], [0, 0, 0]),
    ],
    ids=["equal", "blocks", "one color", "two colors", "unknown color"],
)
def test_copies_share_block_vector_and_color(block, lab, first):
    vectors = unit(1)[[0, 0, 0]]
    lab = None if lab is None else np.array(lab, np.float32)
    assert find_copies(vectors, np.array(block), lab).first.tolist() == first


def test_of_nothing():
    assert find_copies(np.zeros((0, 8), np.float32), np.zeros(0)).num_copies == 0


# Photos a, a, a, b, b, c, d, d.
FIRST = np.array([0, 0, 0, 3, 3, 5, 6, 6])


@pytest.mark.parametrize(
    ("style", "of_photos", "measured"),
    [
        ([0, 0, 0, 0, 0, 1, 1, 1], [0, 0, 1, 1], [0, 3, 5, 6]),
        # A copy tells the style of a photo whose first product has none.
        ([-1, 0, 0, -1, 0, 1, -1, -1], [0, 0, 1, -1], [1, 4, 5, 6]),
        # Copies of several styles are not taken for one product.
        ([0, 1, -1, 2, 2, 1, 1, 1], [-1, 2, 1, 1], [0, 1, 2, 3, 5, 6]),
    ],
)
def test_styles_of_photos(style, of_photos, measured):
    copies, style = Copies(FIRST), np.array(style)
    assert copies.styles(style).tolist() == of_photos
    assert copies.rows_to_measure(style).tolist() == measured


class TestEmbeddings:
    def test_distinct_products(self):
        vectors = unit(4)[[0, 0, 1, 2, 1, 3]]
        style = np.array([-1, 7, 8, 7, 8, 9])
        products = Embeddings.of_arrays(vectors, style=style)
        assert products.distinct.product_id.tolist() == ["0", "2", "3", "5"]
        assert products.distinct.known_style.tolist() == [7, 8, 7, 9]
        assert products.rows_to_measure.tolist() == [1, 2, 3, 5]

    def test_without_copies_nothing_is_copied(self):
        products = Embeddings.of_arrays(unit(5), style=np.zeros(5, int))
        assert products.distinct is products.measured is products

    def test_photos_of_two_names_are_measured_where_no_color_is_known(self):
        products = Embeddings.of_arrays(unit(2)[[0, 0, 1]], style=np.zeros(3, int))
        assert len(products.measured) == 2
        products.image[:] = ["a.jpg", "b.jpg", "c.jpg"]
        again = products.select(np.arange(3))
        assert len(again.measured) == 3

    def test_an_embedder_that_made_all_products_equal_is_measured(self):
        style = np.array([0, 0, 1, 1])
        assert len(Embeddings.of_arrays(unit(1)[[0] * 4], style=style).measured) == 4
        style = np.zeros(4, int)
        assert len(Embeddings.of_arrays(unit(1)[[0] * 4], style=style).measured) == 4


def test_a_photo_of_two_blocks_is_measured_where_most_of_its_style_is():
    vectors = unit(3)[[0, 0, 1, 2]]
    style, block = np.array([5, 5, 5, 6]), np.array([0, 1, 1, 0])
    products = Embeddings.of_arrays(vectors, block, style=style)
    assert products.copies.num_copies == 0
    assert products.rows_to_measure.tolist() == [1, 2, 3]


@pytest.mark.parametrize("noise", [3e-4, 9e-4])
def test_vectors_rounded_to_half_precision_are_copies(noise):
    vectors = unit(2000, 64)
    apart = unit(2000, 64, seed=1) * noise
    both = np.concatenate([vectors, vectors + apart])
    assert find_copies(both, one_block(both)).num_copies > 1990
