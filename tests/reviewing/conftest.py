"""A page of groups, for what serves it."""

import numpy as np
import pytest

from cv_tf.embeddings import Embeddings
from cv_tf.grouping import find_groups
from cv_tf.report import PageSettings, summarize, write_group_page


@pytest.fixture(scope="session")
def group_page(tmp_path_factory):
    """The page of the groups of twelve products, p00 to p11."""
    random = np.random.default_rng(0)
    styles = np.repeat(np.eye(4), 3, axis=0) + random.normal(0, 0.02, (12, 4))
    vectors = (styles / np.linalg.norm(styles, axis=1, keepdims=True)).astype("float32")
    embeddings = Embeddings.of_arrays(vectors)
    embeddings.product_id[:] = [f"p{n:02d}" for n in range(12)]
    grouped = find_groups(embeddings, threshold=0.5)
    summary = summarize(grouped, "off", "--threshold", grouped.expected, "", False)
    path = tmp_path_factory.mktemp("groups") / "groups.html"
    write_group_page(path, grouped, embeddings, summary, PageSettings())
    return path
