import json
import subprocess
import sys

import pytest
import tensorflow as tf

from cv_tf import replicas, strategy

# The process's last: determinism cannot be switched off again.
REPEATABLE = """
import random
from cv_tf import strategy
import numpy as np, tensorflow as tf, tf_keras as keras

def draws(seed):
    strategy.make_repeatable(seed)
    weights = keras.layers.Dense(2)(tf.ones([1, 3])).numpy().tolist()
    return random.random(), np.random.random(), float(tf.random.uniform([])), weights

first = draws(3)
assert draws(3) == first
assert all(one != other for one, other in zip(first, draws(4)))
tf.random.set_seed(None)
try:
    tf.random.uniform([])
except RuntimeError as error:
    assert "determinism is enabled" in str(error)
else:
    raise AssertionError("an operation that cannot be repeated was let through")
"""

NO_TPU = """
from cv_tf import strategy
try:
    strategy.create("tpu")
except ValueError as error:
    assert "the TPU 'local' does not answer" in str(error)
    assert "--tpu" in str(error)
    assert len(str(error).splitlines()) == 1
else:
    raise AssertionError
"""

# The process's first: how many devices there are is decided once.
TWO_REPLICAS = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, halves)
from cv_tf import replicas, strategy as devices

strategy = devices.create("mirrored")
assert devices.create("mirrored") is strategy
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    number = tf.Variable(0.0)
    counts = tf.Variable([0, 0, 0, 0])

def step(values):
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    rows = replicas.my_rows(2)
    assert rows.total == 4
    with tf.GradientTape() as tape:
        tape.watch(values)
        # Replica 0 weighs the rows by 1, 2, 3, 4, replica 1 by ten times as much.
        weights = tf.constant([1.0, 2.0, 3.0, 4.0]) * (
            1.0 + 9.0 * tf.cast(replica, tf.float32))
        loss = tf.reduce_sum(weights * replicas.gather(values))
    columns = replicas.gather(tf.stack([values, -values]), axis=1)
    replicas.assign([number, counts], [replicas.mean(values[0]), replicas.gather(
        tf.cast(values, tf.int32))])
    return tf.identity(rows.first), replicas.gather(values), columns, tape.gradient(
        loss, values)

def values(context):
    return tf.constant([1.0, 2.0]) + 2.0 * context.replica_id_in_sync_group

given = strategy.experimental_distribute_values_from_function(values)
results = tf.function(lambda: strategy.run(step, (given,)))()
for replica in (0, 1):
    first, rows, columns, gradient = (
        strategy.experimental_local_results(result)[replica].numpy()
        for result in results
    )
    assert first == 2 * replica
    assert rows.tolist() == [1, 2, 3, 4]
    assert columns.tolist() == [[1, 2, 3, 4], [-1, -2, -3, -4]]
    # What both replicas make of this replica's rows.
    assert gradient.tolist() == ([11, 22], [33, 44])[replica]
    assert strategy.experimental_local_results(number)[replica].numpy() == 2.0
    assert strategy.experimental_local_results(counts)[replica].numpy().tolist() == [
        1, 2, 3, 4]
assert not devices.compiles_with_xla(strategy, "auto")
try:
    devices.compiles_with_xla(strategy, "on")
except ValueError as error:
    assert "--jit_compile=off" in str(error)
else:
    raise AssertionError
