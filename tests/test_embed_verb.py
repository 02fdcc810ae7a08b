"""The vectors of a catalogue, as a user asks for them."""

import csv
import dataclasses
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from few import few
from PIL import Image

from cv_tf import command, embed
from cv_tf.catalog import CatalogError, read_catalog
from cv_tf.config import Config, ConfigError
from cv_tf.embed import EmbedConfig, settings_of
from cv_tf.embeddings import (
    compute as embed_module,
    fingerprint,
    job as job_module,
    read_embeddings,
)
from cv_tf.embeddings.job import write_shard
from cv_tf.models import Embedder
from cv_tf.pipeline import load_photos
from cv_tf.shards import JobError
from cv_tf.training import Workdir

# 46 products; the last shard has the photo that is none.
PARTS = ("--shard_size=4", "--embed_batch_size=4")
NUM_PARTS = 12


@pytest.fixture(scope="module")
def workdir(finished_run) -> str:
    return f"--workdir={finished_run[0].workdir}"


@pytest.fixture(scope="module")
def finished(workdir, run_verb, tmp_path_factory):
    """The output of the command, and the command as it ended."""
    output = tmp_path_factory.mktemp("embedded") / "vectors.parquet"
    process = run_verb("embed", workdir, f"--output={output}", *PARTS)
    assert process.returncode == 0, process.stderr
    return output, process


def run(*flags: str):
    return embed.run(settings_of(["embed", *flags]))


def rejects_of(output: Path) -> list[list[str]]:
    with output.with_suffix(".rejects.csv").open(newline="") as file:
        return list(csv.reader(file))


class TestCatalogueOfTheRun:
    @pytest.mark.integration
    def test_is_what_the_embedder_says_of_each_photo(self, finished, finished_run):
        output, _ = finished
        found = read_embeddings(output)
        config, _ = finished_run
        path = Workdir(config.workdir).embedder
        embedder = Embedder.load(path)
        photos = load_photos(
            read_catalog(config.catalog), 32, on_bad_image="reject", progress=False
        )
        assert len(found) == 45
        again = embed_module.embed_with_color(embedder, photos)
        np.testing.assert_array_equal(found.vectors, again.vectors)
        np.testing.assert_array_equal(found.lab, again.lab)
        np.testing.assert_allclose(
            found.vectors, embedder(photos.squares(np.arange(45))).numpy(), atol=1e-5
        )
        catalog = photos.catalog
        assert found.product_id.tolist() == catalog.product_id.tolist()
        assert found.image.tolist() == catalog.image.tolist()
        assert found.color.tolist() == catalog.color.tolist()
        assert found.block_names == ("Shirts", "Trousers")
        assert found.block.tolist() == catalog.block.tolist()
        assert found.model == fingerprint(path)

    def test_says_what_it_did(self, finished):
        output, process = finished
        rejects = output.with_name("vectors.rejects.csv")
        said, _, steps = process.stdout.partition("\nWhat to do next:\n")
        assert said == (
            f"45 products are in '{output}'.\n"
            f"1 could not be embedded; '{rejects}' says why.\n"
            "Frames of the products: 100.0% were found, 0.0% declined, 0.0% "
            "implausible.\n"
        )
        assert f" --embeddings={output} " in steps
        assert f" --output={output.with_name('vectors.groups.csv')} " in steps
        assert "\r" not in process.stderr  # It is no terminal.

    def test_products_that_are_left_out_are_named(self, finished, finished_run):
        output, _ = finished
        header, *rejects = rejects_of(output)
        assert header == ["product_id", "image", "reason"]
        photo = str(Path(finished_run[0].catalog).with_name("text.jpg"))
        assert [row[:2] for row in rejects] == [["text", photo]]
        assert "a text file" in rejects[0][2]

    def test_once_more_it_says_the_same_without_work(
        self, finished, workdir, run_verb, monkeypatch
    ):
        output, process = finished
        before = output.read_bytes()
        monkeypatch.setattr(job_module, "write_shard", pytest.fail)
        again = run_verb("embed", workdir, f"--output={output}", *PARTS)
        assert (again.returncode, again.stdout) == (0, process.stdout)
        assert output.read_bytes() == before

    def test_no_parts_are_left(self, finished):
        output, _ = finished
        names = [path.name for path in output.parent.iterdir()]
        assert sorted(names) == ["vectors.parquet", "vectors.rejects.csv"]


