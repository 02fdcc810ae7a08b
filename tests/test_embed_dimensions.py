"""python -m cv_tf.embed --dimensions: vectors of the first dimensions alone."""

import numpy as np
import pytest

from cv_tf import embed, search
from cv_tf.embed import settings_of
from cv_tf.embeddings import (
    EmbeddingsError,
    job as job_module,
    load_embedder,
    read_embeddings,
)
from cv_tf.errors import UserError
from cv_tf.models import Embedder
from cv_tf.shards import JobError
from cv_tf.training import Workdir

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def workdir(finished_run) -> str:
    return finished_run[0].workdir


@pytest.fixture(scope="module")
def embedded(workdir, drawn_catalog, tmp_path_factory):
    """A function that embeds the drawn products, and reads the file."""
    folder = tmp_path_factory.mktemp("embedded")

    def run(name, *flags):
        output = folder / f"{name}.parquet"
        where = (f"--catalog={drawn_catalog}", f"--output={output}")
        cache = f"--cache_dir={folder / 'cache'}"
        argv = ["embed", f"--workdir={workdir}", *where, cache, *flags]
        embed.run(settings_of(argv))
        return output, read_embeddings(output)

    return run


@pytest.fixture(scope="module")
def both(embedded):
    """All eight dimensions of the run's vectors, and the first four."""
    return embedded("all"), embedded("four", "--dimensions=4")


def test_are_the_first_of_all_of_length_1(both):
    (_, full), (_, four) = both
    first = full.vectors[:, :4]
    first = first / np.linalg.norm(first, axis=1, keepdims=True)
    assert four.vectors.shape == (45, 4)
    np.testing.assert_allclose(four.vectors, first, atol=1e-5)
    assert four.model == full.model


def test_photos_are_searched_for_at_the_width_of_the_file(both, workdir, drawn_catalog):
    photo = drawn_catalog.with_name("05-navy.jpg")
    flags = (f"--embeddings={both[1][0]}", f"--workdir={workdir}", f"--image={photo}")
    ((_, neighbors),) = search.run(search.settings_of(["search", *flags]))
    assert neighbors[0].product.product_id == "05-navy"
    assert neighbors[0].similarity == pytest.approx(1, abs=1e-4)


def test_files_of_two_widths_cannot_be_compared(both):
    (_, full), (_, four) = both
    with pytest.raises(EmbeddingsError, match=r"have 8 dimensions, .* 4\. "):
        full.check_comparable(four)


def test_the_adapted_embedder_keeps_all(embedded):
    path, found = embedded("adapted", "--adapt", "--dimensions=4")
    assert found.vectors.shape == (45, 4)
    adapted = Workdir(path.with_name("adapted.workdir"))
    assert Embedder.load(adapted.embedder).whitening.dimensions == 8


def test_more_than_there_are_is_told_before_work(embedded, monkeypatch):
    monkeypatch.setattr(job_module, "run_shards", None)
    with pytest.raises(UserError, match=r"--dimensions=9 is more than the 8 dimension"):
        embedded("nine", "--dimensions=9")


def test_shards_of_another_width_are_not_taken(embedded, monkeypatch):
    def stop(*_):
        raise JobError("The power went off.")

    with monkeypatch.context() as patch:
        patch.setattr(job_module, "write_shard", stop)
        with pytest.raises(JobError, match="power"):
            embedded("stopped", "--dimensions=4")
    for flags in ((), ("--dimensions=5",)):
        with pytest.raises(JobError, match="another --dimensions"):
            embedded("stopped", *flags)
    assert embedded("stopped", "--dimensions=4")[1].vectors.shape == (45, 4)


def test_without_whitening_there_is_no_order(workdir, tmp_path):
    embedder = Embedder.load(Workdir(workdir).embedder)
    embedder.whitening = None
    embedder.save(tmp_path / "plain.keras")
    with pytest.raises(UserError, match="does not whiten its vectors"):
        load_embedder(tmp_path / "plain.keras", 4)
