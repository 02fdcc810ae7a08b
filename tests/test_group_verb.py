"""python -m cv_tf.group, as users type it and from Python."""

import csv
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv_tf.command import parse_flags
from cv_tf.config import ConfigError, GroupingSettings
from cv_tf.embeddings import EmbeddingsError, read_embeddings
from cv_tf.group import GroupConfig, run
from cv_tf.grouping import (
    GroupsError,
    Similarity,
    average_linkage,
    find_neighbors,
    mutual_graph,
)

COLUMNS = [
    *("product_id", "group_id", "group_size"),
    *("confidence", "group_confidence", "nearest_other", "similarity", "copy_of"),
    *("representative", "state", "color", "color_source"),
]


def _write(path, ids, degrees, **columns):
    """Embeddings on the unit circle, in one block unless the columns say otherwise."""
    radians = np.deg2rad(degrees)
    vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    table = {"product_id": ids, **columns, "embedding": list(vectors)}
    pq.write_table(pa.table(table), path)
    return path


@pytest.fixture
def embeddings(tmp_path):
    """Groups (b, a, c) and (x, y); z is alone, w alone in its block."""
    ids = ["b", "a", "x", "z", "c", "y", "w"]
    degrees = [0, 5, 90, 180, 10, 95, 0]
    block = ["one"] * 6 + ["two"]
    return _write(tmp_path / "vectors.parquet", ids, degrees, block=block)


def _labelled(tmp_path, num_styles=40, seed=0):
    """Noisy variants of designs in 8 dimensions, and a table of their styles."""
    rng = np.random.default_rng(seed)
    style = np.repeat(np.arange(num_styles), 3)
    vectors = rng.standard_normal((num_styles, 8))[style]
    vectors = vectors + 0.25 * rng.standard_normal(vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"p{i:03d}" for i in range(len(style))]
    table = {"product_id": ids, "embedding": list(vectors.astype(np.float32))}
    pq.write_table(pa.table(table), tmp_path / "many.parquet")
    rows = [
        f"{i},s{s},{'train' if s < 30 else 'test'}"
        for i, s in zip(ids, style, strict=True)
    ]
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join(["product_id,style_id,split", *rows, ""]))
    return tmp_path / "many.parquet", labels, style


def _group(embeddings, output, *flags):
    flags = [f"--embeddings={embeddings}", f"--output={output}", *flags]
    return run(parse_flags(GroupConfig, ["group", *flags]))


def _rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _in_order_of(path, ids):
    """The rows of products, in another order than that of the file."""
    row_of = {row["product_id"]: row for row in _rows(path)}
    assert len(row_of) == len(ids)
    return [row_of[product] for product in ids]


def _members(path):
    groups = {}
    for row in _rows(path):
        groups.setdefault(row["group_id"], []).append(row["product_id"])
    return groups


