"""What all tests of retrieval need."""

import pytest

from cv_tf.retrieval.scann import load_scann


@pytest.fixture(scope="session", autouse=True)
def _loaded_scann():
    """Loads ScaNN once, which starts a process: a single test may not do that."""
    load_scann()