def test_paths_of_windows_are_told_once_and_embed_alike(
    workdir, drawn_catalog, finished, tmp_path, caplog
):
    header, *rows = drawn_catalog.read_text().splitlines()
    place = header.split(",").index("image")
    lines = [header]
    for row in rows[:3]:
        cells = row.split(",")
        cells[place] = rf"photos\{cells[place]}"
        lines.append(",".join(cells))
    (tmp_path / "photos").symlink_to(drawn_catalog.parent)
    (tmp_path / "c.csv").write_text("\n".join(lines))
    output = tmp_path / "e.parquet"
    run(workdir, f"--catalog={tmp_path}/c.csv", f"--output={output}")
    assert caplog.text.count("in 3 of 3 paths of photos, backslashes") == 1
    found, expected = read_embeddings(output), read_embeddings(finished[0])
    np.testing.assert_allclose(found.vectors, expected.vectors[:3], atol=1e-5)


@pytest.mark.integration
class TestFrames:
    @pytest.fixture
    def street(self, drawn_catalog, tmp_path) -> Path:
        """A table of five drawn products, and one on a street."""
        random = np.random.default_rng(0)
        coarse = random.integers(0, 256, (8, 8, 3)).astype(np.uint8)
        photo = Image.fromarray(coarse).resize((96, 96), Image.Resampling.NEAREST)
        photo.save(tmp_path / "street.png")
        names = sorted(drawn_catalog.parent.glob("0*.jpg"))[:5]
        rows = [f"{path.stem},{path}" for path in names]
        rows.append(f"street,{tmp_path / 'street.png'}")
        (tmp_path / "c.csv").write_text("\n".join(["product_id,image", *rows]))
        return tmp_path / "c.csv"

    @pytest.mark.parametrize("adapt", [(), ("--adapt",)])
    def test_advice_where_many_have_none(
        self, workdir, street, adapt, tmp_path, capsys
    ):
        flags = (workdir, f"--catalog={street}", "--block_columns=", *adapt)
        for _ in range(2):  # The second time, frames are those of the cache.
            run(*flags, f"--output={tmp_path}/e.parquet", "--overwrite")
            lines = capsys.readouterr().out.splitlines()
            assert lines[-2] == (
                "Frames of the products: 83.3% were found, 16.7% declined (no plain "
                "background: the whole photo was used; such as street), 0.0% "
                "implausible."
            )
            assert "or pass --frame=photo" in lines[-1]

    def test_nothing_is_said_of_whole_photos(self, workdir, street, tmp_path, capsys):
        flags = (workdir, f"--catalog={street}", "--block_columns=", "--frame=photo")
        run(*flags, f"--output={tmp_path}/e.parquet")
        assert "Frames" not in capsys.readouterr().out


class TestKilled:
    @pytest.mark.integration
    @pytest.mark.parametrize(
        ("number", "exit_code"), few((signal.SIGKILL, -9), more=[(signal.SIGINT, 130)])
    )
    def test_goes_on_and_ends_as_if_nothing_had_happened(
        self, number, exit_code, finished, workdir, start_verb, tmp_path, monkeypatch
    ):
        output = tmp_path / "vectors.parquet"
        folder = tmp_path / "vectors.parquet.shards"
        flags = (workdir, f"--output={output}", *PARTS)
        with start_verb("embed", *flags) as process:
            while process.poll() is None and len(parts_in(folder)) < 2:
                time.sleep(0.001)
            process.send_signal(number)
            _, errors = process.communicate()
        assert process.returncode == exit_code
        assert "Traceback" not in errors
        assert not output.exists()
        done = parts_in(folder)
        assert 2 <= len(done) <= NUM_PARTS  # A signal may come late.
        begun = []

        def write(job, shards, model, shard, report):
            begun.append(shard)
            write_shard(job, shards, model, shard, report)

        monkeypatch.setattr(job_module, "write_shard", write)
        run(*flags)
        assert set(begun) == set(range(NUM_PARTS)) - done
        expected, _ = finished
        assert output.read_bytes() == expected.read_bytes()
        assert rejects_of(output) == rejects_of(expected)
        assert not folder.exists()

    def test_with_another_flag_is_refused(self, workdir, drawn_catalog, tmp_path):
        output = tmp_path / "vectors.parquet"
        folder = tmp_path / "vectors.parquet.shards"
        folder.mkdir()
        (folder / "job.json").write_text('{"model": "8f2a", "--shard_size": 2}')
        flags = (workdir, f"--catalog={drawn_catalog}", f"--output={output}")
        with pytest.raises(JobError, match=r"another model, .*--overwrite to throw"):
            run(*flags, "--shard_size=2")
        run(*flags, "--overwrite")
        assert len(read_embeddings(output)) == 45
        assert not folder.exists()


