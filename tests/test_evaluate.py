"""Figures of trained and of frozen Embedders, as a user asks for them."""

import dataclasses
import json
from pathlib import Path

import pytest

from cv_tf import evaluate
from cv_tf.catalog import CatalogError
from cv_tf.config import ConfigError
from cv_tf.evaluate import EvaluateConfig, settings_of
from cv_tf.models import Embedder
from cv_tf.training.embedder_evaluation import Recalls


def figures_of(*flags: str) -> dict[str, float]:
    return evaluate.run(settings_of(["evaluate", *flags]))


WHOLE = ("--embedding=whole", "--feature_stride=32")


@pytest.fixture(scope="module")
def frozen_flags(drawn_catalog):
    flags = ("--method=frozen", "--backbone=tiny", "--weights=none", "--image_size=32")
    return (
        *flags,
        f"--catalog={drawn_catalog}",
        "--whiten=none",
        "--average=none",
        *WHOLE,
    )


class TestTrained:
    @pytest.fixture(scope="class")
    def process(self, finished_run, run_verb, tmp_path_factory):
        """The command, its output, and the figures it wrote."""
        output = tmp_path_factory.mktemp("output") / "figures.json"
        process = run_verb(
            "evaluate", f"--workdir={finished_run[0].workdir}", f"--output={output}"
        )
        assert process.returncode == 0, process.stderr
        return process, json.loads(output.read_text())

    @pytest.mark.integration
    def test_figures_are_those_of_the_training(self, process, finished_run):
        figures = dict(process[1])
        metrics = json.loads(Path(finished_run[0].workdir, "metrics.json").read_text())
        trained_on = figures.pop("trained_on")
        assert trained_on == pytest.approx(metrics["trained_on"], abs=1e-5)
        intervals = figures.pop("intervals")
        assert intervals.keys() == metrics["intervals"]["after"].keys()
        for name, ends in metrics["intervals"]["after"].items():
            assert intervals[name] == pytest.approx(ends, abs=1e-5)
        assert figures == pytest.approx(metrics["after"], abs=1e-5)
        assert (trained_on["num_products"], figures["num_products"]) == (30, 15)

    def test_prints_a_table(self, process):
        process, figures = process
        lines = [line.split() for line in process.stdout.strip().split("\n")]
        assert lines[0] == ["trained", "95%", "interval", "trained", "on"]
        low, high = figures["intervals"]["cgacc"].values()
        told = [f"{value:.3f}" for value in (figures["cgacc"], low, high)]
        assert ["CGacc", *told[:2], "to", told[2], "-"] in lines
        assert ["products", "15", "30"] in lines

    def test_settings_are_those_of_the_run_where_no_flag_says_otherwise(
        self, finished_run
    ):
        trained, _ = finished_run
        flags = [f"--workdir={trained.workdir}", "--criterion=fms", "--overwrite"]
        expected = dataclasses.asdict(trained) | {"criterion": "fms"}
        settings = settings_of(["evaluate", *flags])
        assert settings == EvaluateConfig(**expected, overwrite=True)

    @pytest.mark.integration
    def test_another_catalogue(self, finished_run, drawn_catalog, changed_catalog):
        workdir = f"--workdir={finished_run[0].workdir}"
        whole = figures_of(workdir, f"--catalog={drawn_catalog}")
        assert whole["num_rejects"] == 0  # It is not the one of the training.
        assert "trained_on" not in whole
        table = changed_catalog("other.csv", without=("split",))
        held_out = figures_of(workdir, f"--catalog={table}", "--threshold=-1")
        assert held_out["threshold"] == -1
        assert held_out["pairwise_recall"] == 1
        assert 8 <= held_out["num_products"] <= 12

    def test_far_apart_is_told(self, finished_run, monkeypatch, capsys):
        told = Recalls(0.3, 1.0, 15, 0.1)
        monkeypatch.setattr(
            "cv_tf.training.embedder_evaluation._compare", lambda *_: told
        )
        figures_of(f"--workdir={finished_run[0].workdir}")
        assert "Warning: recall@1 in block is 0.300 among 15" in capsys.readouterr().out

    def test_given_threshold(self, finished_run):
        workdir = f"--workdir={finished_run[0].workdir}"
        figures = figures_of(workdir, "--threshold=1")
        assert figures["threshold"] == 1
        assert figures["num_groups_predicted"] == figures["pairwise_recall"] == 0

    def test_unfinished_run(self, finished_run, tmp_path):
        config = Path(finished_run[0].workdir, "config.cfg").read_text()
        (tmp_path / "config.cfg").write_text(config)
        with pytest.raises(FileNotFoundError, match=r"no Embedder at .*\.keras"):
            figures_of(f"--workdir={tmp_path}")

    def test_no_run_at_all(self, tmp_path, run_verb):
        process = run_verb("evaluate", f"--workdir={tmp_path}", tensorflow=False)
        assert process.returncode == 2
        assert "holds no run" in process.stderr


