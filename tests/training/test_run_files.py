"""Whether a workdir still holds the run that it began with."""

import random
from pathlib import Path

import numpy as np
import pytest

from cv_tf.answers import read_said
from cv_tf.catalog import read_catalog
from cv_tf.config import Config
from cv_tf.training import Workdir, WorkdirError, figures_so_far, is_finished
from cv_tf.training.run_files import (
    check_inputs,
    kept_answers,
    run_digest,
    take_answers,
)

FIGURES = {"split": "", "after": {"fms": 0.5}}


@pytest.fixture
def workdir(tmp_path) -> Workdir:
    workdir = Workdir(tmp_path / "run")
    workdir.open(Config(workdir=str(tmp_path / "run"), steps=7))
    return workdir


class FakePhotos:
    """A catalogue and digests of its photos, as `Photos` has them."""

    def __init__(self, catalog, digests):
        self.catalog, self.digests = catalog, np.array(list(digests), object)

    def __len__(self):
        return len(self.catalog)


def photos(folder: Path, *rows: str, digests: str = "") -> FakePhotos:
    """Photos of products that are rows of a table: id, style, category, x."""
    header = "product_id,image,style_id,category,x,y,width,height"
    lines = [f"{a},{a}.jpg,{b},{c},{x},0,9,9" for a, b, c, x in map(str.split, rows)]
    (folder / "c.csv").write_text("\n".join([header, *lines]))
    catalog = read_catalog(folder / "c.csv")
    return FakePhotos(catalog, digests or [row[0] for row in rows])


class TestInputs:
    TRAIN = ("a 1 Shirts 0", "b 1 Shirts 0", "c 2 Hats 0")
    REPORTED = ("d 3 Hats 0", "e 3 Hats 0")

    def check(self, workdir, train=TRAIN, reported=REPORTED, digests="", folder=None):
        folder = folder or workdir.path.parent
        learned = photos(folder, *train, digests=digests)
        return check_inputs(workdir, learned, photos(folder, *reported))

    def test_the_same_go_on(self, workdir, tmp_path):
        first = self.check(workdir)
        assert workdir.inputs.is_file()
        before = workdir.inputs.stat().st_mtime_ns
        (tmp_path / "moved").mkdir()
        assert self.check(workdir, folder=tmp_path / "moved") == first
        assert workdir.inputs.stat().st_mtime_ns == before

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"train": (*TRAIN, "f 4 Hats 0")}, "the product 'f' was added"),
            ({"train": TRAIN[1:]}, "the product 'a' was removed"),
            ({"reported": REPORTED[:1]}, "the product 'e' was removed"),
            ({"digests": "axc"}, "the product 'b' has another photo"),
            ({"digests": "xxc"}, "2 products have another photo, such as 'a'"),
            (
                {"train": ("a 2 Shirts 0", *TRAIN[1:])},
                "the product 'a' has another style_id",
            ),
            (
                {"train": ("a 1 Hats 0", *TRAIN[1:])},
                "the product 'a' has another block",
            ),
            (
                {"train": ("a 1 Shirts 1", *TRAIN[1:])},
                "the product 'a' has another box",
            ),
            ({"train": TRAIN[::-1]}, "products are in another order"),
            (
                {"train": TRAIN[:2], "reported": (TRAIN[2], *REPORTED)},
                "the product 'c' has another use",
            ),
        ],
    )
    def test_others_are_refused(self, changes, said, workdir):
        first = self.check(workdir)
        with pytest.raises(WorkdirError) as error:
            self.check(workdir, **changes)
        assert str(error.value) == (
            f"'{workdir.path}' holds a run of other products or photos: since it "
            f"began, {said}. Bring the former ones back to go on with that run, or "
            "name another --workdir to start a new one."
        )
        assert self.check(workdir) == first

    def test_a_damaged_table_is_told(self, workdir):
        self.check(workdir)
        whole, draw = workdir.inputs.read_bytes(), random.Random(0)
        for _ in range(50):
            content = bytearray(whole)
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
            workdir.inputs.write_bytes(content)
            with pytest.raises(
                WorkdirError, match=r"inputs\.parquet' is not as it was"
            ):
                self.check(workdir)
        workdir.inputs.write_bytes(whole)
        self.check(workdir)

    def test_the_digest_is_of_all_that_counts(self, workdir):
        first = self.check(workdir)
        digests = [run_digest(workdir, first)]
        workdir.answers.write_text("answers")
        digests.append(run_digest(workdir, first))
        workdir.pseudo_labels.write_text("groups")
        digests.append(run_digest(workdir, first))
        workdir.inputs.unlink()
        digests.append(run_digest(workdir, self.check(workdir, digests="axc")))
        config = workdir.config.read_text()
        workdir.config.write_text(config.replace("--steps=7", "--steps=8"))
        digests.append(run_digest(workdir, first))
        assert len(set(digests)) == len(digests)
        workdir.config.write_text(config)
        before = run_digest(workdir, first)
        moved = config.replace("--cache_dir=", "--cache_dir=/elsewhere")
        workdir.config.write_text(moved)
        assert run_digest(workdir, first) == before


