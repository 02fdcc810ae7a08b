"""Product by product, failures first."""

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.embeddings import Embeddings
from cv_tf.metrics import rank_queries, retrieval_figures


def test_worked_by_hand():
    # 0 and 1 are each other's nearest; 2 is nearest to a stranger, 3; 4 is alone.
    # 1 is nearer than 0 to the stranger.
    vectors = at_degrees(0, 2, 40, 39, 90)
    styles = np.array([0, 0, 0, 1, 2])
    queries = rank_queries(Embeddings.of_arrays(vectors, style=styles), k=3)
    assert queries.rows.tolist() == [2, 1, 0]
    assert queries.num_variants.tolist() == [2, 2, 2]
    assert queries.neighbors.indices[0].tolist() == [3, 1, 0]
    assert queries.is_right[0].tolist() == [False, True, True]
    # Product 2: its second neighbor is right, at a precision of a half, of R = 2.
    assert queries.precision.tolist() == pytest.approx([0.25, 0.5, 0.5])


def test_of_equally_bad_ones_the_surest_mistake_is_first():
    vectors = at_degrees(0, 10, 60, 200, 205, 250)
    styles = np.array([0, 1, 0, 2, 3, 2])
    queries = rank_queries(Embeddings.of_arrays(vectors, style=styles), k=1)
    assert queries.precision.tolist() == [0, 0, 0, 0]
    assert queries.rows.tolist() == [3, 0, 5, 2]


def test_the_mean_of_their_precision_is_map_at_r():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((60, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    styles, blocks = rng.integers(-1, 20, 60), rng.integers(0, 2, 60)
    labelled = Embeddings.of_arrays(vectors, blocks, style=styles)
    queries = rank_queries(labelled)
    figures = retrieval_figures(labelled)
    assert queries.precision.mean() == pytest.approx(figures["map_at_r_in_block"])
    assert len(queries.rows) == figures["num_queries"]
    assert (np.diff(queries.precision) >= -1e-9).all()
    found = queries.neighbors.indices
    assert found.shape[1] >= queries.num_variants.max()
    own = np.broadcast_to(blocks[queries.rows][:, None], found.shape)
    assert (blocks[found] == own)[found >= 0].all()