def parts_in(folder: Path) -> set[int]:
    return {int(path.name[6:11]) for path in folder.glob("shard-*.parquet")}


class TestSettings:
    @pytest.fixture
    def of_run(self, tmp_path):
        """The settings of a run that framed photos and made blocks in its own way."""
        config = Config(
            workdir=str(tmp_path),
            catalog="shop.csv",
            block_columns=("brand", "gender"),
            frame="photo",
            cache_dir="cache",
            embed_batch_size=7,
        )
        (tmp_path / "config.cfg").write_text(command.to_flagfile(config))
        return config

    def test_are_those_of_the_run_where_no_flag_says_otherwise(self, of_run):
        flags = (f"--workdir={of_run.workdir}", "--output=e.parquet", "--shard_size=9")
        expected = EmbedConfig(
            workdir=of_run.workdir,
            output="e.parquet",
            shard_size=9,
            catalog="shop.csv",
            block_columns=("brand", "gender"),
            frame="photo",
            cache_dir="cache",
        )
        assert settings_of(["embed", *flags]) == expected
        flags += ("--catalog=new.csv", "--frame=auto", "--block_columns=")
        changes = {"catalog": "new.csv", "frame": "auto", "block_columns": ()}
        expected = dataclasses.replace(expected, **changes)
        assert settings_of(["embed", *flags]) == expected

    def test_home_folders_are_understood(self, of_run, monkeypatch):
        monkeypatch.setenv("HOME", str(Path(of_run.workdir).parent))
        workdir = f"--workdir=~/{Path(of_run.workdir).name}"
        assert settings_of(["embed", workdir]).frame == "photo"

    def test_without_a_run_are_those_of_the_flags(self, tmp_path):
        flags = (f"--workdir={tmp_path}", "--frame=photo")
        expected = EmbedConfig(workdir=str(tmp_path), frame="photo")
        assert settings_of(["embed", *flags]) == expected

    def test_a_run_that_cannot_be_read(self, tmp_path, run_verb):
        (tmp_path / "config.cfg").write_text("--frame=round")
        flags = (f"--workdir={tmp_path}", f"--output={tmp_path}/e.parquet")
        process = run_verb("embed", *flags, tensorflow=False)
        assert process.returncode == 2
        assert "config.cfg' cannot be read as the settings" in process.stderr
        assert "--frame=round is not one of" in process.stderr

    def test_framing_and_blocks_decide_what_is_written(
        self, workdir, finished, drawn_catalog, tmp_path
    ):
        flags = (workdir, f"--catalog={drawn_catalog}", "--frame=photo")
        flags += ("--block_columns=color", "--split=validation")
        run(*flags, f"--output={tmp_path}/e.parquet")
        found = read_embeddings(tmp_path / "e.parquet")
        assert len(found) == 15
        assert found.block_names == ("black", "crimson", "navy")
        whole = read_embeddings(finished[0])
        rows = np.isin(whole.product_id, found.product_id)
        assert whole.product_id[rows].tolist() == found.product_id.tolist()
        apart = np.abs(whole.vectors[rows] - found.vectors).max(axis=1)
        assert (apart > 1e-3).any()
        assert not (tmp_path / "e.rejects.csv").exists()


