"""What the model sees, as a user asks for it."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cv_tf import command, inspect
from cv_tf.catalog import read_catalog
from cv_tf.inspect import InspectConfig
from cv_tf.models import Embedder
from cv_tf.pipeline import load_photos
from cv_tf.settings import ConfigError

TINY = ("--backbone=tiny", "--weights=none", "--image_size=32", "--batch_size=8")


def inspected(*flags):
    return inspect.run(inspect.settings_of(["inspect", *flags]))


def pictures_of(page):
    """By their alternative texts."""
    found = re.findall(r'src="data:image/jpeg;base64,(.*?)".*? alt="(.*?)"', page)
    return {
        name: np.asarray(Image.open(io.BytesIO(base64.b64decode(code))))
        for code, name in found
    }


@pytest.mark.integration
class TestViews:
    @pytest.fixture
    def flags(self, drawn_catalog):
        return (*TINY, f"--catalog={drawn_catalog}", "--batches=block")

    def test_before_any_training(self, flags, run_verb, tmp_path):
        output = tmp_path / "views.html"
        flags = (*flags, "--products=3", "--views_each=2", f"--output={output}")
        process = run_verb("inspect", *flags)
        assert process.returncode == 0, process.stderr
        assert process.stdout == f"Written to '{output}'.\n"
        assert [path.name for path in tmp_path.iterdir()] == ["views.html"]
        page = output.read_text()
        names = re.findall(r"<h2 .*?>(.*?)</h2>", page)
        assert len(names) == 3
        shown = pictures_of(page)
        captions = ("as prepared", "view 1", "view 2", "parts of view 1")
        assert list(shown) == [f"{name}: {what}" for name in names for what in captions]
        assert "3 of the 30 products of catalog.csv that are learned from." in page
        for name in names:
            assert np.ptp(shown[f"{name}: view 1"].astype(int), axis=-1).max() <= 2

    @pytest.mark.slow
    @pytest.mark.integration
    def test_random_crops_of_another_method(self, flags, tmp_path):
        flags = (*flags, "--method=simclr", f"--output={tmp_path}/views.html")
        page = inspected(*flags).read_text()
        assert "crops: random resized crops, recolored" in page
        assert "parts of view 1" not in page

    @pytest.mark.integration
    def test_as_a_picture(self, flags, tmp_path):
        output = inspected(*flags, f"--output={tmp_path}/views.png", "--products=1")
        assert Image.open(output).format == "PNG"

    @pytest.mark.integration
    def test_of_a_run_and_of_one_that_is_to_come(
        self, finished_run, flags, tmp_path, capsys
    ):
        workdir = f"--workdir={finished_run[0].workdir}"
        output = (f"--output={tmp_path}/views.html", "--overwrite", "--products=2")
        assert inspect.settings_of(["", workdir, *output]).image_size == 32
        page = inspected(workdir, *output).read_text()
        assert "products of one_bad_photo.csv that are learned from" in page
        assert "holds no run yet" not in capsys.readouterr().out
        inspected(*flags, f"--workdir={tmp_path}/new", *output)
        assert f"'{tmp_path}/new' holds no run yet" in capsys.readouterr().out

    def test_nothing_is_learned_by_the_frozen_network(self, flags, run_verb, tmp_path):
        flags = (*flags, "--method=frozen", f"--output={tmp_path}/views.html")
        process = run_verb("inspect", *flags, tensorflow=False)
        assert process.returncode == 1
        assert "--method=frozen does not learn" in process.stderr

    def test_what_training_refuses(self, flags, tmp_path):
        with pytest.raises(ValueError, match="batch of 64 does not fit"):
            inspected(*flags, "--batch_size=64", f"--output={tmp_path}/views.html")


@pytest.mark.integration
class TestPair:
    @pytest.fixture(scope="class")
    def workdir(self, finished_run):
        return finished_run[0].workdir

    @pytest.mark.integration
    def test_of_a_trained_embedder(self, workdir, drawn_catalog, run_verb, tmp_path):
        output = tmp_path / "pair.html"
        flags = (f"--workdir={workdir}", f"--catalog={drawn_catalog}")
        flags += ("--pair=13-navy,13-black", f"--output={output}")
        process = run_verb("inspect", *flags)
        assert process.returncode == 0, process.stderr
        page = output.read_text()
        assert "Photo of 13-navy as prepared" in pictures_of(page)
        assert page.index("13-navy") < page.index("13-black")
        assert page.count("<tr><th") == 29
        embedder = Embedder.load(Path(workdir, "embedder.keras"))
        assert embedder.whitening is not None
        photos = load_photos(
            read_catalog(drawn_catalog), 32, cache_dir=tmp_path, progress=False
        )
        names = photos.catalog.product_id.tolist()
        rows = [names.index(name) for name in ("13-navy", "13-black")]
        first, second = embedder(photos.squares(np.array(rows))).numpy()
        assert f'<span class="whole number">{first @ second:.3f}</span>' in page
        assert "not whitened" not in page
        assert "different blocks" not in page

    def test_the_parts_add_up_to_what_search_prints(
        self, workdir, drawn_catalog, run_verb, tmp_path, monkeypatch
    ):
        flags = (f"--workdir={workdir}", f"--catalog={drawn_catalog}")
        vectors = f"--embeddings={tmp_path}/v.parquet"
        embedded = run_verb("embed", *flags, f"--output={tmp_path}/v.parquet")
        assert embedded.returncode == 0, embedded.stderr
        asked = (vectors, "--product_id=13-navy", "--neighbors=40")
        found = run_verb("search", *asked, f"--output={tmp_path}/found.json")
        assert found.returncode == 0, found.stderr
        (result,) = json.loads((tmp_path / "found.json").read_text())
        output = (f"--output={tmp_path}/pair.html", "--overwrite")
        for neighbor in (result["neighbors"][0], result["neighbors"][-1]):
            pair = f"--pair=13-navy,{neighbor['product_id']}"
            shown = run_verb("inspect", *flags, vectors, pair, *output)
            assert shown.returncode == 0, shown.stderr
            lines = re.findall(r"^(\S.*?)  +(-?\d\.\d+)$", shown.stdout, re.MULTILINE)
            told = {title: float(value) for title, value in lines}
            similarity = pytest.approx(neighbor["similarity"], abs=2e-3)
            assert told["what all parts add"] == similarity
            assert told["similarity, which search prints"] == similarity
            score = pytest.approx(neighbor["score"], abs=6e-4)
            assert told["score, by which search ranks"] == score
        monkeypatch.setattr("cv_tf.embeddings.fingerprint", lambda _: "another")
        with pytest.raises(ConfigError, match="holds vectors of another Embedder"):
            inspected(*flags, vectors, pair, *output)

    @pytest.fixture
    def frozen(self, drawn_catalog, tmp_path):
        def show(*flags):
            flags = (*TINY, "--method=frozen", *flags, f"--catalog={drawn_catalog}")
            output = f"--output={tmp_path}/pair.html"
            return inspected(*flags, output, "--overwrite").read_text()

        return show

    def test_of_a_frozen_network(self, frozen):
        page = frozen("--pair=13-navy,12-black", "--parts=grid_3x3")
        assert page.count("<tr><th") == 10
        assert "The vectors are not whitened. --whiten=groups is fitted" in page
        assert "of different blocks, Shirts and Trousers" in page
        assert "no parts" not in page

    def test_of_an_embedder_of_wholes(self, frozen):
        page = frozen("--pair=13-navy,13-black", "--embedding=whole", "--whiten=none")
        assert "has no parts (--embedding=whole)" in page
        assert page.count("<tr><th") == 29
        assert "is fitted" not in page

    def test_parts_that_are_not_the_embedders_own(self, workdir, tmp_path):
        flags = (f"--workdir={workdir}", "--pair=13-navy,13-black", "--parts=halves")
        page = inspected(*flags, f"--output={tmp_path}/pair.html").read_text()
        assert "compares the parts of symmetric_7x7; shown are those of" in page
        assert page.count("<tr><th") == 3

    def test_as_a_picture(self, workdir, tmp_path):
        flags = (f"--workdir={workdir}", "--pair=13-navy,13-black")
        output = inspected(*flags, f"--output={tmp_path}/pair.png")
        assert Image.open(output).format == "PNG"

    def test_frozen_takes_no_notice_of_a_workdir(self):
        flags = ["", "--workdir=nowhere", "--method=frozen", "--pair=A,B"]
        assert inspect.settings_of(flags).workdir == ""


class TestRefusals:
    @pytest.fixture
    def refused(self, run_verb, tmp_path):
        """A function from flags to the exit status and what is said, at once."""

        def run(*flags):
            output = f"--output={tmp_path}/page.html"
            process = run_verb("inspect", output, *flags, tensorflow=False)
            assert process.stdout == ""
            assert list(tmp_path.iterdir()) == []
            return process.returncode, process.stderr

        return run

    @pytest.mark.parametrize("pair", ["13-navy", "A,A", "A, A"])
    def test_not_a_pair(self, pair, refused):
        status, said = refused("--method=frozen", f"--pair={pair}")
        assert status == 2
        assert f"--pair={pair} must name two different products" in said

    @pytest.mark.parametrize(
        "pair", ["13-navy,13-black,12-navy", "13-navy,13-navy,13-black"]
    )
    def test_more_than_a_pair(self, pair, refused, drawn_catalog):
        flags = ("--method=frozen", f"--catalog={drawn_catalog}")
        status, said = refused(*flags, f"--pair={pair}")
        assert status == 1
        assert f"--pair={pair} must name two different products" in said

    def test_unknown_products_suggest_others(self, refused, drawn_catalog):
        flags = ("--method=frozen", f"--catalog={drawn_catalog}")
        status, said = refused(*flags, "--pair=13-nav,13-black")
        assert status == 1
        assert "catalog.csv has no product '13-nav'. Did you mean '13-navy'" in said

    def test_no_embedder(self, refused, drawn_catalog):
        flags = (f"--catalog={drawn_catalog}", "--pair=13-navy,13-black")
        status, said = refused(*flags)
        assert status == 1
        assert "--pair needs an Embedder: pass --workdir" in said
        status, said = refused(*flags, "--workdir=nowhere")
        assert status == 2
        assert "'nowhere' holds no run" in said

    def test_an_unfinished_run(self, tiny_run, tmp_path, drawn_catalog):
        config = tiny_run(tmp_path)
        (tmp_path / "config.cfg").write_text(command.to_flagfile(config))
        flags = (f"--workdir={tmp_path}", "--pair=13-navy,13-black")
        with pytest.raises(ConfigError, match=r"no '.*embedder\.keras'\. A finished"):
            inspected(*flags, f"--output={tmp_path}/pair.html")

    def test_output(self, tmp_path):
        with pytest.raises(ConfigError, match="--output is not set"):
            inspected()
        with pytest.raises(ConfigError, match=r"must end in \.html or \.png"):
            inspected("--output=views.jpg")
        (tmp_path / "views.html").touch()
        with pytest.raises(ConfigError, match=r"exists\. Pass --overwrite"):
            inspected(f"--output={tmp_path}/views.html")

    def test_wrong_tables(self, refused, tmp_path_factory):
        table = tmp_path_factory.mktemp("table") / "table.csv"
        table.write_text("product_id,picture\nA,a.jpg\n")
        status, said = refused(f"--catalog={table}")
        assert status == 1
        assert "image" in said


def test_settings_are_those_of_training_and_some_more():
    assert InspectConfig().products == 8
    assert InspectConfig().views_each == 4