class TestGroups:
    def test_worked_by_hand(self, embeddings, tmp_path):
        output = tmp_path / "groups.csv"
        _group(embeddings, output, "--threshold=0.9")
        in_file = [row["product_id"] for row in _rows(output)]
        # The surest group is first, with its representative, and groups of one last.
        assert (in_file[0], in_file.index("x") + 1) == ("a", in_file.index("y"))
        assert set(in_file[:3]) == set("abc")
        assert set(in_file[5:]) == set("zw")
        rows = _in_order_of(output, "baxzcyw")
        assert list(rows[0]) == COLUMNS
        assert [row["group_id"] for row in rows] == list("aaxzaxw")
        assert [row["group_size"] for row in rows] == list("3321321")
        # The middle one of a group of three, and the first of two.
        assert [row["representative"] for row in rows] == list("aaxzaxw")
        assert {row["state"] for row in rows} == {"new"}
        assert [row["nearest_other"] for row in rows] == [*"xxcyxc", ""]
        expected = np.cos(np.deg2rad([90, 85, 80, 85, 80, 85]))
        found = [float(row["similarity"]) for row in rows[:-1]]
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert rows[-1]["similarity"] == ""
        assert all(0 <= float(row["confidence"]) <= 1 for row in rows)
        assert float(rows[-1]["confidence"]) == 1

    def test_parquet_holds_the_same(self, embeddings, tmp_path):
        _group(embeddings, tmp_path / "groups.csv", "--threshold=0.9")
        _group(embeddings, tmp_path / "groups.parquet", "--threshold=0.9")
        table = pq.read_table(tmp_path / "groups.parquet")
        rows = _rows(tmp_path / "groups.csv")
        assert table.column_names == COLUMNS
        for name in ("product_id", "group_id", "group_size"):
            assert list(map(str, table[name].to_pylist())) == [r[name] for r in rows]

    def test_summary_and_what_is_printed(self, embeddings, tmp_path, capsys):
        summary = _group(embeddings, tmp_path / "groups.csv", "--threshold=0.9")
        assert summary["num_products"] == 7
        assert summary["num_groups"] == 2
        assert summary["num_grouped_products"] == 5
        assert summary["largest_group"] == 3
        assert summary["share_with_variants"] == pytest.approx(5 / 7)
        assert summary == json.loads((tmp_path / "groups.summary.json").read_text())
        printed = capsys.readouterr().out
        assert re.search(r"groups of two or more +2\n", printed)
        assert "71.4%" in printed

    def test_copies_of_a_photo_are_told(self, tmp_path, capsys):
        degrees = [0, 5, 0, 90, 180, 90]
        vectors = _write(tmp_path / "vectors.parquet", list("abcdef"), degrees)
        summary = _group(vectors, tmp_path / "groups.csv", "--threshold=0.9")
        rows = _in_order_of(tmp_path / "groups.csv", "abcdef")
        assert [row["copy_of"] for row in rows] == ["", "", "a", "", "", "d"]
        assert [row["group_id"] for row in rows] == ["a", "a", "a", "d", "e", "d"]
        assert summary["num_copies"] == 2
        assert "of them, copies of a photo" in capsys.readouterr().out

    def test_names_do_not_depend_on_the_order_of_products(self, embeddings, tmp_path):
        _group(embeddings, tmp_path / "a.csv", "--threshold=0.9")
        table = pq.read_table(embeddings)
        pq.write_table(table.take([3, 5, 0, 6, 2, 4, 1]), tmp_path / "other.parquet")
        _group(tmp_path / "other.parquet", tmp_path / "b.csv", "--threshold=0.9")
        first, second = (
            {row["product_id"]: row["group_id"] for row in _rows(tmp_path / name)}
            for name in ("a.csv", "b.csv")
        )
        assert first == second

    def test_the_cap_is_kept_and_told(self, embeddings, tmp_path, capsys):
        flags = ("--threshold=0.9", "--max_group_size=2")
        summary = _group(embeddings, tmp_path / "groups.csv", *flags)
        assert summary["largest_group"] == 2
        assert summary["num_refused_merges"] > 0
        assert "exceeded --max_group_size" in capsys.readouterr().out

    def test_two_of_one_color_are_allowed_and_told(self, tmp_path, capsys):
        ids, color = ["a", "b", "c"], ["red", "blue", "red"]
        path = _write(tmp_path / "v.parquet", ids, [0, 1, 2], color=color)
        summary = _group(path, tmp_path / "groups.csv", "--threshold=0.9")
        assert summary["num_same_color_groups"] == 1
        assert set(_members(tmp_path / "groups.csv")) == {"a"}
        assert "Two of one color in: a" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("flag", "discount"),
        [
            ("--color=off", 0),
            ("--color=0", 0),
            ("--color=0.3", 0.3),
            ("--color=0.4", 0.4),
            # Its former names.
            ("--group_color_weight=0", 0),
            ("--same_color=0.4", 0.4),
            ("--search_color_weight=0.4", 0.4),
        ],
    )
    def test_products_of_one_color_in_their_photos_are_less_alike(
        self, tmp_path, flag, discount
    ):
        # 10 degrees apart they are 0.985 alike, less the discount.
        lab = [[50.0, 0.0, 0.0]] * 2
        path = _write(tmp_path / "v.parquet", ["a", "b"], [0, 10], lab=lab)
        summary = _group(path, tmp_path / "groups.csv", "--threshold=0.62", flag)
        assert summary["largest_group"] == (2 if discount < 0.365 else 1)
        assert summary["color_discount"] == pytest.approx(discount)

    def test_color_counts_as_is_usual_if_nothing_is_said(self, tmp_path):
        lab = [[50.0, 0.0, 0.0]] * 2
        path = _write(tmp_path / "v.parquet", ["a", "b"], [0, 10], lab=lab)
        summary = _group(path, tmp_path / "groups.csv", "--threshold=0.6")
        # Log-odds from -0.95 to 0.9, of a slope of 12: 0.154 where the mean similarity
        # of strangers is 0.
        background = summary["pair_model"]["background"]
        expected = 1.85 / 12 * (1 - background)
        assert summary["color_discount"] == pytest.approx(expected)
        assert summary["color"] == "auto"

    def test_without_colors_there_is_no_discount(self, embeddings, tmp_path):
        flags = ("--threshold=0.9", "--color=0.5")
        summary = _group(embeddings, tmp_path / "groups.csv", *flags)
        assert summary["color_discount"] == 0

    def test_equals_average_linkage_of_all_pairs(self, tmp_path, all_pairs_of):
        path, _, _ = _labelled(tmp_path)
        _group(path, tmp_path / "groups.csv", "--threshold=0.7", "--neighbors=8")
        expected = all_pairs_of(path, 0.7)
        ids = read_embeddings(path).product_id
        names = [row["group_id"] for row in _in_order_of(tmp_path / "groups.csv", ids)]
        _, found = np.unique(names, return_inverse=True)
        assert len(set(zip(found.tolist(), expected.tolist(), strict=True))) == (
            expected.max() + 1
        )


