"""The main job, as a user types it."""

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from few import few

from cv_tf import command, train
from cv_tf.config import Config, ConfigError
from cv_tf.models import Embedder
from cv_tf.training import WorkdirError

FIGURES = (
    "recall_at_1",
    "recall_at_5",
    "recall_at_10",
    "recall_at_1_in_block",
    "map_at_r",
    "map_at_r_in_block",
    "cgacc",
    "ari",
    "fms",
    "nmi",
    "pairwise_precision",
    "pairwise_recall",
    "pairwise_f1",
    "threshold",
)
PARTS = ("frozen_rgb", "frozen_grey", "before", "after")


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Each file below a folder: its bytes, and when it was written."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


class TestMainJob:
    def test_prints_the_figures_and_the_gain(self, finished_run):
        config, process = finished_run
        assert process.returncode == 0, process.stderr
        metrics = json.loads(Path(config.workdir, "metrics.json").read_text())
        printed = process.stdout.split("\n\n")
        assert "Of 15 products that were held out:" in process.stdout
        blocks = {block.split("\n")[0]: block.split("\n")[1:] for block in printed}
        assert {"mAP@R in block, as searched", "CGacc"} <= set(blocks)
        steps = ("frozen_grey", "before", "after")
        for label, key in (
            ("recall@1 in block", "recall_at_1_in_block"),
            ("pairwise F1", "pairwise_f1"),
        ):
            cells = [metrics[step][key] for step in steps]
            for line, cell in zip(blocks[label], cells, strict=True):
                assert f"  {cell:.3f}  " in line
            gain = metrics["gains"]["after"][key]
            ends = f"{gain['low']:+.3f} to {gain['high']:+.3f}"
            assert f"{cells[2] - cells[1]:+.3f} ({ends})" in blocks[label][2]
        assert "Training changed, beside the same vectors" in process.stdout
        assert config.workdir in process.stdout

    def test_says_nothing_of_libraries(self, finished_run):
        _, process = finished_run
        # There may be progress, on a slow machine.
        progress = re.compile(r"[A-Z][\w ,]+: [\d,]+ (of|done) .*")
        lines = process.stderr.splitlines()
        assert [line for line in lines if not progress.fullmatch(line)] == []

    def test_says_what_to_do_next(self, finished_run):
        config, process = finished_run
        _, _, said = process.stdout.partition("\n\nWhat to do next:\n")
        assert "cv_tf embed " in said
        assert f" '--workdir={config.workdir}'" in said
        assert f"--catalog={config.catalog}" in said

    def test_leaves_every_figure(self, finished_run):
        config, _ = finished_run
        metrics = json.loads(Path(config.workdir, "metrics.json").read_text())
        for part in PARTS:
            assert all(-1 <= metrics[part][key] <= 1 for key in FIGURES)
            assert metrics[part]["num_products"] == 15
            assert metrics[part]["num_rejects"] == 1
        assert metrics["before"] != metrics["after"]

    def test_leaves_settings_that_load_and_are_the_same(self, finished_run):
        config, _ = finished_run
        flags = ["", f"--flagfile={config.workdir}/config.cfg"]
        assert command.parse_flags(Config, flags) == config

    def test_names_the_product_that_was_left_out(self, finished_run):
        config, _ = finished_run
        with Path(config.workdir, "rejects.csv").open(newline="") as file:
            (reject,) = csv.DictReader(file)
        assert reject["product_id"] == "text"
        assert reject["image"].endswith("text.jpg")
        assert reject["reason"]

    def test_leaves_curves(self, finished_run, read_events):
        config, _ = finished_run
        series = read_events(Path(config.workdir, "tensorboard"))
        series = {
            name: series[name] for name in series if not name.startswith("views/")
        }
        every_step = {
            "loss",
            "learning_rate",
            "images_per_second",
            "embedding_std",
            "rank",
        }
        probes = {"probe/recall@1 in block", "probe/embedding_std"}
        assert set(series) == every_step | probes
        for name, points in series.items():
            steps = [6, 12] if name in probes else list(range(1, 13))
            assert [step for step, _ in points] == steps
            assert np.isfinite([value for _, value in points]).all()
        rates = dict(series["learning_rate"])
        # Two steps of warm-up, then a half wave of cosine over ten.
        last = config.learning_rate * 0.5 * (1 + math.cos(0.9 * math.pi))
        expected = [0, config.learning_rate / 2, config.learning_rate, last]
        found = [rates[step] for step in (1, 2, 3, 12)]
        assert found == pytest.approx(expected, rel=1e-4)

    def test_leaves_an_embedder_of_unit_vectors(self, finished_run):
        config, _ = finished_run
        embedder = Embedder.load(Path(config.workdir, "embedder.keras"))
        photos = np.random.default_rng(0).integers(0, 256, (3, 50, 40, 3), np.uint8)
        vectors = embedder(photos).numpy()
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)

    def test_a_finished_run_is_shown_and_left_alone(
        self, finished_run, monkeypatch, capsys
    ):
        config, process = finished_run
        before = contents(Path(config.workdir))
        # Neither the catalogue nor its photos are needed any more.
        monkeypatch.setattr("cv_tf.catalog.read_products", None)
        run = train.run(config)
        printed = capsys.readouterr().out
        assert "finished" in printed
        assert [line for line in split(process.stdout) if line in split(printed)][1:]
        assert run.metrics == json.loads(before["metrics.json"][0])
        assert contents(Path(config.workdir)) == before
        saved = Embedder.load(Path(config.workdir, "embedder.keras"))
        for ours, theirs in zip(run.embedder.weights, saved.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_other_settings_are_refused_by_name(self, finished_run, run_verb):
        config, _ = finished_run
        before = contents(Path(config.workdir))
        process = run_verb(
            "train", config, "--steps=13", "--temperature=0.2", tensorflow=False
        )
        assert process.returncode == 1
        assert "--steps=12 there, 13 now" in process.stderr
        assert "--temperature=0.1 there, 0.2 now" in process.stderr
        assert process.stderr.count(" there, ") == 2
        assert contents(Path(config.workdir)) == before

    def test_where_and_how_fast_may_change(self, finished_run):
        config, _ = finished_run
        faster = {"memory_gigabytes": 1.0, "embed_batch_size": 7}
        assert train.run(Config(**vars(config) | faster)).metrics["after"]


def split(text: str) -> list[str]:
    return text.split("\n")


class TestMistakesOfUse:
    """They are found before TensorFlow is loaded, and leave nothing behind."""

    def failure(self, run_verb, *flags) -> str:
        process = run_verb("train", *flags, tensorflow=False)
        assert process.returncode == 1, process.stderr
        assert "Traceback" not in process.stderr
        return process.stderr

    def test_tensorflow_would_be_noticed(self, run_verb, tiny_run, tmp_path):
        process = run_verb("train", tiny_run(tmp_path / "run"), tensorflow=False)
        assert "TensorFlow was loaded" in process.stderr

    def test_no_workdir(self, run_verb):
        assert "--workdir is not set" in self.failure(run_verb)

    def test_workers_that_are_not_named(self, run_verb, tmp_path):
        workdir = f"--workdir={tmp_path / 'run'}"
        errors = self.failure(run_verb, workdir, "--strategy=multi_worker")
        assert "TF_CONFIG is not set" in errors
        assert not (tmp_path / "run").exists()

    def test_broken_table(self, run_verb, changed_catalog, tiny_run, tmp_path):
        twice = {"product_id": "00-black", "image": "00-black.jpg", "style_id": ""}
        twice |= {"category": "Shirts", "color": "", "split": "train"}
        catalog = changed_catalog("twice.csv", more=(twice,))
        config = tiny_run(tmp_path / "run", catalog=str(catalog))
        error = self.failure(run_verb, config)
        assert "line 47" in error
        assert "'00-black' was already on line 2" in error
        assert not Path(config.workdir).exists()

    def test_folder_of_something_else(self, tiny_run, tmp_path):
        (tmp_path / "thesis.txt").write_text("Years of work.")
        with pytest.raises(WorkdirError, match="not empty and holds no run"):
            train.run(tiny_run(tmp_path))
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]

    def test_nothing_to_train(self, tiny_run, tmp_path):
        with pytest.raises(ConfigError, match="cv_tf evaluate --method=frozen"):
            train.run(tiny_run(tmp_path / "run", method="frozen"))


