import numpy as np
import pytest

from cv_tf.pipeline import Shares


def order(step):
    """Batches of six: 0 to 5, then 10 to 15."""
    return np.arange(6, dtype=np.int32) + 10 * step


@pytest.mark.parametrize(
    ("replicas", "expected"),
    [
        (range(1), [[0, 1], [10, 11]]),
        (range(2, 3), [[4, 5], [14, 15]]),
        (range(1, 3), [[2, 3], [4, 5], [12, 13], [14, 15]]),
        (range(3), [[0, 1], [2, 3], [4, 5], [10, 11], [12, 13], [14, 15]]),
    ],
)
def test_replicas_of_a_process_have_their_shares_in_turn(replicas, expected):
    shares = Shares(order, replicas, num_replicas=3)
    assert [shares(i).tolist() for i in range(len(expected))] == expected


def test_one_replica_has_it_all():
    shares = Shares(order, range(1), num_replicas=1)
    np.testing.assert_array_equal(shares(3), order(3))
    assert shares(3).dtype == np.int32