@pytest.fixture
def all_pairs_of():
    """A function that groups a file's products along every pair."""

    def group(path, threshold):
        read = read_embeddings(path)
        settings = GroupingSettings(neighbors=len(read), retrieval="exact")
        neighbors = find_neighbors(read, settings)
        linked = average_linkage(Similarity(read.vectors), mutual_graph(neighbors))
        return linked.cut(threshold)

    return group


class TestCalibration:
    def test_chooses_on_the_labelled_and_says_what_to_expect(self, tmp_path):
        path, labels, style = _labelled(tmp_path)
        flags = (f"--calibrate={labels}", "--calibrate_split=train")
        summary = _group(path, tmp_path / "groups.csv", *flags)
        rows = _in_order_of(
            tmp_path / "groups.csv", [f"p{i:03d}" for i in range(len(style))]
        )
        names = np.array([row["group_id"] for row in rows])
        same_style = style[:, None] == style[None]
        same_group = names[:, None] == names[None]
        right = (same_style & same_group).sum() - len(style)
        assert right / (same_group.sum() - len(style)) > 0.8
        precision = summary["expected"]["precision"]
        assert 0.8 < precision["estimate"] <= 1
        assert 0.7 < precision["low"] <= precision["estimate"] <= precision["high"]
        assert summary["threshold_source"] == "labelled products"
        assert summary["num_answers"] > 30

    def test_reaches_the_precision_that_is_asked_for(self, tmp_path):
        path, labels, _ = _labelled(tmp_path)
        flags = (f"--calibrate={labels}", "--precision=0.99", "--overwrite")
        strict = _group(path, tmp_path / "groups.csv", *flags)
        loose = _group(path, tmp_path / "groups.csv", *flags, "--precision=0.5")
        assert strict["expected"]["precision"]["estimate"] >= 0.99
        assert loose["threshold"] < strict["threshold"]
        of_loose, of_strict = (of["expected"]["recall"] for of in (loose, strict))
        assert of_loose["estimate"] > of_strict["estimate"]

    def test_leaves_the_curve_as_a_table(self, tmp_path):
        path, labels, _ = _labelled(tmp_path)
        summary = _group(path, tmp_path / "groups.csv", f"--calibrate={labels}")
        curve = _rows(tmp_path / "groups.threshold.csv")
        best = max(curve, key=lambda row: float(row["f1"]))
        assert float(best["threshold"]) == pytest.approx(summary["threshold"], abs=1e-5)

    def test_the_curve_of_an_earlier_run_does_not_stay(self, tmp_path):
        path, labels, _ = _labelled(tmp_path)
        _group(path, tmp_path / "groups.csv", f"--calibrate={labels}")
        _group(path, tmp_path / "groups.csv", "--overwrite")
        assert not (tmp_path / "groups.threshold.csv").exists()

    def test_labelled_products_may_be_in_another_file(self, tmp_path):
        path, labels, _ = _labelled(tmp_path)
        table = pq.read_table(path)
        pq.write_table(table.slice(90), tmp_path / "rest.parquet")
        summary = _group(
            tmp_path / "rest.parquet",
            tmp_path / "groups.csv",
            f"--calibrate={labels}",
            "--calibrate_split=train",
            f"--calibrate_embeddings={path}",
        )
        assert summary["num_products"] == 30
        assert 8 <= summary["num_groups"] <= 11

    def test_refuses_vectors_of_another_width(self, embeddings, tmp_path):
        path, labels, _ = _labelled(tmp_path)
        flags = (f"--calibrate={labels}", f"--calibrate_embeddings={path}")
        with pytest.raises(EmbeddingsError, match=r"8 dimensions, those of .* 2"):
            _group(embeddings, tmp_path / "groups.csv", *flags)

    def test_refuses_labels_of_other_products(self, embeddings, tmp_path):
        _, labels, _ = _labelled(tmp_path)
        with pytest.raises(EmbeddingsError, match="None of the 120 products"):
            _group(embeddings, tmp_path / "groups.csv", f"--calibrate={labels}")