class TestFigures:
    @pytest.fixture
    def finished(self, workdir):
        with workdir.writing(workdir.embedder, workdir.metrics) as (embedder, figures):
            embedder.write_bytes(b"an Embedder")
            figures.write_text('{"split": "", "after": {"fms": 0.5}}')
        return workdir

    def test_of_a_finished_run(self, finished, caplog):
        assert figures_so_far(finished) == FIGURES
        assert is_finished(finished, FIGURES)
        assert finished.trained_embedder() == finished.embedder
        assert not caplog.records

    @pytest.mark.parametrize("seed", range(20))
    def test_a_flipped_bit_has_them_measured_anew(self, seed, finished, caplog):
        draw, content = random.Random(seed), bytearray(finished.metrics.read_bytes())
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        finished.metrics.write_bytes(content)
        assert figures_so_far(finished) == {}
        assert "measured anew" in caplog.text

    @pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"after": 1e999', b"\xff"])
    def test_damage_without_checksums_too(self, content, finished, caplog):
        finished.checksums.unlink()
        finished.metrics.write_bytes(content)
        assert figures_so_far(finished) == {}
        assert "cannot be used" in caplog.text

    @pytest.mark.parametrize("content", [b"", b"an embedder", None])
    def test_another_embedder_is_written_anew(self, content, finished, caplog):
        finished.embedder.unlink()
        if content is not None:
            finished.embedder.write_bytes(content)
            with pytest.raises(WorkdirError, match="not as training has written it"):
                finished.trained_embedder()
        assert not is_finished(finished, FIGURES)
        assert "from the last checkpoint" in caplog.text

    def test_damaged_results_of_products_are_written_anew(self, finished, caplog):
        assert is_finished(finished, FIGURES)  # There are none of an earlier version.
        with finished.writing(finished.queries) as (made,):
            made.write_bytes(b"results")
        assert is_finished(finished, FIGURES)
        finished.queries.write_bytes(b"others")
        assert not is_finished(finished, FIGURES)
        assert "queries.parquet' is missing or not as it was written" in caplog.text

    @pytest.mark.parametrize("content", [b"", b"[1]", b"\0", b'{"metrics.json": 3}'])
    def test_damaged_checksums_do_no_harm(self, content, finished):
        finished.checksums.write_bytes(content)
        assert figures_so_far(finished) in ({}, FIGURES)
        finished.write_metrics(FIGURES)
        assert figures_so_far(finished) == FIGURES

    def test_a_run_of_an_earlier_version_has_none(self, finished):
        finished.checksums.unlink()
        assert figures_so_far(finished) == FIGURES
        assert is_finished(finished, FIGURES)


class TestAnswers:
    @pytest.fixture
    def said(self, tmp_path):
        path = tmp_path / "said.csv"
        path.write_text("product_a,product_b,same\na,b,yes\n")
        return path

    def test_are_kept(self, workdir, said):
        assert kept_answers(workdir) == ()
        take_answers(workdir, [str(said)])
        kept = workdir.answers.read_bytes()
        said.write_text("product_a,product_b,same\na,b,no\n")
        take_answers(workdir, [str(said)])
        assert workdir.answers.read_bytes() == kept
        assert kept_answers(workdir) == (str(workdir.answers),)
        assert len(read_said(*kept_answers(workdir))) == 1

    def test_damage_is_told(self, workdir, said):
        take_answers(workdir, [str(said)])
        content = workdir.answers.read_text()
        workdir.answers.write_text(content.replace("yes", "no"))
        with pytest.raises(WorkdirError, match=r"answers\.csv' is not as the run has"):
            kept_answers(workdir)

    def test_that_are_missing_must_be_the_same(self, workdir, said):
        take_answers(workdir, [str(said)])
        kept = workdir.answers.read_bytes()
        workdir.answers.unlink()
        take_answers(workdir, [str(said)])
        assert workdir.answers.read_bytes() == kept
        workdir.answers.unlink()
        said.write_text("product_a,product_b,same\na,b,no\n")
        with pytest.raises(WorkdirError, match=r"answers\.csv' is missing, and .*said"):
            take_answers(workdir, [str(said)])
        assert not workdir.answers.exists()
