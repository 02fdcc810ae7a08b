"""The verbs on a cluster: a master and two workers on this machine."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from few import few
from pyarrow import csv

from cv_tf import embed, group
from cv_tf.embeddings import job as embedding_job
from cv_tf.errors import UserError
from cv_tf.shards import JobError, Shards, run_on_spark

pyspark = pytest.importorskip("pyspark", reason="PySpark is not installed")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not shutil.which("java"), reason="there is no Java"),
]

# Spark takes seconds to start, and minutes to give up.
_PATIENCE_SECONDS = 60
_STARTS_FAST = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


class Cluster:
    """A standalone master and its workers, with a core each."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._processes: list[subprocess.Popen] = []
        self.workers: list[subprocess.Popen] = []
        self.master = ""

    def start(self) -> None:
        _, started = self._run("master.Master", r"Starting Spark master at (\S+)")
        self.master = started.group(1)
        self.start_worker()
        self.start_worker()

    def start_worker(self) -> None:
        folder = self._folder / f"worker-{len(self._processes)}"
        flags = ["--cores", "1", "--memory", "1g", "--work-dir", folder, self.master]
        registered = "Successfully registered with master"
        process, _ = self._run("worker.Worker", registered, *flags)
        self.workers.append(process)

    def kill_worker(self) -> None:
        """Kills a worker, its executor and that one's Python, without a warning."""
        self._kill(self.workers.pop())

    def stop(self) -> None:
        for process in reversed(self._processes):
            self._kill(process)

    def _run(self, name: str, until: str, *flags) -> tuple[subprocess.Popen, re.Match]:
        log = self._folder / f"{len(self._processes)}.log"
        command = [Path(pyspark.__path__[0]) / "bin" / "spark-class"]
        command += [f"org.apache.spark.deploy.{name}", "--host", "127.0.0.1"]
        command += ["--port", "0", "--webui-port", "0", *flags]
        with log.open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
        self._processes.append(process)
        _wait_for(lambda: re.search(until, log.read_text()) or process.poll())
        found = re.search(until, log.read_text())
        assert found, log.read_text()
        return process, found

    @staticmethod
    def _kill(process: subprocess.Popen) -> None:
        if process.poll() is None:
            parent = psutil.Process(process.pid)
            for one in (parent, *parent.children(recursive=True)):
                one.kill()
        process.wait()


