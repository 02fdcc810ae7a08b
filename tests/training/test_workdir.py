"""A run's folder: whose it is, and files that are whole."""

from pathlib import Path

import numpy as np
import pytest

from cv_tf.config import CatalogSettings, Config
from cv_tf.metrics import ProductResults
from cv_tf.training import Workdir, WorkdirError, inherited_settings


def opened(folder: Path, **settings) -> Workdir:
    workdir = Workdir(folder)
    workdir.open(Config(workdir=str(folder), **settings))
    return workdir


class TestOpen:
    def test_makes_the_folder_and_keeps_the_settings(self, tmp_path):
        workdir = opened(tmp_path / "a" / "b", steps=7, block_columns=("x", "y"))
        expected = Config(
            workdir=str(tmp_path / "a" / "b"), steps=7, block_columns=("x", "y")
        )
        assert workdir.read_config() == expected
        assert [path.name for path in workdir.path.iterdir()] == ["config.cfg"]

    def test_checking_makes_nothing(self, tmp_path):
        Workdir(tmp_path / "run").check(Config())
        assert not (tmp_path / "run").exists()

    def test_an_empty_folder_will_do(self, tmp_path):
        assert opened(tmp_path).config.is_file()

    def test_so_will_what_a_kill_left_of_the_very_first_file(self, tmp_path):
        (tmp_path / ".config.cfg.0123456789abcdef.unfinished").mkdir()
        assert opened(tmp_path, steps=3).read_config().steps == 3

    def test_the_same_settings_go_on(self, tmp_path):
        before = opened(tmp_path, steps=7).config.stat().st_mtime_ns
        assert opened(tmp_path, steps=7).config.stat().st_mtime_ns == before

    def test_where_it_lies_and_how_fast_it_goes_may_change(self, tmp_path):
        opened(tmp_path / "old", steps=7)
        (tmp_path / "old").rename(tmp_path / "new")
        opened(
            tmp_path / "new",
            steps=7,
            cache_dir="/cache",
            data_dir="/data",
            memory_gigabytes=9,
            embed_batch_size=3,
        )

    def test_other_settings_are_named(self, tmp_path):
        opened(tmp_path, steps=7, method="triplet")
        with pytest.raises(WorkdirError) as refused:
            opened(tmp_path, steps=8, block_columns=("brand",))
        lines = str(refused.value).split("\n")
        assert lines[0] == f"'{tmp_path}' holds a run with other settings:"
        assert sorted(lines[1:-1]) == [
            "  --block_columns=('category',) there, ('brand',) now",
            "  --method=triplet there, part_contrast now",
            "  --steps=7 there, 8 now",
        ]
        assert "another --workdir" in lines[-1]

    def test_a_folder_of_something_else_is_refused(self, tmp_path):
        (tmp_path / "metrics.json").write_text("{}")
        with pytest.raises(WorkdirError, match="not empty and holds no run"):
            opened(tmp_path)

    def test_a_file_is_refused(self, tmp_path):
        (tmp_path / "run").write_text("")
        with pytest.raises(WorkdirError, match=r"run' is a file"):
            opened(tmp_path / "run")

    def test_no_name_is_refused(self):
        with pytest.raises(WorkdirError, match="--workdir is not set"):
            Workdir("")


class TestRead:
    def test_no_run(self, tmp_path):
        with pytest.raises(WorkdirError, match=r"holds no run: .*config\.cfg"):
            Workdir(tmp_path).read_config()

    def test_settings_of_another_version(self, tmp_path):
        (tmp_path / "config.cfg").write_text("--wings=2\n")
        with pytest.raises(WorkdirError, match=r"cannot be read as .*wings"):
            Workdir(tmp_path).read_config()

    def test_metrics(self, tmp_path):
        workdir = Workdir(tmp_path)
        assert workdir.read_metrics() == {}
        workdir.write_metrics({"after": {"fms": 0.5}})
        assert workdir.read_metrics() == {"after": {"fms": 0.5}}

    @pytest.mark.parametrize(
        "text",
        ["", "[]", '{"after": 3}', '{"training": [1]}', '{"after": {"fms": "0.5"}}']
        + ['{"after": {"fms": NaN}}', '{"after": {"fms": [1]}}', '{"fms": null}']
        + ['{"intervals": 3}', '{"intervals": {"after": {"fms": [0, 1]}}}']
        + ['{"intervals": {"fms": {"low": 0}}}']
        + ['{"before": {"a": {"ari": 1e999}}}', "[" * 10**5, '{"a": 1, "a": 2}'],
    )
    def test_metrics_that_are_damaged(self, text, tmp_path):
        (tmp_path / "metrics.json").write_text(text)
        with pytest.raises(WorkdirError, match=r"metrics\.json'.*Bring a copy back"):
            Workdir(tmp_path).read_metrics()

    def test_metrics_may_have_intervals(self, tmp_path):
        intervals = {"after": {"fms": {"low": 0.4, "high": 0.6}}}
        metrics = {"after": {"fms": 0.5}, "intervals": intervals}
        Workdir(tmp_path).write_metrics(metrics)
        assert Workdir(tmp_path).read_metrics() == metrics

    def test_results_of_products(self, tmp_path):
        workdir = Workdir(tmp_path)
        assert workdir.read_queries() is None  # As of an earlier version.
        ids = np.array(["a", "b"], object)
        found = {"recall_at_1": np.array([1.0, 0.0])}
        with workdir.writing(workdir.queries) as (made,):
            ProductResults(ids, ids, found).write(made)
        read = workdir.read_queries()
        assert read.values["recall_at_1"].tolist() == [1, 0]
        ProductResults(ids, ids, {}).write(workdir.queries)
        with pytest.raises(WorkdirError, match=r"not as it was written\. Bring a copy"):
            workdir.read_queries()

    @pytest.mark.parametrize(
        "text",
        ["--flagfile=other", "steps=3", "--steps=many", "--no such", "--steps=\0"],
    )
    def test_settings_that_are_damaged(self, text, tmp_path):
        (tmp_path / "other").write_text("--steps=3\n")
        (tmp_path / "config.cfg").write_text(f"--method=simclr\n{text}\n")
        with pytest.raises(WorkdirError, match=r"config\.cfg'.*Bring a copy back"):
            Workdir(tmp_path).read_config()


class TestInheritedSettings:
    def test_are_those_of_the_run(self, tmp_path):
        opened(tmp_path, steps=3, frame="photo")
        inherited = inherited_settings({"workdir": str(tmp_path)}, CatalogSettings)
        assert inherited["frame"] == "photo"
        assert "steps" not in inherited
        inherited = inherited_settings({"workdir": str(tmp_path)}, Config)
        assert inherited["steps"] == 3

    def test_a_frozen_backbone_inherits_nothing(self, tmp_path):
        opened(tmp_path, steps=3)
        given = {"workdir": str(tmp_path), "method": "frozen"}
        assert inherited_settings(given, Config) == {}

    def test_a_missing_run_is_an_error_only_where_it_must_exist(self, tmp_path):
        given = {"workdir": str(tmp_path)}
        assert inherited_settings(given, Config) == {}
        assert inherited_settings({}, Config, must_exist=True) == {}
        with pytest.raises(WorkdirError, match="holds no run"):
            inherited_settings(given, Config, must_exist=True)