"""


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])


def _device(created):
    with created.scope():
        return tf.Variable(0.0).device


def test_cpu_is_taken_when_asked_for_even_beside_a_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["a GPU"])
    created = strategy.create("cpu")
    assert "CPU:0" in _device(created)
    assert created.num_replicas_in_sync == 1
    assert not strategy.compiles_with_xla(created, "auto")
    assert strategy.compiles_with_xla(created, "on")


def test_auto_takes_the_cpu_where_there_is_nothing_else(no_gpu):
    assert "CPU:0" in _device(strategy.create("auto"))
    assert "CPU:0" in _device(strategy.create())


def test_auto_and_gpu_take_a_gpu_and_let_its_memory_grow(monkeypatch):
    gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    growing = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [gpu])
    monkeypatch.setattr(
        tf.config.experimental,
        "set_memory_growth",
        lambda device, enable: growing.append((device, enable)),
    )
    for name in ("auto", "gpu"):
        created = strategy.create(name)
        assert created.extended.worker_devices[0].endswith("GPU:0")
        assert strategy.compiles_with_xla(created, "auto")
        assert not strategy.compiles_with_xla(created, "off")
    assert growing == [(gpu, True), (gpu, True)]


def test_a_gpu_that_is_not_there_is_an_error_with_a_way_out(no_gpu):
    with pytest.raises(ValueError, match=r"sees no GPU.*pass --strategy=cpu"):
        strategy.create("gpu")


def test_to_embed_there_is_one_device_whatever_is_trained_on(no_gpu):
    for name in ("auto", "cpu", "mirrored", "multi_worker", "tpu"):
        created = strategy.one_device(name)
        assert created.num_replicas_in_sync == 1
        assert "CPU:0" in _device(created)


def test_auto_takes_what_is_there(monkeypatch):
    taken = []
    monkeypatch.setattr(strategy, "_several_devices", lambda *what: taken.append(what))
    monkeypatch.setattr(strategy, "one_device", lambda *what: taken.append(what))
    gpus = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: gpus)
    strategy.create()
    gpus.append("a GPU")
    strategy.create()
    gpus.append("another")
    strategy.create()
    strategy.create(tpu="grpc://there")
    monkeypatch.setenv("TF_CONFIG", "{}")
    strategy.create(tpu="grpc://there")
    assert taken == [
        ("cpu",),
        ("gpu",),
        ("mirrored", ""),
        ("tpu", "grpc://there"),
        ("multi_worker", "grpc://there"),
    ]


def test_several_devices_that_are_not_there_are_errors_with_a_way_out(no_gpu):
    with pytest.raises(ValueError, match=r"mirrored, but.*pass --strategy=cpu"):
        strategy.create("mirrored")
    with pytest.raises(ValueError, match=r"TF_CONFIG is not set.*\"cluster\""):
        strategy.create("multi_worker")


def test_one_replica_has_all_rows_and_exchanges_nothing():
    values = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    assert replicas.num_replicas() == 1
    assert replicas.my_rows(2) is None
    assert replicas.gather(values) is values
    assert replicas.mean(values) is values
    number = tf.Variable(1.0)
    replicas.assign([number], [tf.constant(5.0)])
    assert float(number) == 5.0
    created = strategy.create("cpu")
    assert strategy.is_chief(created)
    assert strategy.in_all_workers(created, 3) == (3,)


@pytest.mark.parametrize("has_workers", [True, False])
def test_a_worker_that_is_lost_is_told_with_what_to_do(has_workers, monkeypatch):
    lost = tf.errors.UnavailableError(None, None, "Connection reset.\nAnd much more.")
    monkeypatch.setattr(strategy, "_has_workers", lambda _: has_workers)
    told = r"Another worker .*: Connection reset\. Start all workers again"
    with (
        pytest.raises(
            strategy.WorkerLostError if has_workers else tf.errors.UnavailableError,
            match=told if has_workers else "much more",
        ),
        strategy.watching_workers(None),
    ):
        raise lost


# The first decides what devices there are, the last one what is random.
SCRIPTS = {
    "two replicas, by hand": TWO_REPLICAS,
    "a TPU that is not there": NO_TPU,
    "a seed makes all that is random repeatable": REPEATABLE,
}

ONE_AFTER_THE_OTHER = """
import json, sys, traceback

failures = {}
for name, script in json.load(sys.stdin).items():
    try:
        exec(compile(script, name, "exec"), {})
    except Exception:
        failures[name] = traceback.format_exc()
print(json.dumps(failures))
"""


@pytest.fixture(scope="module")
def failures():
    """The tracebacks of the scripts that fail, by their names; one process runs all."""
    finished = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER],
        input=json.dumps(SCRIPTS),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.mark.integration
@pytest.mark.parametrize("name", SCRIPTS)
def test_in_another_process(failures, name):
    assert name not in failures, failures[name]
