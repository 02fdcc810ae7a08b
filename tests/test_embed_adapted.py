"""python -m cv_tf.embed --adapt: the whitening of another catalogue's photos."""

import json

import numpy as np
import pytest

from cv_tf import embed
from cv_tf.answers import Answer, AnswerStore
from cv_tf.catalog import read_catalog
from cv_tf.config import ConfigError
from cv_tf.embed import settings_of
from cv_tf.embeddings import fingerprint, read_embeddings
from cv_tf.models import Embedder
from cv_tf.training import Workdir

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def source(finished_run) -> Workdir:
    return Workdir(finished_run[0].workdir)


@pytest.fixture
def adapted(source, drawn_catalog, tmp_path):
    """A function that embeds a catalogue with an adapted Embedder."""

    def run(*flags, catalog=drawn_catalog, name="my.parquet"):
        output = tmp_path / name
        embed.run(
            settings_of(
                [
                    "embed",
                    f"--workdir={source.path}",
                    f"--catalog={catalog}",
                    f"--output={output}",
                    f"--cache_dir={tmp_path / 'cache'}",
                    "--adapt",
                    *flags,
                ]
            )
        )
        return output, Workdir(tmp_path / f"{output.stem}.workdir")

    return run


def weights(workdir):
    whitening = Embedder.load(workdir.embedder).whitening
    return [] if whitening is None else whitening.get_weights()


@pytest.mark.slow
def test_later_products_are_embedded_alike(
    adapted, source, drawn_catalog, tmp_path, caplog
):
    output, workdir = adapted()
    assert "fitted to 45 photos only" in caplog.text
    found = read_embeddings(output)
    assert found.model == fingerprint(workdir.embedder)
    assert found.model != fingerprint(source.embedder)
    mean = Embedder.load(source.embedder).whitening.mean
    assert not np.allclose(weights(workdir)[0], mean)
    table = drawn_catalog.read_text().splitlines()
    few = drawn_catalog.parent / "three of them.csv"
    few.write_text("\n".join(table[:4]))
    flags = [f"--workdir={workdir.path}", f"--catalog={few}"]
    embed.run(settings_of(["embed", *flags, f"--output={tmp_path / 'few.parquet'}"]))
    later = read_embeddings(tmp_path / "few.parquet")
    later.check_comparable(found)
    np.testing.assert_allclose(later.vectors, found.vectors[:3], atol=1e-5)


def test_frames_and_blocks_stay_and_bad_photos_are_left_out(adapted, changed_catalog):
    row = {"product_id": "none", "image": "nowhere.jpg", "category": "a"}
    catalog = changed_catalog("one missing.csv", more=(row,))
    output, workdir = adapted("--frame=photo", "--block_columns=", catalog=catalog)
    assert len(read_embeddings(output)) == 45
    trained = workdir.read_config()
    assert (trained.frame, trained.block_columns) == ("photo", ())


@pytest.mark.slow
def test_labels_change_nothing(adapted, changed_catalog):
    _, with_labels = adapted()
    unlabelled = changed_catalog("without labels.csv", without=("style_id", "split"))
    _, without = adapted(catalog=unlabelled, name="unlabelled.parquet")
    for one, other in zip(weights(with_labels), weights(without), strict=True):
        np.testing.assert_array_equal(one, other)


class TestWhatIsThere:
    def test_an_interrupted_job_goes_on_with_its_embedder(self, adapted):
        output, workdir = adapted()
        before = workdir.embedder.stat().st_mtime_ns
        first = output.read_bytes()
        output.unlink()
        adapted()
        assert workdir.embedder.stat().st_mtime_ns == before
        assert output.read_bytes() == first

    @pytest.mark.slow
    def test_another_catalogue_is_refused_unless_told(self, adapted, changed_catalog):
        output, workdir = adapted()
        output.unlink()
        other = changed_catalog("without colors.csv", without=("color",))
        with pytest.raises(ConfigError, match=r"to other products.*--overwrite"):
            adapted(catalog=other)
        before = json.loads(workdir.adaptation.read_text())
        adapted("--overwrite", catalog=other)
        assert json.loads(workdir.adaptation.read_text()) != before

    def test_other_files_are_never_replaced(self, adapted, tmp_path):
        (tmp_path / "my.workdir").mkdir()
        (tmp_path / "my.workdir" / "notes.txt").write_text("mine")
        for flags in ([], ["--overwrite"]):
            with pytest.raises(ConfigError, match="holds other files"):
                adapted(*flags)
        assert (tmp_path / "my.workdir" / "notes.txt").read_text() == "mine"


@pytest.mark.slow
def test_answers_count_and_are_known_again(
    adapted, answered_truly, drawn_catalog, tmp_path
):
    ids = read_catalog(drawn_catalog).product_id.tolist()
    store = answered_truly(30)
    _, plain = adapted()
    _, workdir = adapted(f"--answers={store}", name="answered.parquet")
    assert not np.allclose(weights(workdir)[1], weights(plain)[1])
    np.testing.assert_array_equal(weights(workdir)[0], weights(plain)[0])
    before = workdir.embedder.stat().st_mtime_ns
    adapted(f"--answers={store}", "--overwrite", name="answered.parquet")
    assert workdir.embedder.stat().st_mtime_ns == before
    with AnswerStore(store) as answers:
        answers.undo(1, "Ann")
        answers.add(Answer("pair", tuple(ids[:1]), tuple(ids[1:2]), (0, -1), "Ann"))
    (tmp_path / "answered.parquet").unlink()
    with pytest.raises(ConfigError, match="or by other answers"):
        adapted(f"--answers={store}", name="answered.parquet")


def test_answers_need_adapt():
    with pytest.raises(ConfigError, match="--answers are for --adapt"):
        settings_of(["embed", "--answers=a.csv"])
