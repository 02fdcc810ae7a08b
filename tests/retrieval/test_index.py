"""What every index promises: searching, adding, saving, and what it refuses."""

import json
from unittest import mock

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.errors import WriteError
from cv_tf.files import digest_of
from cv_tf.retrieval import (
    ExactIndex,
    Neighbors,
    build_index,
    load_index,
    nearest_neighbors as index_engines,
    scann,
)

# ScaNN needs 16 products at least: these are far from what is looked for.
FAR = (180, 184, 188, 192, 196, 200, 204, 208, 212, 216, 220, 224, 228, 232, 236, 240)
ANGLES = at_degrees(0, 10, 30, 90, *FAR)


@pytest.fixture(params=["exact", "scann"])
def build(request, monkeypatch):
    """Builds an index by each retrieval, however few products there are."""
    monkeypatch.setattr(index_engines, "BRUTE_FORCE_BELOW", 0)
    if request.param == "scann":
        try:
            scann.load_scann()
        except ImportError as error:
            pytest.skip(str(error))

    def build(embeddings, **options):
        return build_index(embeddings, request.param, recall=1, **options)

    return build


def _equal(found: Neighbors, expected: Neighbors):
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.similarities, expected.similarities)


def test_neighbors_of_angles(build):
    found = build(ANGLES).search(at_degrees(12, 89), k=2)
    assert found.indices.tolist() == [[1, 0], [3, 2]]
    expected = np.cos(np.deg2rad([[2, 12], [1, 59]]))
    np.testing.assert_allclose(found.similarities, expected, atol=1e-6)
    assert found.indices.dtype == np.int32
    assert found.similarities.dtype == np.float32


def test_more_neighbors_than_products_are_padded(build):
    found = build(ANGLES).search(at_degrees(91), k=22)
    assert sorted(found.indices[0, :20].tolist()) == [*range(20)]
    assert found.indices[0, 20:].tolist() == [-1, -1]
    assert found.similarities[0, 20:].tolist() == [-np.inf, -np.inf]


def test_one_product_is_everybodys_neighbor():
    found = build_index(ANGLES[:1]).search(ANGLES[:4], k=1)
    assert found.indices.tolist() == [[0], [0], [0], [0]]


def test_equal_products_are_all_found(build):
    found = build(ANGLES[[0, 3, 0, 0, *range(4, 20)]]).search(ANGLES[:1], k=3)
    assert sorted(found.indices[0].tolist()) == [0, 2, 3]
    np.testing.assert_allclose(found.similarities, [[1, 1, 1]], atol=1e-6)


def test_order_of_products_and_of_queries_does_not_matter(build):
    rng = np.random.default_rng(0)
    products, queries = (rng.standard_normal((n, 6)) for n in (80, 20))
    products, queries = (
        (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
        for x in (products, queries)
    )
    order, turn = rng.permutation(80), rng.permutation(20)
    found = build(products).search(queries, k=5)
    shuffled = build(products[order]).search(queries[turn], k=5)
    np.testing.assert_array_equal(order[shuffled.indices], found.indices[turn])


def test_added_products_are_found_after_the_first_ones(build):
    index = build(ANGLES)
    index.add(at_degrees(11, 150))
    index.add(at_degrees(12))
    assert index.num_products == 23
    found = index.search(at_degrees(12.1, 150), k=3)
    assert found.indices[0].tolist() == [22, 20, 1]
    assert found.indices[1, 0] == 21


def test_adding_leaves_the_embeddings_that_it_was_built_of(build):
    embeddings = ANGLES.copy()
    build(embeddings).add(at_degrees(50))
    np.testing.assert_array_equal(embeddings, ANGLES)


def test_saved_and_loaded_is_the_same(build, tmp_path):
    index = build(ANGLES, model="mine")
    index.add(at_degrees(20))
    index.save(tmp_path / "index")
    loaded = load_index(str(tmp_path / "index"), model="mine")
    assert type(loaded) is type(index)
    for name in ("kind", "dim", "num_products", "model", "measured_recall"):
        assert getattr(loaded, name) == getattr(index, name), name
    _equal(loaded.search(ANGLES, 21), index.search(ANGLES, 21))
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_moved_folder_is_loaded(build, tmp_path):
    build(ANGLES).save(tmp_path / "index")
    (tmp_path / "index").rename(tmp_path / "other")
    assert load_index(tmp_path / "other").num_products == 20


def test_a_loaded_index_takes_more_products(build, tmp_path):
    build(ANGLES).save(tmp_path / "index")
    loaded = load_index(tmp_path / "index")
    loaded.add(at_degrees(20))
    assert loaded.search(at_degrees(21), 1).indices.tolist() == [[20]]
    loaded.save(tmp_path / "index", overwrite=True)
    assert load_index(tmp_path / "index").num_products == 21
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_an_index_is_replaced_only_when_asked(build, tmp_path):
    build(ANGLES).save(tmp_path / "index")
    with pytest.raises(ValueError, match=r"holds an index.*overwrite=True"):
        build(ANGLES[:18]).save(tmp_path / "index")
    assert load_index(tmp_path / "index").num_products == 20


def test_other_folders_are_never_replaced(tmp_path):
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(ValueError, match="exists and is not an index"):
        ExactIndex(ANGLES).save(tmp_path, overwrite=True)
    assert (tmp_path / "photo.jpg").exists()


def test_the_parent_of_the_folder_has_to_be_there(tmp_path):
    with pytest.raises(ValueError, match=r"no folder '.*nowhere' to save"):
        ExactIndex(ANGLES).save(tmp_path / "nowhere" / "index")


def test_what_fails_leaves_the_old_index_and_nothing_else(tmp_path):
    ExactIndex(ANGLES).save(tmp_path / "index")

    def fail(self, folder):
        (folder / "half").touch()
        raise OSError("The disk is full (a test).")

    with mock.patch.object(ExactIndex, "_write", fail), pytest.raises(OSError):
        ExactIndex(ANGLES[:2]).save(tmp_path / "index", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert load_index(tmp_path / "index").num_products == 20


WRONG_VECTORS = [
    (np.eye(3, dtype=np.float32), r"have 3 dimensions; .*'mine'\) have 2"),
    (np.array([[1, np.nan]], np.float32), "hold NaN"),
    (np.array([[3, 4]], np.float32), "not of length 1"),
    (np.ones((0, 2), np.float32), "at least one product"),
    (np.array([1, 0], np.float32), "one vector a product"),
]


@pytest.mark.parametrize(("vectors", "message"), WRONG_VECTORS)
def test_says_what_is_wrong_with_vectors(vectors, message):
    index = ExactIndex(ANGLES, model="mine")
    with pytest.raises(ValueError, match=message):
        index.search(vectors, 1)
    with pytest.raises(ValueError, match=message):
        index.add(vectors)
    assert index.num_products == 20


def test_no_neighbors_cannot_be_asked_for():
    with pytest.raises(ValueError, match="k is 0; expected at least 1"):
        ExactIndex(ANGLES).search(ANGLES, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retrieval": "faiss"}, "'faiss' is unknown"),
        ({"recall": 0}, "Recall is 0"),
        ({"recall": 1.1}, "Recall is 1.1"),
        ({"recall": np.nan}, "Recall is nan"),
        ({"k": 0}, "k is 0"),
    ],
)
def test_says_what_cannot_be_built(options, message):
    with pytest.raises(ValueError, match=message):
        build_index(ANGLES, **options)


def test_exact_unless_many():
    assert isinstance(build_index(ANGLES), ExactIndex)
    assert isinstance(build_index(ANGLES, "scann"), ExactIndex)


def test_another_models_index_is_refused(tmp_path):
    ExactIndex(ANGLES, model="theirs").save(tmp_path / "index")
    with pytest.raises(ValueError, match=r"model 'theirs'.*'mine'"):
        load_index(tmp_path / "index", model="mine")
    assert load_index(tmp_path / "index").model == "theirs"


def test_an_index_of_an_unknown_model_is_loaded_with_a_warning(tmp_path):
    ExactIndex(ANGLES).save(tmp_path / "index")
    with mock.patch.object(index_engines.logging, "warning") as warning:
        load_index(tmp_path / "index", model="mine")
    assert "does not say which model made it" in warning.call_args.args[0]


def test_what_is_not_there_is_no_index(tmp_path):
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ValueError, match=r"is no index: it has no index\.json"):
            load_index(folder)