@pytest.mark.usefixtures("no_pictures")
class TestCatalogues:
    def test_batch_larger_than_the_catalogue(self, tiny_run, tmp_path):
        with pytest.raises(
            ValueError, match=r"batch of 31 .* 30 products.*--batch_size"
        ):
            train.run(tiny_run(tmp_path / "run", batch_size=31))
        assert not (tmp_path / "run").exists()  # So that the right one can be made.

    def test_triplets_without_labels(self, tiny_run, changed_catalog, tmp_path):
        catalog = changed_catalog("unlabelled.csv", without=("style_id", "split"))
        config = tiny_run(tmp_path / "run", catalog=str(catalog), method="triplet")
        with pytest.raises(ValueError, match="No two products to learn from share"):
            train.run(config)

    @pytest.mark.integration
    @pytest.mark.parametrize(
        ("missing", "num_reported"),
        few((("style_id", "split"), 0), more=[(("style_id",), 15)]),
    )
    def test_without_labels_it_learns_and_says_that_it_cannot_tell(
        self, missing, num_reported, tiny_run, changed_catalog, tmp_path, capsys
    ):
        catalog = changed_catalog(f"without {len(missing)}.csv", without=missing)
        settings = {"catalog": str(catalog), "steps": 2, "baselines": True}
        metrics = train.run(tiny_run(tmp_path / "run", **settings)).metrics
        for part in PARTS:
            assert metrics[part] == {"num_products": num_reported, "num_rejects": 0}
        assert "No figures: " in capsys.readouterr().out
        assert (tmp_path / "run" / "embedder.keras").is_file()

    @pytest.mark.slow
    @pytest.mark.integration
    def test_without_splits_styles_are_held_out(
        self, tiny_run, changed_catalog, tmp_path
    ):
        catalog = changed_catalog("no_split.csv", without=("split",))
        settings = {"catalog": str(catalog), "steps": 0, "baselines": True}
        metrics = train.run(tiny_run(tmp_path / "run", **settings)).metrics
        assert "4 of 18 styles held out" in metrics["split"]
        assert 8 <= metrics["after"]["num_products"] <= 12
        assert metrics["after"] == metrics["before"]  # After no step at all.
