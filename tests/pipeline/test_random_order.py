import numpy as np
import pytest

from cv_tf.pipeline import RandomOrder


def stream(order, steps):
    return np.concatenate([order(step) for step in range(steps)])


@pytest.mark.parametrize(("num_rows", "batch_size"), [(100, 32), (64, 32), (97, 13)])
def test_each_product_comes_once_an_epoch_across_full_batches(num_rows, batch_size):
    rows = stream(RandomOrder(num_rows, batch_size, seed=1), 40)
    for start in range(0, len(rows) - num_rows, num_rows):
        epoch = rows[start : start + num_rows]
        np.testing.assert_array_equal(np.sort(epoch), np.arange(num_rows))


@pytest.mark.parametrize("num_rows", [32, 40, 63, 64, 65, 100])
def test_no_batch_holds_a_product_twice(num_rows):
    order = RandomOrder(num_rows, 32, seed=0)
    for step in range(200):
        assert len(set(order(step))) == 32


def test_a_step_is_the_same_whatever_was_asked_before():
    order = RandomOrder(100, 32, seed=5)
    forwards = [order(step) for step in range(30)]
    for step in (29, 3, 17, 0):
        fresh = RandomOrder(100, 32, seed=5)
        np.testing.assert_array_equal(fresh(step), forwards[step])
        np.testing.assert_array_equal(order(step), forwards[step])


def test_seeds_and_epochs_differ():
    order = RandomOrder(100, 50, seed=0)
    assert not np.array_equal(order(0), RandomOrder(100, 50, seed=1)(0))
    assert not np.array_equal(stream(order, 2), [*order(2), *order(3)])


def test_fewer_than_two_batches_are_drawn_anew_and_reach_all():
    order = RandomOrder(40, 32, seed=0)
    assert set(stream(order, 50)) == set(range(40))


def test_a_batch_that_does_not_fit_says_what_to_do():
    with pytest.raises(ValueError, match=r"batch of 11 .* 10 products.*batch_size"):
        RandomOrder(10, 11, seed=0)
    with pytest.raises(ValueError, match="batch_size is 0"):
        RandomOrder(10, 0, seed=0)
