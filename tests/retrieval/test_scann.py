"""ScaNN against exact search; skipped where ScaNN cannot be loaded."""

import importlib
import sys
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from cv_tf.errors import MissingPackageError
from cv_tf.retrieval import (
    ExactIndex,
    Neighbors,
    ScannIndex,
    build_index,
    load_index,
    nearest,
    nearest_neighbors as index_engines,
    nearest_neighbors as search,
    scann,
)
from cv_tf.retrieval.tuning import recall_against

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True, scope="module")
def _scann():
    try:
        scann.load_scann()
    except ImportError as error:
        pytest.skip(str(error))


class TestWithAnotherTensorFlow:
    """ScaNN's TensorFlow operations are built for one TensorFlow; none are used."""

    @pytest.fixture
    def fresh(self, monkeypatch):
        """ScaNN has not been imported, and its operations cannot be loaded."""
        names = [name for name in sys.modules if name.partition(".")[0] == "scann"]
        for name in names:
            monkeypatch.delitem(sys.modules, name)

        def fail(path):
            raise tf.errors.NotFoundError(None, None, f"{path}: undefined symbol")

        monkeypatch.setattr(tf, "load_op_library", fail)

    @pytest.mark.usefixtures("fresh")
    def test_searchers_are_loaded_without_operations(self):
        module = scann.load_scann()
        assert scann.load_scann() is module
        assert callable(module.builder)
        # Whoever asks for the operations is told what he would have been told.
        assert "scann.scann_ops.py.scann_ops" not in sys.modules
        with pytest.raises(tf.errors.NotFoundError, match="undefined symbol"):
            importlib.import_module("scann.scann_ops.py.scann_ops")
        assert importlib.import_module("scann").scann_ops_pybind is module

    @pytest.mark.usefixtures("fresh")
    def test_what_cannot_be_loaded_at_all_is_told(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "scann_pybind", None)
        with pytest.raises(
            MissingPackageError, match="ScaNN cannot be loaded"
        ) as error:
            scann.load_scann()
        assert "or use exact search" in str(error.value)