class TestFrozen:
    @pytest.mark.slow
    @pytest.mark.integration
    def test_is_the_baseline_of_a_training(self, finished_run, frozen_flags):
        """The same seed makes the same random network."""
        trained, _ = finished_run
        metrics = json.loads(Path(trained.workdir, "metrics.json").read_text())
        catalog = f"--catalog={trained.catalog}"
        flags = (*frozen_flags, catalog, "--on_bad_image=reject")
        grey = figures_of(*flags, "--color_input=grey")
        rgb = figures_of(*flags, "--color_input=rgb")
        for figures, name in ((grey, "frozen_grey"), (rgb, "frozen_rgb")):
            intervals = figures.pop("intervals")
            assert intervals.keys() == metrics["intervals"][name].keys()
        assert grey == pytest.approx(metrics["frozen_grey"], abs=1e-5)
        assert rgb == pytest.approx(metrics["frozen_rgb"], abs=1e-5)

    @pytest.mark.integration
    def test_says_so(self, frozen_flags, capsys):
        figures = figures_of(*frozen_flags)
        title = capsys.readouterr().out.strip().split("\n")[0].split()
        assert title == ["frozen", "95%", "interval"]
        assert figures["num_products"] == 15

    @pytest.mark.integration
    def test_leaves_the_embedder_that_its_figures_are_of(self, frozen_flags, tmp_path):
        path = tmp_path / "frozen.keras"
        flags = (*frozen_flags, "--whiten=pca", f"--save_embedder={path}")
        figures = figures_of(*flags)
        fitted_on = figures.pop("trained_on")
        assert Embedder.load(path).whitening is not None
        path.rename(tmp_path / "embedder.keras")
        # Beside its settings it is as good as a trained one.
        (tmp_path / "config.cfg").write_text("\n".join(flags[1:-1]))
        again = figures_of(f"--workdir={tmp_path}")
        assert again.pop("trained_on") == pytest.approx(fitted_on, abs=1e-5)
        assert again.pop("intervals").keys() == figures.pop("intervals").keys()
        assert again == pytest.approx(figures, abs=1e-5)

    def test_a_workdir_beside_it_does_not_matter(self, frozen_flags, tmp_path):
        settings = settings_of(["", *frozen_flags, f"--workdir={tmp_path}"])
        assert settings.backbone == "tiny"


class TestPage:
    @pytest.mark.integration
    def test_as_a_user_types_it(self, frozen_flags, run_verb, tmp_path):
        page = tmp_path / "page.html"
        process = run_verb("evaluate", *frozen_flags, f"--page={page}")
        assert process.returncode == 0, process.stderr
        text = page.read_text(encoding="utf-8")
        assert "tiny as it was pretrained, on 15 products of catalog.csv" in text
        assert text.count("<circle ") == 15
        assert text.count("data:image/jpeg;base64,") == 15
        assert [path.name for path in tmp_path.iterdir()] == ["page.html"]

    def test_a_page_that_is_there(self, frozen_flags, run_verb, tmp_path):
        page = tmp_path / "page.html"
        page.write_text("precious")
        flags = (*frozen_flags, f"--page={page}")
        process = run_verb("evaluate", *flags, tensorflow=False)
        assert process.returncode == 1
        assert f"'{page}' exists. Pass --overwrite" in process.stderr
        assert page.read_text() == "precious"


