import numpy as np

from cv_tf.inspection.previews import choose_products


def order_of(*batches):
    return lambda step: np.array(batches[step % len(batches)])


def test_one_of_each_block_then_the_second_of_each():
    blocks = np.array([0, 0, 0, 1, 1, 2])
    order = order_of([1, 0, 3], [5, 4, 2])
    chosen = choose_products(order, blocks, 5, num_steps=2)
    assert chosen == ((1, 0, 0), (3, 0, 2), (5, 1, 0), (0, 0, 1), (4, 1, 1))


def test_fewer_where_there_are_no_more():
    assert choose_products(order_of([2, 0]), np.zeros(3), 9, num_steps=50) == (
        (2, 0, 0),
        (0, 0, 1),
    )


def test_goes_on_until_there_are_enough_blocks_and_no_further():
    """Batches of one block: the step of each is the first that meets it."""
    steps = []

    def order(step):
        steps.append(step)
        return np.array([3 * step, 3 * step + 1])

    blocks = np.arange(3000) // 3
    chosen = choose_products(order, blocks, 3, num_steps=1000)
    assert chosen == ((0, 0, 0), (3, 1, 0), (6, 2, 0))
    assert steps == [0, 1, 2]


def test_steps_beyond_the_training_are_not_looked_at():
    order = order_of([0], [1])
    assert choose_products(order, np.arange(2), 2, num_steps=1) == ((0, 0, 0),)
    # A training of no steps has a first batch all the same.
    assert choose_products(order, np.arange(2), 2, num_steps=0) == ((0, 0, 0),)