def _clusters(num_products, dim=16, seed=0):
    """Products around 200 centers, as styles are."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((200, dim))
    embeddings = centers[rng.integers(0, 200, num_products)]
    embeddings = embeddings + 0.3 * rng.standard_normal((num_products, dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype(np.float32)


MANY = _clusters(25_000)
# Products of the same clusters that no index was tuned with.
MORE = _clusters(26_000)[25_000:]


@pytest.fixture(scope="module")
def index():
    return build_index(MANY, recall=0.95, k=10, model="mine")


def _true_similarities(queries, products, found):
    similarities = np.einsum("qd,qkd->qk", queries, products[found.indices])
    return np.where(found.indices < 0, -np.inf, similarities)


def test_finds_what_was_asked_for_and_not_much_more(index):
    exact = ExactIndex(MANY).search(MORE, 10)
    found = index.search(MORE, 10)
    recall = recall_against(found, exact).mean()
    assert 0.94 < recall < 0.99
    assert index.measured_recall == pytest.approx(recall, abs=0.02)
    expected = _true_similarities(MORE, MANY, found)
    np.testing.assert_allclose(found.similarities, expected, atol=1e-6)


def test_looks_at_no_more_than_it_has_to(index):
    assert isinstance(index, ScannIndex)
    assert index.effort.leaves < 0.3 * np.sqrt(len(MANY))
    assert index.effort.reordered < 300


@pytest.mark.parametrize("recall", [0.7, 0.99])
def test_recall_can_be_chosen(recall):
    index = build_index(MANY, "scann", recall)
    found = recall_against(index.search(MORE, 10), ExactIndex(MANY).search(MORE, 10))
    assert recall - 0.02 < found.mean() < recall + 0.1


@pytest.mark.parametrize("k", [1, 100, 1000])
def test_finds_as_many_as_asked(index, k):
    found = index.search(MORE[:50], k)
    exact = ExactIndex(MANY).search(MORE[:50], k)
    assert recall_against(found, exact).mean() > 0.9
    assert (np.diff(found.similarities) <= 0).all()


def test_no_product_twice_and_missing_ones_at_the_end(index):
    # More than the leaves hold that are searched for 10.
    found = index._search_with(index.effort, MORE[:20], 20_000)
    for indices in found.indices:
        present = indices[indices >= 0]
        assert len(set(present.tolist())) == len(present) > 0
        assert (indices[len(present) :] == -1).all()
    missing = found.indices < 0
    np.testing.assert_array_equal(missing, found.similarities == -np.inf)


def test_searches_repeat(index):
    first, second = index.search(MORE, 10), index.search(MORE, 10)
    np.testing.assert_array_equal(first.indices, second.indices)


def test_saved_and_loaded_finds_the_same(index, tmp_path):
    index.save(tmp_path / "index")
    loaded = load_index(tmp_path / "index", model="mine")
    assert isinstance(loaded, ScannIndex)
    assert loaded.effort == index.effort
    assert loaded.measured_recall == index.measured_recall
    for k in (3, 40):
        found, expected = loaded.search(MORE, k), index.search(MORE, k)
        np.testing.assert_array_equal(found.indices, expected.indices)
        np.testing.assert_array_equal(found.similarities, expected.similarities)


def test_a_loaded_index_takes_more_products_and_can_be_saved_again(index, tmp_path):
    index.save(tmp_path / "first")
    grown = load_index(tmp_path / "first")
    grown.add(MORE[:600])
    grown.add(MORE[600:])
    assert grown.num_products == 26_000
    added = np.arange(25_000, 26_000)
    assert (grown.search(MORE, 1).indices[:, 0] == added).mean() > 0.95
    assert index.num_products == 25_000
    everything = np.concatenate([MANY, MORE])
    exact = ExactIndex(everything).search(MORE, 10)
    assert recall_against(grown.search(MORE, 10), exact).mean() > 0.94
    grown.save(tmp_path / "second")
    again = load_index(tmp_path / "second").search(MORE, 10)
    np.testing.assert_array_equal(again.indices, grown.search(MORE, 10).indices)


def test_saved_files_hold_nothing_that_is_unpickled(index, tmp_path):
    index.save(tmp_path / "index")
    kinds = {path.suffix for path in (tmp_path / "index").iterdir()}
    assert kinds == {".json", ".npy", ".pb", ".pbtxt"}


def test_a_pickle_in_the_folder_is_not_read(index, tmp_path):
    index.save(tmp_path / "index")
    (tmp_path / "index" / "scann_docids.pkl").write_bytes(b"not even a pickle")
    assert load_index(tmp_path / "index").num_products == 25_000


@pytest.mark.parametrize("name", ["ah_codebook.pb", "serialized_partitioner.pb"])
def test_damage_that_leaves_the_size_is_noticed_too(index, name, tmp_path):
    index.save(tmp_path / "index")
    path = tmp_path / "index" / name
    path.write_bytes(bytes([255]) * path.stat().st_size)
    with pytest.raises(ValueError, match=r"index.*is damaged .*Copy it again"):
        load_index(tmp_path / "index")


def test_below_20000_products_it_is_exact():
    embeddings, blocks = MANY[:300], np.arange(300) % 7
    found = nearest(embeddings, 50, blocks, retrieval="scann")
    exact = nearest(embeddings, 50, blocks, retrieval="exact")
    np.testing.assert_array_equal(found.indices, exact.indices)
    np.testing.assert_array_equal(found.similarities, exact.similarities)


@pytest.mark.integration
def test_neighbors_of_all_products_never_hold_the_product_itself(monkeypatch):
    monkeypatch.setattr(search, "_EXACT_BELOW", 0)
    found = nearest(MANY, 10, retrieval="auto", recall=0.9)
    exact = nearest(MANY, 10, retrieval="exact")
    assert 0.89 < recall_against(found, exact).mean() < 0.99
    assert not (found.indices == np.arange(len(MANY))[:, None]).any()
    expected = _true_similarities(MANY, MANY, found)
    np.testing.assert_allclose(found.similarities, expected, atol=1e-6)


def test_auto_uses_it_for_large_blocks_with_many_queries_only(monkeypatch):
    monkeypatch.setattr(index_engines, "BRUTE_FORCE_BELOW", 100)
    monkeypatch.setattr(search, "_EXACT_BELOW", 50 * 101 * 16)
    sizes = []

    def record(embeddings, *arguments, floor):
        sizes.append(len(embeddings))
        return ExactIndex(embeddings)

    monkeypatch.setattr(ScannIndex, "build", record)
    blocks = np.repeat([0, 1, 2], [99, 100, 101])
    nearest(MANY[:300], 3, blocks, retrieval="auto")
    assert sizes == [100, 101]
    nearest(MANY[:300], 3, blocks, retrieval="auto", queries=np.arange(248))
    assert sizes == [100, 101, 100]


def test_what_cannot_be_reached_is_said(monkeypatch):
    def find_nothing(self, effort, queries, k):
        return Neighbors.none(len(queries), k)

    monkeypatch.setattr(ScannIndex, "_search_with", find_nothing)
    with mock.patch.object(scann.logging, "warning") as warning:
        index = ScannIndex.build(MANY[:1000], recall=0.9, k=3)
    assert index.measured_recall == 0
    message = warning.call_args.args[0] % warning.call_args.args[1:]
    assert message.startswith("ScaNN finds 0.000 of the nearest neighbors at most")
