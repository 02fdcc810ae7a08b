"""The neighbors of a catalogue as a job of shards, done on this machine."""

import threading
from pathlib import Path

import numpy as np
import pytest
from few import few

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import find_neighbors, find_neighbors_in_shards, neighbor_job
from cv_tf.locks import BusyError, only_writer
from cv_tf.shards import EngineSettings, JobError

SETTINGS = GroupingSettings(neighbors=12, retrieval="exact")


@pytest.fixture
def small_parts(monkeypatch):
    """Blocks of more than 1,000 products are split, into shards of 512."""
    monkeypatch.setattr(neighbor_job, "SPLIT_ABOVE", 1000)
    monkeypatch.setattr(neighbor_job, "SHARD", 512)
    monkeypatch.setattr(neighbor_job, "MAX_PRODUCTS", 150)


@pytest.fixture(scope="module")
def products() -> tuple[np.ndarray, np.ndarray]:
    """1,531 vectors in seven blocks, in mixed order; many are alike."""
    rng = np.random.default_rng(1)
    sizes = [30, 1300, 120, 40, 1, 30, 10]
    blocks = rng.permutation(np.repeat(np.arange(7) * 3, sizes)).astype(np.int32)
    vectors = rng.normal(size=(len(blocks), 24)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), blocks


def _find(products, output: Path, **changes):
    arguments = {"settings": SETTINGS, "engine": EngineSettings(), "output": output}
    return find_neighbors_in_shards(
        Embeddings.of_arrays(*products), **arguments | changes
    )


def test_finds_the_same_as_without_parts(products, small_parts, tmp_path):
    found = _find(products, tmp_path / "neighbors.npz")
    expected = find_neighbors(Embeddings.of_arrays(*products), SETTINGS)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.similarities, expected.similarities, atol=1e-6)
    assert (found.indices == -1).any()
    assert list(tmp_path.iterdir()) == []


def test_goes_on_where_it_was(products, small_parts, tmp_path, monkeypatch):
    output, done = tmp_path / "neighbors.npz", []
    write_neighbors = neighbor_job.write_neighbors

    def build_again(job, number, report):
        raise AssertionError("The index was built before.")

    def write_three(job, number, report):
        if number > 2:
            raise JobError("The power went off.")
        write_neighbors(job, number, report)

    def write_and_note(job, number, report):
        done.append(number)
        write_neighbors(job, number, report)

    monkeypatch.setattr(neighbor_job, "write_neighbors", write_three)
    with pytest.raises(JobError, match="power"):
        _find(products, output)
    monkeypatch.setattr(neighbor_job, "write_neighbors", write_and_note)
    monkeypatch.setattr(neighbor_job, "write_index", build_again)
    found = _find(products, output)
    assert sorted(done) == [3, 4]
    expected = find_neighbors(Embeddings.of_arrays(*products), SETTINGS)
    np.testing.assert_array_equal(found.indices, expected.indices)


@pytest.mark.parametrize("change", ["vectors", "blocks", "neighbors", "recall"])
def test_parts_of_another_job_are_not_taken(products, tmp_path, monkeypatch, change):
    output = tmp_path / "neighbors.npz"

    def stop(*arguments):
        raise JobError("The power went off.")

    with monkeypatch.context() as patch:
        patch.setattr(neighbor_job, "write_neighbors", stop)
        with pytest.raises(JobError, match="power"):
            _find(products, output)
    vectors, blocks = products
    if change == "vectors":
        products = np.roll(vectors, 1, axis=0), blocks
    elif change == "blocks":
        products = vectors, blocks + np.int32(1)
    changes = {"neighbors": {"neighbors": 11}, "recall": {"recall": 0.9}}
    settings = GroupingSettings(
        **{"neighbors": 12, "retrieval": "exact"} | changes.get(change, {})
    )
    with pytest.raises(JobError, match="shards of a job that was interrupted"):
        _find(products, output, settings=settings)
    found = _find(products, output, settings=settings, overwrite=True)
    assert found.indices.shape == (1531, settings.neighbors)


@pytest.fixture
def stopped(products, small_parts, tmp_path, monkeypatch):
    """The output of a job that was killed when three of its shards were done."""
    output = tmp_path / "neighbors.npz"
    write_neighbors = neighbor_job.write_neighbors

    def write_three(job, number, report):
        if number > 2:
            raise JobError("The power went off.")
        write_neighbors(job, number, report)

    with monkeypatch.context() as patch, pytest.raises(JobError, match="power"):
        patch.setattr(neighbor_job, "write_neighbors", write_three)
        _find(products, output)
    return output


def flip(path: Path, seed: int) -> None:
    draw, content = np.random.default_rng(seed), bytearray(path.read_bytes())
    content[draw.integers(len(content))] ^= 1 << int(draw.integers(8))
    path.write_bytes(content)


@pytest.mark.parametrize("seed", few(0, more=[1, 2]))
@pytest.mark.parametrize(
    "what",
    ["shard-*", "vectors.npy", "blocks.npy", "index*/index-*/*", "index*/shard-*"],
)
def test_damaged_parts_are_made_anew(what, seed, stopped, products):
    folder = stopped.with_name("neighbors.npz.shards")
    paths = sorted(folder.glob(what))
    flip(paths[seed % len(paths)], seed)
    found = _find(products, stopped)
    expected = find_neighbors(Embeddings.of_arrays(*products), SETTINGS)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.similarities, expected.similarities, atol=1e-6)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["vectors.npy", "blocks.npy"])
@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00\xff\xff"])
def test_what_is_no_array_is_written_anew(name, content, stopped, products):
    path = stopped.with_name("neighbors.npz.shards") / name
    path.write_bytes(content)
    _find(products, stopped)


def test_an_index_that_is_damaged_under_way_is_told(
    products, small_parts, tmp_path, monkeypatch
):
    output, write_neighbors = tmp_path / "neighbors.npz", neighbor_job.write_neighbors
    damaging, damaged = threading.Lock(), []

    def damage_first(job, number, report):
        with damaging:  # shards are threads: no index is loaded before it is damaged
            for path in job.indexes.folder.glob("index-*/*") if not damaged else ():
                if path.stat().st_size:
                    flip(path, number)
                    damaged.append(path)
        return write_neighbors(job, number, report)

    with monkeypatch.context() as patch, pytest.raises(JobError, match="builds it ane"):
        patch.setattr(neighbor_job, "write_neighbors", damage_first)
        _find(products, output)
    expected = find_neighbors(Embeddings.of_arrays(*products), SETTINGS)
    np.testing.assert_array_equal(_find(products, output).indices, expected.indices)


def test_a_second_process_is_told(stopped, products):
    lock = stopped.with_name(".neighbors.npz.lock")
    with only_writer(lock, stopped), pytest.raises(BusyError, match=r"neighbors\.npz'"):
        _find(products, stopped)
