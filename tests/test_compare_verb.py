"""Recipes compared, as a user asks for it."""

import csv
import json
import re
import signal
import time
from pathlib import Path

import pytest

from cv_tf import command, compare
from cv_tf.comparison import CompareConfig, Stopped, galleries as neighbors
from cv_tf.config import Config

FILES = ("table.md", "table.csv", "table.json", "page.html", "compare.cfg")


@pytest.fixture(scope="module")
def recipes(tiny_run, tmp_path_factory) -> Path:
    """A folder of recipes whose runs take seconds."""
    folder = tmp_path_factory.mktemp("recipes")
    for name, method in (
        ("crops", "simclr"),
        ("labels", "triplet"),
        ("bare", "frozen"),
    ):
        config = tiny_run(
            "elsewhere",
            method=method,
            steps=3,
            products_per_style=2,
            learning_rate=1e-3,
            catalog="",
        )
        changed = command.changed_settings(config)
        flags = command.to_flags(changed)
        (folder / f"{name}.cfg").write_text("\n".join([*flags, ""]))
    return folder


@pytest.fixture(scope="module")
def flags(recipes, drawn_catalog, tmp_path_factory) -> tuple[str, ...]:
    names = ",".join(f"{recipes}/{name}.cfg" for name in ("crops", "labels", "bare"))
    text = f"# All of them.\n--configs={names}\n--seeds=0,1\n--images=32\n"
    (recipes / "all.cfg").write_text(text)
    workdir = tmp_path_factory.mktemp("compared") / "all"
    return (
        f"--flagfile={recipes}/all.cfg",
        f"--catalog={drawn_catalog}",
        f"--workdir={workdir}",
    )


@pytest.fixture(scope="module")
def finished(flags, run_verb, runs_here):
    """The folder and the process of a comparison that went well."""
    process = run_verb("compare", *flags)
    assert process.returncode == 0, process.stderr
    return Path(flags[-1].split("=")[1]), process


class TestComparison:
    def test_leaves_a_table_a_page_and_a_folder_a_run(self, finished):
        folder, _ = finished
        runs = ["bare", "crops-seed0", "crops-seed1", "labels-seed0", "labels-seed1"]
        logs = [f"{name}.log" for name in runs]
        found = sorted(path.name for path in folder.iterdir())
        assert found == sorted([*runs, *logs, *FILES])

    def test_tells_of_each_run_and_prints_the_table(self, finished):
        folder, process = finished
        lines = process.stdout.split("\n")
        titles = ["crops, seed 0", "labels, seed 0", "bare"]
        titles += ["crops, seed 1", "labels, seed 1"]
        for place, title in enumerate(titles):
            line = rf"\[{place + 1}/5\] {title}: R@1 in block [01]\.\d{{3}} \(.* left\)"
            assert re.fullmatch(line, lines[place])
        assert (folder / "table.md").read_text() in process.stdout
        assert lines[-2] == f"Everything is in '{folder}'."

    def test_figures_are_those_of_the_runs(self, finished):
        folder, _ = finished
        table = json.loads((folder / "table.json").read_text())
        rows = {recipe["name"]: recipe for recipe in table["recipes"]}
        values = [
            json.loads((folder / name / "metrics.json").read_text())
            for name in ("crops-seed0", "crops-seed1", "bare")
        ]
        first, second = (value["after"]["fms"] for value in values[:2])
        fms = rows["crops"]["figures"]["fms"]
        assert fms["mean"] == pytest.approx((first + second) / 2)
        assert fms["standard_deviation"] == pytest.approx(abs(first - second) / 2**0.5)
        assert rows["bare"]["figures"]["fms"]["mean"] == values[2]["fms"]
        assert rows["bare"]["figures"]["fms"]["standard_deviation"] is None
        for name in ("crops", "labels"):
            assert rows[name]["figures"]["images_seen"]["mean"] == 32
            assert rows[name]["figures"]["peak_memory_gigabytes"]["mean"] > 0.1
        with (folder / "table.csv").open(newline="") as file:
            lines = [line for line in csv.DictReader(file) if line["figure"] == "fms"]
        values = {line["recipe"]: line["seed_1"] for line in lines}
        assert values["crops"] == repr(second)
        assert values["bare"] == ""

    def test_runs_are_ordinary_ones_with_the_budget(self, finished):
        folder, _ = finished
        given = ["", f"--flagfile={folder}/labels-seed1/config.cfg"]
        config = command.parse_flags(Config, given)
        assert (config.method, config.seed, config.steps) == ("triplet", 1, 4)
        assert config.batch_size == 8
        assert not config.baselines
        metrics = json.loads((folder / "labels-seed1" / "metrics.json").read_text())
        names = {"split", "parts", "intervals", "after", "trained_on", "training"}
        assert set(metrics) == names

    def test_the_page_shows_every_recipe_and_its_neighbors(self, finished):
        page = (finished[0] / "page.html").read_text()
        for name in ("crops", "labels", "bare"):
            assert page.count(f'<th scope="row">{name}</th>') > 2
        assert page.count("data:image/jpeg") > 3 * 5
        assert "✓ variant" in page
        assert not re.search(r"(src|href)=\"(?!data:|#)", page)

    def test_the_same_again_makes_nothing_anew(
        self, finished, flags, monkeypatch, capsys
    ):
        folder, _ = finished

        def times():
            return {
                path: path.stat().st_mtime_ns
                for path in folder.rglob("*")
                if path.is_file() and path.name not in FILES
            }

        before = times()
        monkeypatch.delattr(neighbors, "to_table")
        compare.main(compare.settings_of(["compare", *flags]))
        assert "5 of 5 runs are there already." in capsys.readouterr().out
        assert times() == before

    def test_its_own_flagfile_asks_for_the_same(self, finished, flags):
        folder, _ = finished
        again = compare.settings_of(["", f"--flagfile={folder}/compare.cfg"])
        assert again == compare.settings_of(["", *flags])

    def test_the_frozen_network_can_be_used_as_a_trained_one(
        self, finished, run_verb, tmp_path, drawn_catalog
    ):
        folder, _ = finished
        run = f"--workdir={folder}/bare"
        flags = (run, f"--catalog={drawn_catalog}", f"--output={tmp_path}/bare.parquet")
        process = run_verb("embed", *flags)
        assert process.returncode == 0, process.stderr
        assert "45 products are in" in process.stdout

    def test_other_settings_are_refused(self, finished, flags, run_verb):
        folder, _ = finished
        process = run_verb("compare", *flags, "--images=64", tensorflow=False)
        assert process.returncode == 1
        assert f"'{folder}/crops-seed0' holds a run with other" in process.stderr
        assert "--steps=4 there, 8 now" in process.stderr
        assert process.stderr.count(" there, ") == 1


