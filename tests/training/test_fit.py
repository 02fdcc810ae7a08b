"""Which batches a run sees, and how its step is compiled."""

import dataclasses
import types

import numpy as np
import pytest
import tensorflow as tf

from cv_tf.catalog import read_catalog
from cv_tf.config import Config
from cv_tf.pipeline import BlockOrder, Photos, RandomOrder, StyleOrder, load_photos
from cv_tf.training import build_order
from cv_tf.training.fit import compile_method, fit


@pytest.fixture(scope="module")
def photos(drawn_catalog) -> Photos:
    return load_photos(read_catalog(drawn_catalog), 32, progress=False)


def batches_of(config: Config, photos: Photos) -> np.ndarray:
    order = build_order(config, photos.catalog)
    return np.stack([order(step) for step in range(20)])


class TestOrder:
    def test_random_batches(self, photos):
        found = batches_of(Config(batch_size=8, seed=3), photos)
        expected = RandomOrder(45, 8, 3)
        np.testing.assert_array_equal(found, [expected(step) for step in range(20)])

    def test_batches_of_a_block(self, photos):
        config = Config(batch_size=8, seed=3, batches="block")
        found = batches_of(config, photos)
        expected = BlockOrder(photos.catalog.block, 8, 3)
        np.testing.assert_array_equal(found, [expected(step) for step in range(20)])
        assert all(len(set(photos.catalog.block[batch])) == 1 for batch in found)

    @pytest.mark.parametrize("batches", ["random", "block"])
    def test_batches_of_styles(self, photos, batches):
        config = Config(
            method="triplet",
            batch_size=8,
            products_per_style=2,
            seed=3,
            batches=batches,
        )
        found = batches_of(config, photos)
        block = photos.catalog.block if batches == "block" else None
        expected = StyleOrder(photos.catalog.style, 2, 8, 3, blocks=block)
        np.testing.assert_array_equal(found, [expected(step) for step in range(20)])
        for batch in found:
            _, counts = np.unique(photos.catalog.style[batch], return_counts=True)
            assert counts.tolist() == [2, 2, 2, 2]

    def test_self_supervised_methods_do_not_look_at_labels(self, photos):
        catalog = dataclasses.replace(photos.catalog, style=np.full(45, -1, np.int32))
        unlabelled = dataclasses.replace(photos, catalog=catalog)
        config = Config(batch_size=8)
        np.testing.assert_array_equal(
            batches_of(config, photos), batches_of(config, unlabelled)
        )

    def test_a_batch_that_cannot_be_filled(self, photos):
        with pytest.raises(ValueError, match=r"batch of 46 .* 45 products"):
            build_order(Config(batch_size=46), photos.catalog)


@pytest.mark.parametrize(
    ("jit_compile", "device", "expected"),
    [
        ("on", "CPU", True),
        ("off", "CPU", False),
        ("auto", "CPU", False),
        ("off", "GPU", False),
        ("auto", "GPU", True),
    ],
)
def test_xla_where_it_pays(jit_compile, device, expected):
    method = types.SimpleNamespace(compile=lambda **options: seen.update(options))
    seen = {}
    extended = types.SimpleNamespace(worker_devices=(f"/device:{device}:0",))
    strategy = types.SimpleNamespace(extended=extended, num_replicas_in_sync=1)
    config = Config(jit_compile=jit_compile, steps_per_execution=5)
    compile_method(method, config, "an optimizer", strategy)
    assert seen == {
        "optimizer": "an optimizer",
        "jit_compile": expected,
        "steps_per_execution": 5,
    }


class TestShares:
    """Of a batch, a replica; of a replica's share, a pass through the backbone."""

    def compiled(self, num_replicas, **settings):
        method = types.SimpleNamespace(compile=lambda **options: None)
        extended = types.SimpleNamespace(worker_devices=("/device:CPU:0",))
        strategy = types.SimpleNamespace(
            extended=extended, num_replicas_in_sync=num_replicas
        )
        compile_method(method, Config(**settings), "an optimizer", strategy)
        return method

    def test_a_batch_that_cannot_be_shared(self):
        with pytest.raises(ValueError, match=r"--batch_size=64 .* multiple of the 3"):
            self.compiled(3)

    def test_a_share_that_cannot_be_taken_in_pieces(self):
        with pytest.raises(ValueError, match=r"has 16 photos .* --micro_batch=32"):
            self.compiled(4, micro_batch=32)

    def test_a_share_of_one_piece_is_taken_at_once(self):
        assert self.compiled(2, micro_batch=32).micro_batch == 0
        assert self.compiled(2, micro_batch=16).micro_batch == 16
        assert self.compiled(2).micro_batch == 0


def test_workers_that_share_no_folder_are_told(monkeypatch):
    steps = lambda strategy, start: (float(start), 0.0)  # noqa: E731
    monkeypatch.setattr("cv_tf.training.fit.devices.in_all_workers", steps)
    method = types.SimpleNamespace(distribute_strategy=None)
    checkpoints = types.SimpleNamespace(restore=lambda: 4)
    with pytest.raises(
        ValueError, match=r"\(4\.0, 0\.0\)\. --workdir must be a folder"
    ):
        fit(method, None, Config(), checkpoints, None)


def test_tensorflow_knows_the_names_of_devices():
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    assert "CPU" in strategy.extended.worker_devices[0]