class TestOutput:
    def test_one_that_is_there(self, workdir, drawn_catalog, tmp_path, run_verb):
        output = tmp_path / "vectors.pq"
        output.write_text("precious")
        flags = (workdir, f"--catalog={drawn_catalog}", f"--output={output}")
        process = run_verb("embed", *flags, tensorflow=False)
        assert process.returncode == 1
        assert process.stderr == (
            f"Failed: '{output}' exists. Pass --overwrite to replace it.\n"
        )
        assert output.read_text() == "precious"
        assert run(*flags, "--overwrite", "--split=train").num_products == 30
        assert len(read_embeddings(output)) == 30

    @pytest.mark.parametrize(
        ("output", "message"),
        [
            ("", "--output is not set. Name a file that ends in .parquet or .pq."),
            ("vectors.csv", "--output=vectors.csv must end in .parquet or .pq"),
            ("gs://no/v.parquet", "There is no folder 'gs:/no' to write to"),
        ],
    )
    def test_a_place_that_is_none(self, output, message, workdir):
        with pytest.raises(ConfigError, match=re.escape(message)):
            run(workdir, f"--output={output}")


class TestRefusals:
    """All of them before TensorFlow is loaded, which takes long."""

    @pytest.fixture
    def refused(self, workdir, tmp_path, run_verb):
        """A function from flags to the message with which they are refused."""

        def run(*flags: str) -> str:
            output = f"--output={tmp_path}/vectors.parquet"
            process = run_verb("embed", workdir, output, *flags, tensorflow=False)
            assert (process.returncode, process.stdout) == (1, "")
            assert [path.name for path in tmp_path.iterdir()] == []
            return process.stderr

        return run

    def test_a_run_without_an_embedder(self, refused, tmp_path_factory):
        folder = tmp_path_factory.mktemp("unfinished")
        assert refused(f"--workdir={folder}") == (
            f"Failed: There is no '{folder}/embedder.keras'. A finished training "
            "writes it; pass its --workdir.\n"
        )

    def test_no_run_at_all(self, refused):
        assert refused("--workdir=").startswith("Failed: --workdir is not set.")

    def test_a_catalogue_that_is_not_there(self, refused):
        message = refused("--catalog=nowhere.csv")
        assert message == "Failed: nowhere.csv does not exist.\n"

    def test_a_catalogue_without_boxes(self, refused):
        message = refused("--frame=columns")
        assert "--frame=columns needs the columns x, y, width, height" in message

    def test_a_split_that_is_not_there(self, workdir):
        with pytest.raises(CatalogError, match=r"no split 'test'.*validation"):
            run(workdir, "--output=e.parquet", "--split=test")

    def test_blocks_that_are_not_there(self, workdir):
        with pytest.raises(CatalogError, match="no column 'brand'"):
            run(workdir, "--output=e.parquet", "--block_columns=brand")

    @pytest.mark.parametrize(
        ("flag", "message"),
        [
            ("--shard_size=0", "--shard_size=0 must be 1 or more"),
            ("--embed_batch_size=0", "--embed_batch_size=0 must be 1 or more"),
            ("--strategy=tpu", "--strategy=tpu is not one of: auto, cpu, gpu"),
            ("--engine=dask", "--engine=dask is not one of: local, spark"),
            ("--frame=round", "--frame=round is not one of: auto, photo, columns"),
            ("--outptu=a", "Did you mean: output"),
        ],
    )
    def test_wrong_flags_are_told_before_anything_is_read(
        self, flag, message, monkeypatch, capsys
    ):
        monkeypatch.setattr("sys.argv", ["embed", "--workdir=nowhere", flag])
        with pytest.raises(SystemExit) as end:
            command.run(embed.run, EmbedConfig, parse=settings_of)
        assert end.value.code == 2
        assert message in capsys.readouterr().err

    def test_no_photo_can_be_used(self, workdir, changed_catalog, tmp_path, capsys):
        table = changed_catalog("no photos.csv")
        text = re.sub(r"[\w-]+\.jpg", "text.jpg", table.read_text())
        table.write_text(text)
        flags = ["embed", workdir, f"--catalog={table}"]
        output = tmp_path / "vectors.parquet"
        with pytest.raises(CatalogError, match=r"no photo can be used.*rejects\.csv"):
            embed.run(settings_of([*flags, f"--output={output}"]))
        assert [path.name for path in tmp_path.iterdir()] == ["vectors.rejects.csv"]
        assert len(rejects_of(output)) == 46


def test_help_comes_without_tensorflow(run_verb):
    process = run_verb("embed", "--help=all", tensorflow=False)
    assert process.returncode == 0
    assert "cv_tf embed --workdir=" in process.stdout
    for field in dataclasses.fields(EmbedConfig):
        assert f"\n  --{field.name}=" in process.stdout