@pytest.mark.slow
def test_a_run_that_fails_is_named_and_the_others_go_on(
    recipes, flags, run_verb, runs_here, tmp_path
):
    (recipes / "wild.cfg").write_text(
        (recipes / "crops.cfg").read_text()
        + "--optimizer=sgd\n--learning_rate=1e30\n--warmup_steps=1\n--steps=3\n"
    )
    configs = f"--configs={recipes}/wild.cfg,{recipes}/bare.cfg"
    workdir = f"--workdir={tmp_path}/some"
    process = run_verb(
        "compare", *flags, configs, workdir, "--seeds=0", "--images=0", "--page=false"
    )
    assert process.returncode == 1, process.stderr
    assert re.search(
        r"\[1/2\] wild, seed 0: failed: The loss is \S+ at", process.stdout
    )
    assert "[2/2] bare: R@1" in process.stdout
    table = (tmp_path / "some" / "table.md").read_text()
    assert re.search(
        r"- Missing: wild, seed 0: The loss is .*Lower --learning_rate", table
    )
    assert "| 0 of 1 |" in table
    assert not (tmp_path / "some" / "page.html").exists()


def test_what_is_there_is_told_when_it_is_stopped(
    finished, flags, monkeypatch, tmp_path, capsys
):
    """Processes that are stopped are those of the next test, which takes a minute."""

    def stop(runs):
        raise Stopped(signal.SIGTERM, runs[0])

    monkeypatch.setattr(compare, "make_runs", stop)
    folder, _ = finished
    before = (folder / "table.csv").read_text()
    given = compare.settings_of(["compare", *flags])
    with pytest.raises(SystemExit) as end:
        compare.main(given)
    assert end.value.code == 143
    printed = capsys.readouterr()
    assert "Stopped by SIGTERM during crops, seed 0. The same command" in printed.err
    assert (folder / "table.md").read_text() in printed.out
    assert (folder / "table.csv").read_text() == before
    # Where there is nothing yet, no table is written.
    given = compare.settings_of(["compare", *flags, f"--workdir={tmp_path}/none"])
    with pytest.raises(SystemExit):
        compare.main(given)
    assert not (tmp_path / "none" / "table.md").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_one_that_is_stopped_goes_on(
    number, recipes, flags, start_verb, run_process, tmp_path
):
    given = (
        *flags,
        f"--configs={recipes}/bare.cfg,{recipes}/crops.cfg",
        f"--workdir={tmp_path}/cut",
        "--seeds=0",
        "--images=1600",
        "--checkpoint_every=40",
        "--page=false",
    )
    index = tmp_path / "cut" / "crops-seed0" / "checkpoints" / "checkpoint"
    with start_verb("compare", *given) as process:
        while not index.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate()
    assert process.returncode == (143 if number == signal.SIGTERM else -9)
    assert "Traceback" not in errors
    log = (tmp_path / "cut" / "crops-seed0.log").read_text()
    if number == signal.SIGTERM:
        assert "Stopped by SIGTERM during crops, seed 0. The same command" in errors
        assert "Stopped by SIGTERM after step" in log
        table = (tmp_path / "cut" / "table.md").read_text()
        assert "- Missing: crops, seed 0: it has not been made yet." in table
        assert re.search(r"^\| bare .* 1 of 1 \|$", table, re.MULTILINE)
    process = run_process("compare", *given)
    assert process.returncode == 0, process.stderr
    metrics = json.loads((index.parents[1] / "metrics.json").read_text())
    assert metrics["training"]["images_seen"] == 1600
    log = (tmp_path / "cut" / "crops-seed0.log").read_text()
    assert log.count("$ ") == (2 if number == signal.SIGTERM else 1)


