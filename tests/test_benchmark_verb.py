"""`python -m cv_tf.benchmark`: systems in, a table and a file of results out."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv_tf.benchmark import BenchmarkConfig, _named_files
from cv_tf.benchmarking import read_results
from cv_tf.catalog import read_catalog


@pytest.fixture
def vectors(drawn_catalog, tmp_path):
    """Writes vectors of the drawn products, nearly equal within styles."""
    catalog = read_catalog(drawn_catalog)

    def write(name, noise=0.1, without=0):
        random = np.random.default_rng(0)
        means = random.standard_normal((18, 16))[catalog.style]
        found = means + noise * random.standard_normal(means.shape)
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        number = len(catalog) - without
        ids, rows = catalog.product_id[:number].tolist(), found[:number].tolist()
        table = {"product_id": ids, "embedding": rows}
        pq.write_table(pa.table(table), tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def benchmark(drawn_catalog, run_verb):
    """Runs the verb on the drawn products."""

    def run(*flags, **kwargs):
        return run_verb("benchmark", f"--catalog={drawn_catalog}", *flags, **kwargs)

    return run


def test_systems_are_measured_named_and_written(benchmark, vectors, tmp_path):
    good, bad = vectors("good.parquet"), vectors("a,b.parquet", noise=9.0)
    output = tmp_path / "results.json"
    finished = benchmark(
        f"--embeddings={good},random={bad}", f"--output={output}", tensorflow=False
    )
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.strip().splitlines()
    assert lines[0].split() == ["good", "random"]
    assert lines[1].startswith("R@1 in block, among validation  ")
    assert lines[1].split()[5:8] == ["1.000", "±", "0.000"]
    found = json.loads(output.read_text())
    assert (found["format"], found["format_version"]) == ("cv_tf.benchmark", 1)
    benchmark_part = dict(found["benchmark"])
    assert benchmark_part.pop("dataset") == "catalog.csv"
    assert len(benchmark_part.pop("products_sha256")) == 64
    assert benchmark_part == {
        "protocol": 1,
        "comparable": False,
        "missing": None,
        "counts": {
            "train": {
                "products": 30,
                "styles": 12,
                "styles_of_two_or_more": 12,
                "blocks": 2,
            },
            "validation": {
                "products": 15,
                "styles": 6,
                "styles_of_two_or_more": 6,
                "blocks": 2,
            },
        },
        "num_queries": 15,
    }
    made_by = found["systems"][0]["made_by"]
    assert made_by["embeddings"] == "good.parquet"
    assert (made_by["dimensions"], made_by["has_color"]) == (16, False)
    assert len(made_by["sha256"]) == 64
    recall = found["systems"][0]["retrieval"]["all"]["recall_at_1"]
    assert recall == {"value": 1.0, "low": 1.0, "high": 1.0}
    table = output.with_suffix(".md").read_text()
    assert "\n| system | R@1 in block, among validation |" in table
    assert "\n| random | " in table


def test_results_of_others_join_the_table(benchmark, vectors, tmp_path):
    theirs, both = tmp_path / "theirs.json", tmp_path / "both.json"
    done = benchmark(
        f"--embeddings=theirs={vectors('x.parquet', 2.0)}", f"--output={theirs}"
    )
    assert done.returncode == 0, done.stderr
    done = benchmark(
        f"--embeddings=mine={vectors('x.parquet')}",
        f"--results={theirs}",
        f"--output={both}",
    )
    assert done.returncode == 0, done.stderr
    systems = read_results(both).systems
    assert [system["name"] for system in systems] == ["theirs", "mine"]
    assert systems[0] == read_results(theirs).systems[0]
    # Stored results alone need no products.
    again = benchmark(f"--results={both}", tensorflow=False)
    assert done.stdout.strip() == again.stdout.strip()


@pytest.mark.parametrize("fault", ["name", "products"])
def test_what_does_not_fit_into_one_table_is_told_before_anything_is_measured(
    fault, benchmark, vectors, tmp_path
):
    theirs = tmp_path / "theirs.json"
    done = benchmark(f"--embeddings=a={vectors('x.parquet')}", f"--output={theirs}")
    assert done.returncode == 0, done.stderr
    name = "a"
    if fault == "products":
        stored = json.loads(theirs.read_text())
        stored["benchmark"]["counts"]["train"]["products"] = 31
        theirs.write_text(json.dumps(stored))
        name = "b"
    unreadable = tmp_path / "no.parquet"
    unreadable.write_bytes(b"no vectors")
    done = benchmark(f"--embeddings={name}={unreadable}", f"--results={theirs}")
    assert done.returncode == 1
    told = {"name": "Two systems are called 'a'", "products": "Results of different"}
    assert told[fault] in done.stderr


@pytest.mark.integration
def test_a_trained_and_a_pretrained_model_are_systems(
    benchmark, finished_run, tmp_path
):
    workdir = f"--workdir={finished_run[0].workdir}"
    trained = tmp_path / "trained.json"
    done = benchmark(workdir, "--name=ours", f"--output={trained}")
    assert done.returncode == 0, done.stderr
    tiny = ["--method=frozen", "--backbone=tiny", "--weights=none", "--image_size=32"]
    tiny += ["--average=none", "--whiten=pca"]
    output = tmp_path / "both.json"
    done = benchmark(*tiny, f"--results={trained}", f"--output={output}")
    assert done.returncode == 0, done.stderr
    ours, frozen = read_results(output).systems
    assert (ours["name"], frozen["name"]) == ("ours", "frozen")
    assert ours["made_by"]["model"] == "trained"
    assert ours["made_by"]["settings"]["steps"] == 12
    learned = {"data": "one_bad_photo.csv", "split": "train", "labels": False}
    assert ours["made_by"]["learned_from"] == learned
    learned["data"] = "catalog.csv"
    assert frozen["made_by"]["learned_from"] == learned
    assert frozen["made_by"]["model"] == "frozen"
    assert frozen["made_by"]["settings"]["whiten"] == "pca"
    assert "steps" not in frozen["made_by"]["settings"]
    metrics = json.loads(Path(finished_run[0].workdir, "metrics.json").read_text())
    for name, figure in ours["retrieval"]["validation"].items():
        assert figure["value"] == pytest.approx(metrics["after"][name], abs=1e-5)


def test_products_without_a_vector_are_an_error(benchmark, vectors, tmp_path):
    path = vectors("some.parquet", without=3)
    finished = benchmark(f"--embeddings={path}", f"--output={tmp_path / 'r.json'}")
    assert finished.returncode == 1
    assert "some.parquet has no vector of 3 of 45 products" in finished.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["some.parquet"]


def test_nothing_is_overwritten_unasked(benchmark, vectors, tmp_path):
    path = vectors("mine.parquet")
    (tmp_path / "r.md").write_text("mine")
    flags = [f"--embeddings={path}", f"--output={tmp_path / 'r.json'}"]
    finished = benchmark(*flags, tensorflow=False)
    assert finished.returncode == 1
    assert "r.md' exists. Pass --overwrite" in finished.stderr
    assert benchmark(*flags, "--overwrite").returncode == 0
    assert (tmp_path / "r.md").read_text().startswith("# Results")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "There is no system to measure."),
        (["--embeddings=a.parquet", "--name=b"], "--name is for the system of --work"),
        (["--embedding=a.parquet"], "--embedding=a.parquet is not one of"),
        (["--embeddngs=a.parquet"], "Unknown command line flag 'embeddngs'"),
    ],
)
def test_wrong_use(flags, message, run_verb):
    finished = run_verb("benchmark", *flags, tensorflow=False)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert message in finished.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--embeddings=nowhere.parquet"], "nowhere.parquet: there is no such file"),
        (["--embeddings=a=nowhere.parquet"], "nowhere.parquet: there is no such file"),
        (["--results=nowhere.json"], "nowhere.json: there is no such file"),
        (["--embeddings=", "--method=frozen", "--output=a.csv"], "must end in .json"),
        (["--embeddings=a=,b=b.parquet"], "--embeddings has an empty entry."),
    ],
)
def test_missing_files_are_told_before_anything_is_read(flags, message, benchmark):
    finished = benchmark(*flags, tensorflow=False)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert message in finished.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--color=off"], "--color: the protocol says how neighbors are ranked"),
        (["--second_look=false", "--criterion=fms"], "--second_look, --criterion: "),
        (["--workdir=run", "--method=frozen"], "are two systems. Measure one at a"),
    ],
)
def test_what_the_protocol_says_cannot_be_set(flags, message, benchmark, vectors):
    path = vectors("mine.parquet")
    finished = benchmark(f"--embeddings={path}", *flags, tensorflow=False)
    assert finished.returncode == 2
    assert message in finished.stderr


def test_many_files_have_names_of_any_length(benchmark, vectors, monkeypatch):
    folder = vectors("mine.parquet").parent
    monkeypatch.chdir(folder)
    names = [f"{'long' * 20}{number}.parquet" for number in range(5)]
    for name in names[1:]:
        (folder / name).write_bytes((folder / "mine.parquet").read_bytes())
    finished = benchmark(f"--embeddings={','.join(names)}", tensorflow=False)
    assert finished.returncode == 1
    assert f"{names[0]}: there is no such file" in finished.stderr
    results = ",".join(f"{'long' * 20}{number}.json" for number in range(5))
    finished = benchmark(f"--results={results}", tensorflow=False)
    assert "0.json: there is no such file" in finished.stderr


def test_an_equals_sign_of_an_address_names_nothing():
    config = BenchmarkConfig(embeddings=("gs://shop/date=1/x.parquet",))
    assert [*_named_files(config.embeddings)] == [("x", "gs://shop/date=1/x.parquet")]
    named = ("mine=gs://shop/date=1/x.parquet",)
    assert [*_named_files(named)] == [("mine", "gs://shop/date=1/x.parquet")]


def test_two_files_of_one_name_have_to_be_named(benchmark, vectors):
    path = vectors("mine.parquet")
    finished = benchmark(f"--embeddings={path},{path}", tensorflow=False)
    assert finished.returncode == 1
    assert "Two of --embeddings are called 'mine'. Name them" in finished.stderr


def test_a_data_set_that_was_not_prepared_is_told(run_verb, vectors, tmp_path):
    path = vectors("mine.parquet")
    finished = run_verb(
        "benchmark", f"--embeddings={path}", f"--data_dir={tmp_path / 'data'}"
    )
    assert finished.returncode == 1
    assert "Accept the rules of the competition" in finished.stderr


def test_help_needs_no_tensorflow(run_verb):
    finished = run_verb("benchmark", "--help=all", tensorflow=False)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "--dataset=hm_personalized_fashion/variants\n" in finished.stdout
    assert "docs/benchmarks/variants.md" in finished.stdout