def _cut(folder):
    (folder / "embeddings.npy").write_bytes(b"short")


def _remove(folder):
    (folder / "embeddings.npy").unlink()


def _pickle(folder):
    path = folder / "embeddings.npy"
    objects = np.array([{"a": "pickle"}], object)
    np.save(path, objects, allow_pickle=True)
    _refit(folder)


def _refit(folder):
    """Makes index.json fit whatever the other files are."""
    files = [path for path in folder.iterdir() if path.name != "index.json"]
    _say(
        folder,
        files={path.name: path.stat().st_size for path in files},
        digests={path.name: digest_of(path) for path in files},
    )


def _write(folder, about):
    (folder / "index.json").write_text(about)


def _say(folder, **changed):
    path = folder / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_cut, "embeddings.npy should have 288 bytes, has 5"),
        (_remove, "embeddings.npy should have 288 bytes, has no such file"),
        (_pickle, "is object"),
        (lambda folder: _write(folder, "{"), "cannot be read"),
        (
            lambda folder: (folder / "index.json").write_text("{}"),
            "'engine' is missing",
        ),
        (lambda folder: (folder / "index.json").write_text("[]"), "holds a list"),
        (
            lambda folder: _say(folder, num_products=5),
            r"\(20, 2\), not float32 \(5, 2\)",
        ),
        (lambda folder: _say(folder, dim=3), r"\(20, 2\), not float32 \(20, 3\)"),
        (lambda folder: _say(folder, engine="faiss"), "its engine is 'faiss'"),
    ],
)
def test_damaged_folders_are_refused(tmp_path, damage, message):
    ExactIndex(ANGLES).save(tmp_path / "index")
    damage(tmp_path / "index")
    with pytest.raises(ValueError, match=message) as error:
        load_index(tmp_path / "index")
    assert "index' is damaged" in str(error.value)


def test_neighbors_without_a_row_or_else_the_last():
    found = Neighbors(
        np.array([[4, 9, 2], [9, 7, 1], [5, 6, 8], [0, -1, -1]], np.int32),
        np.array([[1, 0.9, 0.8], [1, 1, 0.7], [0.6, 0.5, 0.4], [1, -9, -9]]),
    ).without(np.array([4, 7, 1, 0]))
    assert found.indices.tolist() == [[9, 2], [9, 1], [5, 6], [-1, -1]]
    expected = [[0.9, 0.8], [1, 0.7], [0.6, 0.5], [-9, -9]]
    np.testing.assert_array_equal(found.similarities, expected)


@pytest.mark.parametrize(
    "error", [OSError("19200 requested and 64 written"), RuntimeError("I/O error")]
)
def test_a_full_disk_is_told_with_the_folder(error, tmp_path, monkeypatch):
    """As NumPy and ScaNN raise them, which name no file."""
    index, folder = ExactIndex(ANGLES), tmp_path / "my.index"
    index.save(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(ExactIndex, "_write", mock.Mock(side_effect=error))
    with pytest.raises(WriteError, match="cannot be written: the disk does"):
        index.save(folder, overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["my.index"]
