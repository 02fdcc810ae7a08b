"""Products on a plane."""

import numpy as np
import pytest

from cv_tf.report.embedding_map import lay_out_map, principal_plane


def _names(count):
    return np.array([f"p{i}" for i in range(count)], object)


def test_the_plane_of_what_lies_in_one():
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((50, 2)) * [3, 1]
    axes = np.linalg.qr(rng.standard_normal((6, 2)))[0]
    plane, share = principal_plane(flat @ axes.T + 5)
    assert share == pytest.approx(1)
    distances = np.linalg.norm(plane[:, None] - plane[None], axis=2)
    expected = np.linalg.norm(flat[:, None] - flat[None], axis=2)
    np.testing.assert_allclose(distances, expected, atol=1e-9)
    assert plane[:, 0].var() > plane[:, 1].var()


def test_the_share_of_the_variance():
    corners = np.concatenate([np.eye(4), -np.eye(4)])
    assert principal_plane(corners)[1] == pytest.approx(0.5)
    assert principal_plane(np.ones((3, 4)))[1] == 0


def test_blocks_are_in_the_order_of_their_sizes_and_ten_share_nine_colors():
    blocks = np.repeat(np.arange(10), np.arange(1, 11)).astype(np.int32)
    vectors = np.random.default_rng(0).standard_normal((len(blocks), 3))
    names = tuple(f"b{i}" for i in range(10))
    laid_out = lay_out_map(vectors, _names(len(blocks)), blocks, names)
    assert [block.name for block in laid_out.blocks] == list(names[::-1])
    assert [block.color for block in laid_out.blocks] == [*range(8), 8, 8]
    assert [len(block.points) for block in laid_out.blocks] == [*range(10, 0, -1)]
    places = [(p.x, p.y) for block in laid_out.blocks for p in block.points]
    assert all(0 <= value <= laid_out.side for place in places for value in place)
    assert laid_out.blocks[-1].points[0].title == "p0"


def test_of_many_products_a_sample_is_drawn():
    vectors = np.random.default_rng(0).standard_normal((100, 3))
    blocks = np.zeros(100, np.int32)
    first, second = (
        lay_out_map(vectors, _names(100), blocks, ("all",), most=30) for _ in range(2)
    )
    assert len(first.blocks[0].points) == 30
    assert first.blocks[0].num_products == 100
    assert first.num_left_out == 70
    assert first == second


@pytest.mark.parametrize("count", [1, 2])
def test_hardly_any_products(count):
    vectors = np.eye(3)[:count]
    names = _names(count)
    (block,) = lay_out_map(vectors, names, np.zeros(count, int), ("all",)).blocks
    assert len(block.points) == count


def test_vectors_of_one_dimension():
    plane, _ = principal_plane(np.array([[1.0], [3.0]]))
    assert plane.tolist() == [[1.0, 0.0], [-1.0, 0.0]]
