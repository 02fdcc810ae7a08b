"""python -m cv_tf.group --page, as users type it."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def embeddings(tmp_path):
    """Products a and b are near, c and d too; e is alone."""
    radians = np.deg2rad([0, 5, 90, 95, 180])
    vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    table = {"product_id": list("abcde"), "embedding": list(vectors)}
    pq.write_table(pa.table(table), tmp_path / "vectors.parquet")
    (tmp_path / "labels.csv").write_text(
        "product_id,style_id,split\na,1,x\nb,1,x\nc,2,y\nd,3,y\ne,2,y\n"
    )
    return tmp_path


def _flags(folder, *flags):
    files = f"--embeddings={folder}/vectors.parquet", f"--output={folder}/groups.csv"
    return ("group", *files, f"--page={folder}/groups.html", *flags)


def _data(folder):
    page = (folder / "groups.html").read_text(encoding="utf-8")
    return json.loads(page.split('id="data">')[1].split("</script>")[0])


def test_as_a_user_types_it(embeddings, run_verb):
    labels = f"--labels={embeddings}/labels.csv"
    flags = ("--threshold=0.9", labels, "--labels_split=y")
    process = run_verb(*_flags(embeddings, *flags), tensorflow=False)
    assert process.returncode == 0, process.stderr
    data = _data(embeddings)
    assert sorted(data["group"]["name"]) == ["a", "c", "e"]
    assert data["missed"] == {"of": [0], "pairs": [1]}
    assert [data["group"]["name"][g] for g in data["merged"]["of"]] == ["c"]
    assert data["styles"] == ["2", "3"]


def test_labels_that_calibrate_are_shown(embeddings, run_verb):
    calibrate = f"--calibrate={embeddings}/labels.csv"
    flags = _flags(embeddings, calibrate, "--calibrate_split=x")
    process = run_verb(*flags, tensorflow=False)
    assert process.returncode == 0, process.stderr
    assert _data(embeddings)["styles"] == ["1"]
    page = (embeddings / "groups.html").read_text(encoding="utf-8")
    assert "chosen on the same labels" in page


def test_wrong_use(embeddings, run_verb):
    flags = _flags(embeddings, f"--labels={embeddings}/labels.csv", "--page=")
    process = run_verb(*flags, tensorflow=False)
    assert process.returncode == 2
    assert "--labels are for --page" in process.stderr


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--page=groups.htm", "--page=groups.htm must end in .html"),
        ("--page=gs://nowhere/groups.html", "no folder 'gs:/nowhere'"),
        ("--labels=nowhere.csv", "--labels=nowhere.csv: there is no such file"),
    ],
)
def test_what_cannot_be_done_leaves_nothing(flag, message, embeddings, run_verb):
    process = run_verb(*_flags(embeddings, flag), tensorflow=False)
    assert process.returncode == 1
    assert message in process.stderr
    assert not (embeddings / "groups.csv").exists()


def test_labels_are_read_before_anything_is_grouped(embeddings, run_verb):
    (embeddings / "wrong.csv").write_text("product_id,style\na,1\n")
    flags = _flags(embeddings, f"--labels={embeddings}/wrong.csv")
    process = run_verb(*flags, tensorflow=False)
    assert process.returncode == 1
    assert "has no column 'style_id'" in process.stderr
    assert not (embeddings / "groups.csv").exists()


def test_labels_that_say_nothing_are_told(embeddings, run_verb):
    (embeddings / "few.csv").write_text("product_id,style_id\na,1\nb,2\n")
    flags = _flags(embeddings, f"--labels={embeddings}/few.csv")
    process = run_verb(*flags, tensorflow=False)
    assert process.returncode == 0, process.stderr
    assert "--page has no figures" in process.stderr
    assert _data(embeddings)["styles"] == []


def test_a_page_that_is_there(embeddings, run_verb):
    page = embeddings / "groups.html"
    page.write_text("precious")
    process = run_verb(*_flags(embeddings), tensorflow=False)
    assert process.returncode == 1
    assert f"'{page}' exists. Pass --overwrite" in process.stderr
    assert page.read_text() == "precious"
    process = run_verb(*_flags(embeddings, "--overwrite"), tensorflow=False)
    assert process.returncode == 0, process.stderr
    assert page.read_text().startswith("<!doctype html>")
