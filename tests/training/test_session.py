"""One training from beginning to end, from inside."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf import train
from cv_tf.catalog import read_catalog
from cv_tf.embeddings import Embeddings, embed
from cv_tf.errors import UserError
from cv_tf.methods import build_embedder
from cv_tf.metrics import embedding_std, retrieval_figures
from cv_tf.models import Embedder
from cv_tf.training import session
from cv_tf.training.alarms import CollapseError, NonFiniteLossError

pytestmark = pytest.mark.usefixtures("no_pictures")


def prepared(config) -> session.RunInputs:
    return session.prepare_run(config, read_catalog(config.catalog))


def test_a_probe_measures_what_the_metrics_do(finished_run, read_events):
    """The last probe is of the trained Embedder, before whitening."""
    config, _ = finished_run
    series = read_events(Path(config.workdir, "tensorboard"))
    probed = {name: dict(points).get(config.steps) for name, points in series.items()}
    embedder = Embedder.load(Path(config.workdir, "embedder.keras"))
    photos = prepared(config).reported
    photos = photos.select(np.arange(config.probe_products))
    vectors = embed(embedder.with_options(whitening=None), photos)
    figures = retrieval_figures(Embeddings.of_catalog(photos.catalog, vectors))
    assert probed["probe/recall@1 in block"] == pytest.approx(
        figures["recall_at_1_in_block"]
    )
    assert probed["probe/embedding_std"] == pytest.approx(
        embedding_std(vectors), rel=1e-4
    )


def test_photos_come_at_the_larger_of_the_two_sizes(tiny_run, tmp_path):
    run = prepared(tiny_run(tmp_path, image_size=32, embed_size=64))
    assert run.train.image_size == run.reported.image_size == 64


def test_preparing_makes_no_folder_yet(tiny_run, tmp_path):
    prepared(tiny_run(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.integration
def test_the_frozen_baselines_are_the_network_as_it_was_pretrained(
    tiny_run, tmp_path, monkeypatch
):
    built = []

    def build(settings):
        built.append(settings)
        return build_embedder(settings)

    monkeypatch.setattr(session, "build_embedder", build)
    settings = {"steps": 0, "average": "inverse", "whiten": "pca", "baselines": True}
    config = tiny_run(tmp_path, **settings)
    metrics = train.run(config).metrics
    assert built[0] == config
    for settings, color in zip(built[1:], ("rgb", "grey"), strict=True):
        assert settings.color_input == color
        assert settings.feature_stride == 32
        assert settings.embedding == "whole"
        assert settings.average == settings.whiten == "none"
    assert metrics["before"] == metrics["after"]  # Not a step was made.


@pytest.mark.slow
@pytest.mark.integration
def test_baselines_can_be_left_out_and_do_not_change_what_is_learned(
    tiny_run, tmp_path
):
    with_them, without = (
        train.run(tiny_run(tmp_path / str(wanted), steps=2, baselines=wanted))
        for wanted in (True, False)
    )
    names = {"split", "parts", "intervals", "after", "trained_on", "training"}
    assert set(without.metrics) == names
    written = (tmp_path / "False" / "metrics.json").read_text()
    assert json.loads(written) == without.metrics
    weights = [run.embedder.get_weights() for run in (with_them, without)]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.integration
class TestGainsOfAResumedRun:
    @pytest.fixture
    def stopped(self, tiny_run, tmp_path, monkeypatch):
        """The config of a run that was stopped after its baselines."""
        config = tiny_run(tmp_path / "run", steps=1, baselines=True)

        def stop(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(session, "fit", stop)
            with pytest.raises(KeyboardInterrupt):
                train.run(config)
        return config

    @pytest.mark.slow
    def test_are_over_what_was_measured_before(self, stopped):
        metrics = train.run(stopped).metrics
        for step, name in (("after", "before"), ("before", "frozen_grey")):
            for figure, gain in metrics["gains"][step].items():
                difference = metrics[step][figure] - metrics[name][figure]
                assert gain["value"] == pytest.approx(difference)

    @pytest.mark.slow
    def test_are_left_out_where_an_earlier_version_kept_nothing(self, stopped, capsys):
        Path(stopped.workdir, "untrained.parquet").unlink()
        metrics = train.run(stopped).metrics
        assert "after" not in metrics["gains"]
        assert "Training changed" not in capsys.readouterr().out

    @pytest.mark.slow
    def test_damage_is_told_before_the_steps(self, stopped, monkeypatch):
        untrained = Path(stopped.workdir, "untrained.parquet")
        untrained.write_bytes(b"PAR1" + untrained.read_bytes())
        monkeypatch.setattr(session, "fit", None)
        with pytest.raises(UserError, match="is not as it was written"):
            train.run(stopped)


def test_precision_is_the_run_s_own(tiny_run, tmp_path):
    prepared(tiny_run(tmp_path, mixed_precision="bfloat16"))
    assert keras.mixed_precision.global_policy().name == "mixed_bfloat16"
    prepared(tiny_run(tmp_path))
    assert keras.mixed_precision.global_policy().name == "float32"


class TestDivergence:
    @pytest.mark.slow
    @pytest.mark.integration
    def test_stops_says_where_and_does_so_again(self, tiny_run, tmp_path):
        config = tiny_run(
            tmp_path / "run",
            optimizer="sgd",
            learning_rate=1e30,
            warmup_steps=2,
            checkpoint_every=1,
            baselines=True,
        )
        # The first step has a rate of 0: only then do the weights fly apart.
        with pytest.raises(NonFiniteLossError, match=r"step (\d+)\. Lower") as first:
            train.run(config)
        assert "--learning_rate" in str(first.value)
        reader = tf.train.load_checkpoint(tmp_path / "run" / "checkpoints")
        names = reader.get_variable_to_dtype_map()
        for name in names:
            if names[name] == tf.float32:
                assert np.isfinite(reader.get_tensor(name)).all(), name
        metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
        assert "before" in metrics
        assert "after" not in metrics
        # From the last checkpoint on it goes the same way.
        with pytest.raises(NonFiniteLossError) as second:
            train.run(config)
        assert str(second.value) == str(first.value)


BYOL = {"method": "byol", "steps": 100, "learning_rate": 0.01}


class TestCollapse:
    """BYOL needs its predictor: without one, all embeddings become one."""

    @pytest.mark.slow
    @pytest.mark.integration
    def test_is_told_in_the_first_hundred_steps(self, tiny_run, tmp_path, monkeypatch):
        nothing = keras.layers.Activation("linear")
        monkeypatch.setattr("cv_tf.methods.build._predictor", lambda config: nothing)
        config = tiny_run(tmp_path / "run", momentum=0.0, **BYOL)
        with pytest.raises(CollapseError, match=r"at its best\. Lower --learning_rate"):
            train.run(config)
        metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
        assert "after" not in metrics

    @pytest.mark.slow
    @pytest.mark.integration
    def test_is_not_seen_where_there_is_none(self, tiny_run, tmp_path):
        assert "after" in train.run(tiny_run(tmp_path / "run", **BYOL)).metrics