class TestGuess:
    """Without labels, answers or a threshold."""

    def test_groups_what_anybody_would(self, embeddings, tmp_path):
        summary = _group(embeddings, tmp_path / "groups.csv")
        members = _members(tmp_path / "groups.csv")
        assert members.pop("a")[0] == "a"
        assert {row["product_id"] for row in _rows(tmp_path / "groups.csv")[:3]} == (
            set("abc")
        )
        assert members == {"x": ["x", "y"], "z": ["z"], "w": ["w"]}
        assert summary["threshold_source"] == "guessed from the products themselves"
        assert summary["num_answers"] == 0
        # 80 degrees apart are no variants, 10 degrees are.
        assert np.cos(np.deg2rad(80)) < summary["threshold"] < np.cos(np.deg2rad(10))

    def test_says_how_little_it_knows(self, embeddings, tmp_path, capsys):
        summary = _group(embeddings, tmp_path / "groups.csv")
        precision = summary["expected"]["precision"]
        assert 0 <= precision["low"] < precision["estimate"] < precision["high"] <= 1
        assert summary["expected"].keys() == {"precision", "recall", "f1"}
        printed = capsys.readouterr().out
        assert f"{precision['low']:.2f} to {precision['high']:.2f}" in printed
        assert "--ask=40" in printed

    def test_comes_near_the_best_without_a_label(self, tmp_path):
        path, labels, _ = _labelled(tmp_path)
        guessed = _group(path, tmp_path / "groups.csv")
        best = _group(path, tmp_path / "best.csv", f"--calibrate={labels}")
        assert abs(guessed["num_groups"] - best["num_groups"]) <= 12

    def test_a_product_alone_is_alone(self, tmp_path):
        path = _write(tmp_path / "v.parquet", ["a"], [0])
        summary = _group(path, tmp_path / "groups.csv")
        assert summary["num_groups"] == 0
        assert "expected" not in summary

    def test_about_how_many_have_variants_can_be_said(self, tmp_path):
        path, _, _ = _labelled(tmp_path)
        few, most = (
            _group(path, tmp_path / f"{hint}.csv", f"--variants={hint}")
            for hint in ("few", "most")
        )
        assert few["threshold"] > most["threshold"]
        assert few["num_grouped_products"] < most["num_grouped_products"]

    def test_an_earlier_run_of_the_same_model_says_it(self, embeddings, tmp_path):
        _group(embeddings, tmp_path / "before.csv", "--threshold=0.77")
        previous = f"--previous={tmp_path / 'before.csv'}"
        after = _group(embeddings, tmp_path / "after.csv", previous)
        assert after["threshold"] == 0.77
        assert after["threshold_source"] == "the earlier run"
        anew = ("--threshold=expected", previous)
        expected = _group(embeddings, tmp_path / "expected.csv", *anew)
        assert expected["threshold"] != 0.77
        assert expected["threshold_source"] == "guessed from the products themselves"
        other = _group(embeddings, tmp_path / "other.csv", previous, "--color=0.1")
        assert other["threshold"] != 0.77

    def test_a_threshold_of_an_earlier_version_meant_another_discount(
        self, embeddings, tmp_path
    ):
        _group(embeddings, tmp_path / "before.csv", "--threshold=0.77")
        path = tmp_path / "before.summary.json"
        old = json.loads(path.read_text())
        del old["color_discount"], old["color"]
        path.write_text(json.dumps(old | {"group_color_weight": 0.5}))
        previous = f"--previous={tmp_path / 'before.csv'}"
        after = _group(embeddings, tmp_path / "after.csv", previous)
        assert after["threshold_source"] == "guessed from the products themselves"
        assert after["joined_groups"] == []
        assert _members(tmp_path / "after.csv") == _members(tmp_path / "before.csv")