def _wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    defaults = {"ui.enabled": "false", "driver.host": "127.0.0.1"}
    defaults |= dict.fromkeys(("driver.memory", "executor.memory"), "512m")
    for name in ("driver", "executor"):
        defaults[f"{name}.extraJavaOptions"] = _STARTS_FAST
    lines = [f"spark.{name} {value}\n" for name, value in defaults.items()]
    (folder / "spark-defaults.conf").write_text("".join(lines))
    cluster = Cluster(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("SPARK_CONF_DIR", str(folder))
        patch.setenv("SPARK_DAEMON_MEMORY", "256m")
        patch.setenv("SPARK_DAEMON_JAVA_OPTS", _STARTS_FAST)
        patch.delenv("PYSPARK_PYTHON", raising=False)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
            _stop_java()


def _stop_java() -> None:
    """Ends the Java process of this one, which outlives its contexts."""
    gateway = pyspark.SparkContext._gateway
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()
        pyspark.SparkContext._gateway = pyspark.SparkContext._jvm = None


@pytest.fixture
def no_context():
    """Asserts that a test leaves no Spark behind."""
    assert pyspark.SparkContext._active_spark_context is None
    yield
    assert pyspark.SparkContext._active_spark_context is None


@pytest.fixture
def shards(tmp_path) -> Shards:
    """An empty job of 12 shards."""
    shards = Shards(tmp_path / "job.txt", 12, {})
    shards.open()
    return shards


# Grouping, by a Spark application of its own.


@pytest.fixture(scope="module")
def vectors_file(tmp_path_factory) -> Path:
    """1,540 products in six blocks of 1 to 1,300, in mixed order, some alike."""
    rng = np.random.default_rng(0)
    block = np.repeat(["c", "a", "b", "d", "e", "f"], [1300, 120, 60, 40, 19, 1])
    center = rng.normal(size=(len(block), 16))[rng.integers(0, 500, len(block))]
    vectors = (center + 0.3 * rng.normal(size=center.shape)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = rng.permutation(len(block))
    flat = pa.array(vectors[order].reshape(-1))
    columns = {
        "product_id": [f"product {row}" for row in range(len(block))],
        "block": block[order],
        "embedding": pa.FixedSizeListArray.from_arrays(flat, 16),
    }
    path = tmp_path_factory.mktemp("vectors") / "vectors.parquet"
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.slow
def test_group_finds_the_same_as_on_one_machine(cluster, vectors_file, tmp_path):
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    flags = {"embeddings": str(vectors_file), "threshold": "0.85"}
    flags |= {"retrieval": "exact"}
    summary = group.run(group.GroupConfig(**flags, output=str(here)))
    # As `python -m cv_tf.group`, but that no block is large enough to be split, and
    # quick work tells of its progress, too.
    verb = (
        "import runpy; from cv_tf import progress; progress._EVERY = 0;"
        "from cv_tf.grouping import neighbor_job as plan;"
        "plan.SPLIT_ABOVE, plan.SHARD, plan.MAX_PRODUCTS = 1000, 512, 150;"
        "runpy.run_module('cv_tf.group', run_name='__main__', alter_sys=True)"
    )
    flags |= {"output": there, "engine": "spark", "spark_master": cluster.master}
    arguments = [f"--{name}={value}" for name, value in flags.items()]
    process = subprocess.run(
        [sys.executable, "-c", verb, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert "Indexing large blocks" in process.stderr
    assert "Exception" not in process.stderr
    _assert_same_groups(there, here)
    names = [path.name for path in tmp_path.iterdir()]
    assert not [name for name in names if name.endswith(".shards")]
    assert 100 < summary["num_groups"] < 600


def _assert_same_groups(found: Path, expected: Path) -> None:
    """The same but for the last digit of numbers: blocks that are split add anew."""
    found, expected = (csv.read_csv(path) for path in (found, expected))
    assert found.schema == expected.schema
    for name in found.column_names:
        one, other = (table[name].to_pylist() for table in (found, expected))
        if name in ("confidence", "similarity"):
            one, other = np.array(one, float), np.array(other, float)
            np.testing.assert_allclose(one, other, atol=1.01e-4, err_msg=name)
        else:
            assert one == other, name


# Embedding, in the Spark application that is active.


@pytest.fixture(scope="module")
def embedded_here(finished_run, tmp_path_factory) -> Path:
    """The vectors of 45 products, made without a cluster; one photo is a reject."""
    config, training = finished_run
    assert training.returncode == 0, training.stderr
    output = tmp_path_factory.mktemp("here") / "vectors.parquet"
    embed.run(_embed_config(config, output))
    return output


def _embed_config(trained, output: Path, **settings) -> embed.EmbedConfig:
    return embed.EmbedConfig(
        workdir=str(trained.workdir),
        catalog=str(trained.catalog),
        output=str(output),
        shard_size=8,
        **settings,
    )


def _assert_same_embeddings(output: Path, expected: Path) -> None:
    assert pq.read_table(output).equals(pq.read_table(expected), check_metadata=True)
    rejects = "vectors.rejects.csv"
    assert output.with_name(rejects).read_bytes() == (
        expected.with_name(rejects).read_bytes()
    )
    assert not output.with_name(f"{output.name}.shards").exists()


@pytest.mark.slow
class TestInAnActiveContext:
    @pytest.fixture(scope="class")
    def context(self, cluster):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        with pyspark.SparkContext(cluster.master, "the user's own") as context:
            yield context

    def test_embed_makes_the_same_as_on_one_machine(
        self, context, finished_run, embedded_here, tmp_path, monkeypatch
    ):
        output = tmp_path / "vectors.parquet"
        config = _embed_config(finished_run[0], output, engine="spark")
        # Relative paths, which mean something else in a worker's own folder.
        catalog = Path(config.catalog)
        monkeypatch.chdir(catalog.parent)
        config = dataclasses.replace(
            config, catalog=catalog.name, output=os.path.relpath(output)
        )
        embedded = embed.run(config)
        assert embedded.num_products == 45
        assert embedded.frames.numbers == {"found": 44, "cut": 1}
        _assert_same_embeddings(output, embedded_here)

    def test_embed_goes_on_when_a_worker_is_killed(
        self, context, cluster, finished_run, embedded_here, tmp_path, monkeypatch
    ):
        output, gate = tmp_path / "vectors.parquet", str(tmp_path / "gate")

        def write_held_shard(job, shards, model, number, report):
            # Nothing of this module: the cluster cannot import it.
            import time  # noqa: PLC0415
            from pathlib import Path  # noqa: PLC0415

            from cv_tf.embeddings.job import write_shard  # noqa: PLC0415

            if number >= 2:
                Path(f"{gate}-{number}").touch()
                while not Path(gate).exists():
                    time.sleep(0.05)
            write_shard(job, shards, model, number, report)

        monkeypatch.setattr(embedding_job, "write_shard", write_held_shard)
        config = _embed_config(finished_run[0], output, engine="spark")
        folder = tmp_path / "vectors.parquet.shards"
        with ThreadPoolExecutor(1) as thread:
            run = thread.submit(embed.run, config)
            try:
                # Two shards are there, and each worker is in the middle of another.
                _wait_for(lambda: len(list(folder.glob("shard-*"))) == 2 or run.done())
                _wait_for(lambda: len(list(tmp_path.glob("gate-*"))) == 2 or run.done())
                assert not run.done()
                cluster.kill_worker()
            finally:
                Path(gate).touch()
            run.result()
        cluster.start_worker()
        assert len(list(tmp_path.glob("gate-*"))) == 4
        _assert_same_embeddings(output, embedded_here)

    def test_processes_serve_many_shards_and_the_context_is_left(self, context, shards):
        def write_process(number, report):
            import os  # noqa: PLC0415

            with shards.writing(number) as unfinished:
                unfinished.write_text(str(os.getpid()))

        done = []
        with shards.writing(5) as unfinished:
            unfinished.write_text("done before")
        run_on_spark(write_process, shards, list(range(12)), "unused", done.append)
        processes = {path.read_text() for path in shards.paths()} - {"done before"}
        assert 1 <= len(processes) <= 2
        assert sum(done) == sum(range(12)) - 5
        assert context.parallelize([1, 2]).sum() == 3

    def test_a_shard_that_fails_says_why_and_stops_the_others(self, context, shards):
        def fail_or_wait(number, report):
            import time  # noqa: PLC0415

            if number == 1:
                raise UserError("photos.csv line 17: this is no photo.")
            time.sleep(3600)

        with pytest.raises(JobError) as raised:
            run_on_spark(fail_or_wait, shards, [1] * 12, "", lambda _: None)
        assert str(raised.value) == "photos.csv line 17: this is no photo."
        assert "fail_or_wait" in str(raised.value.__cause__)
        assert len(shards.missing()) == 12

    def test_a_bug_shows_where_it_is(self, context, shards):
        def divide(number, report):
            return 1 // (number - number)

        with pytest.raises(RuntimeError, match=r"(?s)in divide.*ZeroDivisionError"):
            run_on_spark(divide, shards, [1] * 12, "", lambda _: None)

    def test_a_machine_without_the_folder_is_named(self, context, shards):
        class Elsewhere(Shards):
            """Where the cluster looks, the folder of the shards is not."""

            def __reduce__(self):
                other = self.folder.parent / "elsewhere" / "job.txt"
                return Shards, (other, self.num_shards, self.identity)

        elsewhere = Elsewhere(shards.folder.with_suffix(""), 12, {})
        with pytest.raises(
            JobError, match=r"does not see '.*elsewhere/job.txt.shards'"
        ):
            run_on_spark(print, elsewhere, [1] * 12, "", lambda _: None)


# What is missing.


def test_without_pyspark_says_what_to_install(
    vectors_file, run_process, tmp_path, monkeypatch
):
    (tmp_path / "pyspark.py").write_text("raise ModuleNotFoundError(__name__)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    process = run_process(
        "group",
        f"--embeddings={vectors_file}",
        "--threshold=0.8",
        f"--output={tmp_path / 'groups.csv'}",
        "--engine=spark",
    )
    assert process.returncode == 1
    assert "Failed: --engine=spark needs PySpark 4" in process.stderr
    assert "pip install 'cv_tf[spark]'" in process.stderr


def test_without_java_says_what_to_install(no_context, shards, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(JobError, match=r"needs Java 17 .* JAVA_HOME=/nowhere"):
        run_on_spark(print, shards, [1] * 12, "", lambda _: None)


@pytest.mark.parametrize(
    ("master", "words"),
    few(
        ("127.0.0.1:7077", "no URL of a Spark"),
        more=[("spark://127.0.0.1:1", "no master ans")],
    ),
)
def test_a_master_that_is_none_is_refused(no_context, shards, master, words):
    with pytest.raises(JobError, match=f"--spark_master={master}.*{words}"):
        run_on_spark(print, shards, [1] * 12, master, lambda _: None)