class TestMistakes:
    """They are found before TensorFlow is loaded, and leave nothing behind."""

    @pytest.mark.parametrize(
        ("flag", "message"),
        [
            ("--sedes=1", "Did you mean: seeds"),
            ("--configs=", "--configs names no recipe"),
            ("--seeds=one", "--seeds=one must be numbers"),
            ("--backbone=huge", "--backbone=huge is not one of"),
        ],
    )
    def test_wrong_flags(self, flag, message, flags, run_verb):
        process = run_verb("compare", *flags, flag, tensorflow=False)
        assert process.returncode == 2
        assert message in process.stderr

    def test_wrong_recipes_are_all_named(self, recipes, flags, run_verb, tmp_path):
        for name, text in (("a", "--methd=moco"), ("b", "--steps=-1")):
            (tmp_path / f"{name}.cfg").write_text(text)
        configs = f"{tmp_path}/a.cfg,{recipes}/crops.cfg,{tmp_path}/b.cfg,nowhere.cfg"
        process = run_verb(
            "compare",
            *flags,
            f"--configs={configs}",
            f"--workdir={tmp_path}/run",
            tensorflow=False,
        )
        assert process.returncode == 1
        assert process.stderr.split("\n")[:3] == [
            f"Failed: {tmp_path}/a.cfg: Unknown command line flag 'methd'. Did you "
            "mean: method ?",
            f"{tmp_path}/b.cfg: --steps=-1 must be 0 or more.",
            "nowhere.cfg: there is no such file.",
        ]
        assert not (tmp_path / "run").exists()

    def test_a_broken_table(self, flags, run_verb, tmp_path):
        table = tmp_path / "catalog.csv"
        table.write_text("product_id,drawing,category\nA,a,Shirts\n")
        process = run_verb(
            "compare",
            *flags,
            f"--catalog={table}",
            f"--workdir={tmp_path}/run",
            tensorflow=False,
        )
        assert process.returncode == 1
        assert "no column 'image'" in process.stderr
        assert not (tmp_path / "run").exists()


def test_from_python(recipes, drawn_catalog, tmp_path, monkeypatch):
    """What is given by name holds for every recipe; runs are not made here."""
    asked = []
    monkeypatch.setattr(compare, "make_runs", lambda runs: asked.extend(runs) or {})
    config = CompareConfig(
        configs=(f"{recipes}/crops.cfg", f"{recipes}/bare.cfg"),
        seeds=("3",),
        workdir=str(tmp_path / "run"),
        page=False,
    )
    rows = compare.run(config, catalog=str(drawn_catalog), image_size=64)
    assert {run.config.image_size for run in asked} == {64}
    assert [row.recipe.name for row in rows] == ["bare", "crops"]
