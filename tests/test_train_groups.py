"""Training that also groups: the files are there, right, and made once."""

import csv
import dataclasses
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from cv_tf import train
from cv_tf.config import ConfigError
from cv_tf.embeddings import read_embeddings
from cv_tf.training import Workdir, reported_styles

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("no_pictures")]


@pytest.fixture(scope="module")
def config(tiny_run, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("grouped") / "run"
    return tiny_run(workdir, steps=0, write_groups=True)


@pytest.fixture(scope="module")
def trained(config, no_pictures):
    return train.run(config)


def test_all_products_are_grouped_by_what_was_trained(config, trained, drawn_catalog):
    workdir = Path(config.workdir)
    embeddings = read_embeddings(workdir / "embeddings.parquet")
    with drawn_catalog.open(newline="") as file:
        ids = {row["product_id"] for row in csv.DictReader(file)}
    assert set(embeddings.product_id) == ids
    with (workdir / "groups.csv").open(newline="") as file:
        assert {row["product_id"] for row in csv.DictReader(file)} == ids
    assert (workdir / "groups.html").stat().st_size > 10_000
    assert not (workdir / "photos").exists()  # Those of the table are files already.
    lengths = np.linalg.norm(embeddings.vectors, axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-3)


def test_groups_obey_the_answers_that_were_learned_from(
    tiny_run, answered_truly, drawn_catalog, tmp_path
):
    answers = (str(answered_truly(24)),)
    settings = {"steps": 0, "whiten": "groups", "whiten_dimensions": 8}
    train.run(
        tiny_run(tmp_path / "run", answers=answers, write_groups=True, **settings)
    )
    with drawn_catalog.open(newline="") as file:
        style_of = {row["product_id"]: row["style_id"] for row in csv.DictReader(file)}
    with (tmp_path / "run" / "groups.csv").open(newline="") as file:
        group_of = {row["product_id"]: row["group_id"] for row in csv.DictReader(file)}
    answered = list(style_of)[:24]
    for one, other in combinations(answered, 2):
        same = style_of[one] == style_of[other]
        assert (group_of[one] == group_of[other]) == same, (one, other)


@pytest.mark.slow
def test_a_second_call_writes_nothing(config, trained, capsys):
    groups = Path(config.workdir, "groups.csv")
    before = groups.stat().st_mtime_ns
    train.run(config)
    assert groups.stat().st_mtime_ns == before
    assert "holds a finished run" in capsys.readouterr().out


def test_what_is_missing_is_made_and_told_in_words(config, trained, capsys):
    groups = Path(config.workdir, "groups.csv")
    content = groups.read_bytes()
    groups.unlink()
    train.run(config)
    assert groups.read_bytes() == content
    told = capsys.readouterr().out
    assert "Of 100 designs in several colors, " in told
    assert "groups of two or more" in told


@pytest.mark.slow
def test_a_kill_between_vectors_and_groups(tiny_run, tmp_path, monkeypatch):
    config = tiny_run(tmp_path / "run", steps=0, write_groups=True)
    with monkeypatch.context() as patch:
        patch.setattr("cv_tf.group.run", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train.run(config)
    vectors = tmp_path / "run" / "embeddings.parquet"
    before = vectors.read_bytes()
    train.run(config)
    assert vectors.read_bytes() == before
    assert (tmp_path / "run" / "groups.html").is_file()


def test_a_data_set_leaves_its_photos_as_a_table(tiny_run, tmp_path):
    drawn = {"dataset": "synthetic_color_variants/tiny", "data_dir": str(tmp_path)}
    settings = {"catalog": "", "steps": 0, "write_groups": True} | drawn
    train.run(tiny_run(tmp_path / "run", **settings))
    embeddings = read_embeddings(tmp_path / "run" / "embeddings.parquet")
    photos = {Path(image) for image in embeddings.image}
    assert {photo.parent for photo in photos} == {tmp_path / "run" / "photos"}
    assert all(photo.is_file() for photo in photos)
    assert len(set(embeddings.block.tolist())) == 4  # The categories.


@pytest.mark.slow
def test_figures_are_of_what_the_run_has_held_out(drawn_catalog, tiny_run, tmp_path):
    """Photos that cannot be used change which styles are drawn to be held out."""
    with drawn_catalog.open(newline="") as file:
        rows = list(csv.DictReader(file))
    text = tmp_path / "text.jpg"
    text.write_text("This is not a photo.")
    for row in rows:
        row["image"] = str(drawn_catalog.parent / row["image"])
        del row["split"]
    for number in range(8):
        bad = {"product_id": f"bad {number}", "style_id": f" {number}"}
        rows.insert(0, rows[-1] | bad | {"image": str(text)})
    table = tmp_path / "no_split.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    workdir = tmp_path / "run"
    settings = {"catalog": str(table), "on_bad_image": "reject", "write_groups": True}
    trained = train.run(tiny_run(workdir, steps=0, **settings))
    told = reported_styles(Workdir(workdir))
    assert len(told) == trained.metrics["after"]["num_products"]
    assert not any(product.startswith("bad") for product in told)


def test_several_devices_train_and_one_embeds(config, trained, capsys):
    """Groups of a finished run are those that it lacks, on whatever machine."""
    groups = Path(config.workdir, "groups.csv")
    content = groups.read_bytes()
    groups.unlink()
    train.run(dataclasses.replace(config, strategy="mirrored"))
    assert groups.read_bytes() == content


@pytest.mark.parametrize("strategy", ["multi_worker", "auto"])
def test_several_machines_are_refused(strategy, tiny_run, tmp_path, monkeypatch):
    if strategy == "auto":
        monkeypatch.setenv("TF_CONFIG", "{}")
    config = tiny_run(tmp_path, strategy=strategy, write_groups=True)
    with pytest.raises(ConfigError, match="--write_groups is for one machine"):
        train.run(config)
