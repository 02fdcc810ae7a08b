"""A run that is gone on with after its products, photos or files have changed."""

import json
import shutil

import pytest
from PIL import Image

from cv_tf import train
from cv_tf.locks import BusyError, only_writer
from cv_tf.training import Workdir, WorkdirError
from cv_tf.training.callbacks import ProgressBar

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("no_pictures")]


class PowerCutError(Exception):
    """The end of the process."""


@pytest.fixture(scope="module")
def interrupted(drawn_catalog, tiny_run, no_pictures, tmp_path_factory):
    """The settings of a run with pseudo-labels that was killed after step 5 of 8."""
    folder = tmp_path_factory.mktemp("shop") / "photos"
    shutil.copytree(drawn_catalog.parent, folder)
    labels = {"method": "triplet", "products_per_style": 2, "pseudo_labels": "all"}
    table = str(folder / drawn_catalog.name)
    config = tiny_run(folder.parent / "run", catalog=table, **labels)
    on_steps = ProgressBar.on_steps

    def cut(bar, before, step, logs):
        on_steps(bar, before, step, logs)
        if step >= 5:
            raise PowerCutError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(PowerCutError):
        patch.setattr(ProgressBar, "on_steps", cut)
        train.run(config)
    return config, folder


@pytest.mark.slow
def test_it_is_refused_until_all_is_as_it_was(interrupted, caplog):
    """And then it finishes, and what is damaged later is written anew."""
    config, folder = interrupted
    workdir = Workdir(config.workdir)
    table, photo = folder / "catalog.csv", folder / "03-navy.jpg"
    text, content = table.read_text(), photo.read_bytes()
    kept = workdir.pseudo_labels.read_bytes()

    *rows, last = text.splitlines()
    table.write_text("\n".join([*rows, last, last.replace("17-", "new-", 1), ""]))
    shutil.copy(folder / "17-navy.jpg", folder / "new-navy.jpg")
    with pytest.raises(WorkdirError, match="since it began, the product 'new-"):
        train.run(config)
    table.write_text("\n".join([*rows, ""]))
    with pytest.raises(WorkdirError, match=r"the product '17-.*' was removed"):
        train.run(config)
    table.write_text(text)
    Image.new("RGB", (48, 64), "white").save(photo)
    with pytest.raises(WorkdirError, match="'03-navy' has another photo"):
        train.run(config)
    photo.write_bytes(content)
    with (
        only_writer(workdir.lock, workdir.path),
        pytest.raises(BusyError, match="run' is being written by another process"),
    ):
        train.run(config)

    workdir.pseudo_labels.write_bytes(kept[:-20])
    (workdir.checkpoints / "checkpoint").write_text('all_model_checkpoint_paths: "/"')
    metrics = train.run(config).metrics
    assert "pseudo_labels.csv' is damaged, and is written anew" in caplog.text
    assert workdir.pseudo_labels.read_bytes() == kept
    assert not workdir.lock.exists()

    embedder, figures = workdir.embedder.read_bytes(), workdir.metrics.read_bytes()
    workdir.metrics.write_bytes(figures.replace(b"0.", b"1.", 1))
    again = train.run(config).metrics
    assert again["after"] == metrics["after"]
    assert json.loads(workdir.metrics.read_text()) == again
    workdir.embedder.unlink()
    assert train.run(config).metrics["after"] == metrics["after"]
    assert workdir.embedder.read_bytes() == embedder
