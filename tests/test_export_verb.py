"""An Embedder for use elsewhere, as a user asks for it."""

import dataclasses
import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from cv_tf import export
from cv_tf.catalog import CatalogError
from cv_tf.config import ConfigError
from cv_tf.errors import MissingPackageError
from cv_tf.export import ExportConfig, settings_of


@pytest.fixture(scope="module")
def workdir(finished_run) -> str:
    return f"--workdir={finished_run[0].workdir}"


def run(*flags: str):
    return export.run(settings_of(["export", *flags]))


class TestSavedModel:
    @pytest.fixture(scope="class")
    def finished(self, workdir, run_verb, tmp_path_factory):
        """The output of the command, and the command as it ended."""
        output = tmp_path_factory.mktemp("exports") / "1"
        process = run_verb("export", workdir, f"--output={output}", "--photos=9")
        assert process.returncode == 0, process.stderr
        return output, process

    @pytest.mark.integration
    def test_says_how_well_it_agrees(self, finished):
        output, process = finished
        lines = process.stdout.strip().split("\n")
        for what, line in zip(("photos", "images"), lines[::2], strict=False):
            start = f"Given {what}, 9 of them, cosine with the Embedder: "
            assert line.startswith(start)
            numbers = [float(x) for x in re.findall(r"[01]\.\d{6}", line)]
            assert numbers == pytest.approx([1, 1], abs=1e-4)
        assert lines[-1] == (
            f"The Embedder is in '{output}', its model card in '{output}.md'."
        )
        names = sorted(path.name for path in output.parent.iterdir())
        assert names == ["1", "1.md"]

    def test_the_card_tells_what_the_run_knows(self, finished, finished_run):
        output, _ = finished
        config, _ = finished_run
        card = output.with_name("1.md").read_text()
        assert "one_bad_photo.csv, 46 products" in card
        assert "train (30 products), validation (16 products)" in card
        assert "--average=none" in card or "--average=inverse" not in card
        assert "--steps=12\n" in card
        assert config.workdir not in card
        metrics = json.loads(Path(config.workdir, "metrics.json").read_text())
        assert f"{metrics['after']['pairwise_f1']:.3f}" in card
        assert "uint8 [n, 32, 32, 3]" in card
        assert '{"instances": [{"b64": "..."}]}' in card
        assert "| photos | 9 |" in card

    @pytest.mark.slow
    @pytest.mark.integration
    def test_is_not_replaced_unless_asked(self, finished, workdir, run_verb):
        output, _ = finished
        flags = (workdir, f"--output={output}", "--photos=2")
        process = run_verb("export", *flags, tensorflow=False)
        assert process.returncode == 1
        assert process.stderr == (
            f"Failed: '{output}' exists. Pass --overwrite to replace it.\n"
        )
        assert set(run(*flags, "--overwrite")) == {"photos", "images"}
        assert "| photos | 2 |" in output.with_name("1.md").read_text()


@pytest.mark.integration
def test_tflite_in_eight_bits(workdir, tmp_path, capsys):
    output = tmp_path / "tiny.tflite"
    flags = ("--format=tflite", "--precision=int8_weights", "--photos=4")
    agreements = run(workdir, f"--output={output}", *flags)
    assert agreements["images"].num_photos == 4
    assert output.is_file()
    assert "tflite, int8_weights" in (tmp_path / "tiny.tflite.md").read_text()


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.skipif(
    not (find_spec("tf2onnx") and find_spec("onnxruntime")),
    reason="the extra 'onnx' is not installed",
)
def test_onnx(workdir, tmp_path):
    output = tmp_path / "tiny.onnx"
    agreements = run(workdir, f"--output={output}", "--format=onnx", "--photos=4")
    assert agreements["images"].lowest_cosine == pytest.approx(1, abs=1e-4)
    assert output.is_file()