class TestPrevious:
    @pytest.fixture
    def previous(self, embeddings, tmp_path):
        _group(embeddings, tmp_path / "before.csv", "--threshold=0.9")
        return tmp_path / "before.csv"

    def _more(self, embeddings, tmp_path, ids, degrees):
        table = pq.read_table(embeddings)
        block = ["one"] * len(ids)
        more = _write(tmp_path / "more.parquet", ids, degrees, block=block)
        tables = [table, pq.read_table(more).cast(table.schema)]
        pq.write_table(pa.concat_tables(tables), more)
        return more

    def test_without_news_nothing_changes(self, embeddings, previous, tmp_path):
        flags = ("--threshold=0.9", f"--previous={previous}")
        summary = _group(embeddings, tmp_path / "after.csv", *flags)
        assert _members(tmp_path / "after.csv") == _members(previous)
        assert summary["num_new_products"] == 0
        assert summary["joined_groups"] == []

    def test_new_products_are_placed_and_old_ones_stay(
        self, embeddings, previous, tmp_path
    ):
        # 0 is nearest to (a, b, c), and its id comes first; n is alone.
        more = self._more(embeddings, tmp_path, ["0", "n"], [7, 250])
        flags = ("--threshold=0.9", f"--previous={previous}")
        summary = _group(more, tmp_path / "after.csv", *flags)
        after = _members(tmp_path / "after.csv")
        assert sorted(after["a"]) == ["0", "a", "b", "c"]
        assert after["n"] == ["n"]
        assert summary["num_new_products"] == 2

    def test_groups_that_a_new_product_joins_are_reported(self, tmp_path, capsys):
        before = _write(tmp_path / "v.parquet", ["a", "b"], [0, 40])
        _group(before, tmp_path / "before.csv", "--threshold=0.8")
        assert len(_members(tmp_path / "before.csv")) == 2
        # The new product is near both; with it, the mean of the two groups is enough.
        after = _write(tmp_path / "w.parquet", ["a", "b", "n"], [0, 40, 20])
        flags = ("--threshold=0.8", f"--previous={tmp_path / 'before.csv'}")
        summary = _group(after, tmp_path / "after.csv", *flags)
        assert summary["joined_groups"] == [["a", "b"]]
        assert "Joined: a has taken in b" in capsys.readouterr().out

    def test_products_that_are_gone_are_counted(self, embeddings, previous, tmp_path):
        rest = tmp_path / "rest.parquet"
        pq.write_table(pq.read_table(embeddings).slice(1), rest)
        flags = ("--threshold=0.9", f"--previous={previous}")
        summary = _group(rest, tmp_path / "after.csv", *flags)
        assert summary["num_products_left"] == 1
        assert sorted(_members(tmp_path / "after.csv")["a"]) == ["a", "c"]

    def test_refuses_what_is_no_file_of_groups(self, embeddings, tmp_path):
        (tmp_path / "wrong.csv").write_text("product_id,style\na,1\n")
        flags = ("--threshold=0.9", f"--previous={tmp_path / 'wrong.csv'}")
        with pytest.raises(GroupsError, match="no column 'group_id'; it has"):
            _group(embeddings, tmp_path / "after.csv", *flags)