class TestRefusals:
    def test_nothing_to_evaluate(self):
        with pytest.raises(ConfigError, match=r"--workdir .*--method=frozen"):
            evaluate.run(EvaluateConfig())

    @pytest.mark.integration
    def test_an_output_that_is_there(self, frozen_flags, tmp_path, run_verb):
        output = tmp_path / "figures.json"
        output.write_text("precious")
        flags = (*frozen_flags, f"--output={output}")
        process = run_verb("evaluate", *flags, tensorflow=False)
        assert process.returncode == 1
        assert f"'{output}' exists. Pass --overwrite" in process.stderr
        assert output.read_text() == "precious"
        figures = figures_of(*flags, "--overwrite")
        assert json.loads(output.read_text()) == figures

    def test_an_embedder_that_is_there(self, frozen_flags, tmp_path, run_verb):
        path = tmp_path / "frozen.keras"
        path.write_text("precious")
        flags = (*frozen_flags, f"--save_embedder={path}")
        process = run_verb("evaluate", *flags, tensorflow=False)
        assert process.returncode == 1
        assert f"'{path}' exists. Pass --overwrite" in process.stderr
        assert path.read_text() == "precious"
        with pytest.raises(ConfigError, match=r"--save_embedder=a\.h5 must end in"):
            figures_of(*frozen_flags, "--save_embedder=a.h5")

    def test_a_trained_embedder_is_not_saved_again(self, finished_run):
        flags = (f"--workdir={finished_run[0].workdir}", "--save_embedder=a.keras")
        with pytest.raises(ConfigError, match="goes with --method=frozen"):
            figures_of(*flags)

    def test_an_output_within_a_file(self, frozen_flags, tmp_path):
        (tmp_path / "file").touch()
        flags = (*frozen_flags, f"--output={tmp_path}/file/figures.json")
        with pytest.raises(ConfigError, match="is a file, so that"):
            figures_of(*flags)

    @pytest.mark.parametrize("without", [("style_id",), ("style_id", "split")])
    def test_a_catalogue_without_labels(
        self, without, frozen_flags, changed_catalog, run_verb
    ):
        table = changed_catalog(f"evaluate without {len(without)}.csv", without)
        flags = (*frozen_flags, f"--catalog={table}")
        process = run_verb("evaluate", *flags, tensorflow=False)
        assert process.returncode == 1
        assert "nothing to measure" in process.stderr

    def test_a_split_that_is_not_there(self, frozen_flags):
        with pytest.raises(CatalogError, match=r"no split 'test'.*validation"):
            figures_of(*frozen_flags, "--eval_split=test")

    def test_a_catalogue_that_is_not_there(self, frozen_flags):
        with pytest.raises(CatalogError, match=r"nowhere\.csv does not exist"):
            figures_of(*frozen_flags, "--catalog=nowhere.csv")

    def test_a_device_that_is_not_there(self, frozen_flags, monkeypatch):
        monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda _: [])
        with pytest.raises(ValueError, match="sees no GPU"):
            figures_of(*frozen_flags, "--strategy=gpu")


def test_a_recipe_of_training_is_one_of_evaluation(finished_run):
    trained, _ = finished_run
    flags = [f"--flagfile={trained.workdir}/config.cfg", "--method=frozen"]
    expected = dataclasses.asdict(trained) | {"method": "frozen"}
    assert settings_of(["evaluate", *flags]) == EvaluateConfig(**expected)