@pytest.mark.slow
@pytest.mark.integration
def test_boxes_of_the_catalogue_are_not_looked_at(workdir, changed_catalog, tmp_path):
    """The export is compared on the whole photo: it will get no box."""
    table = changed_catalog("boxed.csv")
    header, *rows = table.read_text().strip().split("\n")
    rows = [f"{row},10,10,9,9" for row in rows]
    table.write_text("\n".join([f"{header},x,y,width,height", *rows, ""]))
    flags = (f"--catalog={table}", "--frame=columns", "--photos=3")
    agreements = run(workdir, *flags, f"--output={tmp_path}/1")
    assert agreements["photos"].lowest_cosine == pytest.approx(1, abs=1e-4)
    assert "the whole photo is taken" in (tmp_path / "1.md").read_text()


class TestRefusals:
    """All of them before TensorFlow is loaded, which takes long."""

    @pytest.fixture
    def refused(self, workdir, tmp_path, run_verb):
        """A function from flags to the message with which they are refused."""

        def run(*flags: str, code: int = 1) -> str:
            output = f"--output={tmp_path}/1"
            process = run_verb("export", workdir, output, *flags, tensorflow=False)
            assert (process.returncode, process.stdout) == (code, "")
            assert [path.name for path in tmp_path.iterdir()] == []
            return process.stderr

        return run

    def test_wrong_flags(self, refused):
        assert "--format=h5 is not one of: savedmodel" in refused("--format=h5", code=2)
        assert "Did you mean: output" in refused("--outptu=a", code=2)

    def test_precisions_are_of_tflite(self, refused):
        message = refused("--precision=float16", code=2)
        assert "--precision=float16 goes with --format=tflite" in message
        message = refused("--format=tflite", "--precision=int8", code=2)
        assert "--precision=int8 is not one of: float32, float16, int8_w" in message

    def test_a_run_without_an_embedder(self, finished_run, tmp_path):
        text = Path(finished_run[0].workdir, "config.cfg").read_text()
        (tmp_path / "config.cfg").write_text(text)
        with pytest.raises(ConfigError, match=r"There is no '.*embedder\.keras'"):
            run(f"--workdir={tmp_path}", f"--output={tmp_path}/1")

    def test_no_run_at_all(self, refused, tmp_path):
        assert "--workdir is not set" in refused("--workdir=")
        assert "holds no run" in refused(f"--workdir={tmp_path}/none")

    def test_a_catalogue_that_is_not_there(self, refused):
        assert "nowhere.csv does not exist" in refused("--catalog=nowhere.csv")

    def test_packages_that_are_missing(self, workdir, tmp_path, monkeypatch):
        monkeypatch.setattr(export, "find_spec", lambda name: None)
        with pytest.raises(
            MissingPackageError, match=r"tf2onnx and onnxruntime.*\[onnx\]"
        ):
            run(workdir, "--format=onnx", f"--output={tmp_path}/a.onnx")

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (["--output="], "--output is not set. Name a folder"),
            (["--output=my.tflite"], "Name one, or pass --format=tflite."),
            (["--output=gs://no/1"], "There is no folder 'gs:/no' to write to"),
            (["--format=tflite", "--output=1"], "--output=1 must end in .tflite"),
        ],
    )
    def test_a_place_that_is_none(self, flags, message, workdir):
        with pytest.raises(ConfigError, match=re.escape(message)):
            run(workdir, *flags)

    def test_a_folder_of_something_else_is_never_replaced(self, workdir, tmp_path):
        (tmp_path / "precious.txt").write_text("precious")
        with pytest.raises(ConfigError, match="is no SavedModel"):
            run(workdir, f"--output={tmp_path}", "--overwrite")

    def test_a_card_that_is_there(self, workdir, tmp_path):
        (tmp_path / "1.md").write_text("precious")
        with pytest.raises(ConfigError, match=r"1\.md' exists"):
            run(workdir, f"--output={tmp_path}/1")

    def test_boxes_that_are_not_there(self, workdir, tmp_path):
        with pytest.raises(CatalogError, match="--frame=columns needs the columns"):
            run(workdir, "--frame=columns", f"--output={tmp_path}/1")


def test_help_comes_without_tensorflow(run_verb):
    process = run_verb("export", "--help=all", tensorflow=False)
    assert process.returncode == 0
    assert "cv_tf export --workdir=" in process.stdout
    for field in dataclasses.fields(ExportConfig):
        assert f"\n  --{field.name}=" in process.stdout