class TestCommandLine:
    def test_as_a_user_types_it(self, embeddings, tmp_path, run_verb):
        output = tmp_path / "groups.csv"
        flags = (f"--embeddings={embeddings}", f"--output={output}")
        process = run_verb("group", *flags, "--threshold=0.9", tensorflow=False)
        assert process.returncode == 0, process.stderr
        assert process.stdout.startswith("products ")
        assert len(_rows(output)) == 7
        assert {path.name for path in tmp_path.iterdir()} == {
            "vectors.parquet",
            "groups.csv",
            "groups.summary.json",
        }

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (("--threshold=0.5", "--calibrate=x.csv"), "nothing to --calibrate"),
            (("--threshold=1.5",), "must be 'auto', 'expected', or from -1 to 1"),
            (("--color=some",), "--color=some must be 'auto', 'off', or a number"),
            (("--color=nan",), "--color=nan must be 'auto', 'off', or a number"),
            (("--color=2.5",), "--color=2.5 must be 'auto', 'off', or a number"),
            (("--color=-0.1",), "--color=-0.1 must be 'auto', 'off', or a number"),
            (
                ("--color=0.2", "--group_color_weight=0.5"),
                "--group_color_weight is the former name of --color, and both are",
            ),
            (("--answers=a.csv", "--calibrate=b.csv"), "Pass one of them"),
            (("--questions=q.csv",), "--questions names the file for --ask"),
            (("--ask=-1",), "--ask=-1 must be 0 or more"),
            (("--variants=many",), "--variants=many is not one of: unknown, few"),
            (("--threshold=nan",), "must be 'auto', 'expected', or from -1 to 1"),
            (("--threshold=0.5", "--neighbors=0"), "--neighbors=0 must be 1 or more"),
            (("--threshold=0.5", "--max_group_size=1"), "must be 2 or more"),
        ],
    )
    def test_wrong_use(self, flags, message, embeddings, tmp_path, run_verb):
        output = tmp_path / "groups.csv"
        files = (f"--embeddings={embeddings}", f"--output={output}")
        process = run_verb("group", *files, *flags, tensorflow=False)
        assert process.returncode == 2
        assert message in process.stderr
        assert not output.exists()

    def test_an_output_that_is_there(self, embeddings, tmp_path):
        output = tmp_path / "groups.csv"
        output.write_text("precious")
        with pytest.raises(ConfigError, match=r"exists\. Pass --overwrite"):
            _group(embeddings, output, "--threshold=0.9")
        assert output.read_text() == "precious"

    def test_a_format_that_is_not_known(self, embeddings, tmp_path):
        with pytest.raises(ConfigError, match=r"must end in \.csv or \.parquet"):
            _group(embeddings, tmp_path / "groups.xlsx", "--threshold=0.9")

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (("--ask=9", "--questions=q.xlsx"), r"--questions=q\.xlsx must end in"),
            (("--answers=nowhere.csv",), r"--answers=nowhere\.csv: there is no such"),
        ],
    )
    def test_files_that_cannot_be_used(self, flags, message, embeddings, tmp_path):
        with pytest.raises(ConfigError, match=message):
            _group(embeddings, tmp_path / "groups.csv", *flags)
        assert not (tmp_path / "groups.csv").exists()

    def test_embeddings_that_are_not_there(self, tmp_path):
        with pytest.raises(ConfigError, match="there is no such file"):
            _group(tmp_path / "no.parquet", tmp_path / "g.csv", "--threshold=0.9")

    def test_bad_embeddings_leave_nothing(self, tmp_path):
        path = _write(tmp_path / "v.parquet", ["a", "b"], [0, np.nan])
        with pytest.raises(EmbeddingsError, match="products b have a vector with NaN"):
            _group(path, tmp_path / "groups.csv", "--threshold=0.9")
        assert [file.name for file in tmp_path.iterdir()] == ["v.parquet"]
