"""python -m cv_tf.group that asks questions, and learns from their answers."""

import csv
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv_tf.answers import Answer, AnswersError, AnswerStore
from cv_tf.command import parse_flags
from cv_tf.config import ConfigError
from cv_tf.group import GroupConfig, run


def group(embeddings, output, *flags):
    flags = [f"--embeddings={embeddings}", f"--output={output}", *flags]
    return run(parse_flags(GroupConfig, ["group", *map(str, flags)]))


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """120 pairs of variants, another two of each that only look alike, with colors."""
    random = np.random.default_rng(0)
    family = random.standard_normal((120, 24)).repeat(4, axis=0)
    design = family.copy()
    design[2::4] += 0.7 * random.standard_normal((120, 24))
    design[3::4] = design[2::4]
    vectors = design + 0.3 * random.standard_normal(design.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"p{row:03d}" for row in range(480)]
    lab = random.uniform([10, -40, -40], [90, 40, 40], (480, 3)).astype(np.float32)
    path = tmp_path_factory.mktemp("catalog") / "vectors.parquet"
    table = {
        "product_id": ids,
        "image": [f"{name}.jpg" for name in ids],
        "embedding": list(vectors.astype(np.float32)),
        "lab": pa.array(lab.tolist(), pa.list_(pa.float32(), 3)),
    }
    pq.write_table(pa.table(table), path)
    return path


def style(product):
    return int(product[1:]) // 2


def fill_in(path):
    """Answers the questions of a file as somebody would who knows."""
    rows = rows_of(path)
    for row in rows:
        alike = style(row["product_a"]) == style(row["product_b"])
        row["same"] = "yes" if alike else "no"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def figures(path):
    """Precision and recall of the groups of a file."""
    rows = rows_of(path)
    groups = np.array([row["group_id"] for row in rows])
    styles = np.array([style(row["product_id"]) for row in rows])
    grouped = np.triu(groups[:, None] == groups, 1)
    right = (grouped & (styles[:, None] == styles)).sum()
    return right / grouped.sum(), right / 240


@pytest.fixture(scope="module")
def asked(catalog, tmp_path_factory):
    """What a guess gives, and the questions that it asks: a folder, and the summary."""
    folder = tmp_path_factory.mktemp("asked")
    summary = group(catalog, folder / "groups.csv", "--ask=50")
    return folder, summary


@pytest.fixture(scope="module")
def answered(catalog, asked, tmp_path_factory):
    """The file of answers, the groups that they lead to, and the summary."""
    folder = tmp_path_factory.mktemp("answered")
    answers = folder / "answers.csv"
    answers.write_text((asked[0] / "groups.questions.csv").read_text())
    fill_in(answers)
    output = folder / "groups.csv"
    return answers, output, group(catalog, output, f"--answers={answers}")


class TestAsk:
    def test_writes_so_many_questions_beside_the_groups(self, asked):
        folder, _ = asked
        rows = rows_of(folder / "groups.questions.csv")
        assert len(rows) == 50
        columns = ["product_a", "product_b", "same", "image_a", "image_b"]
        assert list(rows[0]) == columns
        for row in rows:
            assert row["same"] == ""
            assert row["product_a"] != row["product_b"]
            assert row["image_a"] == f"{row['product_a']}.jpg"
            assert row["image_b"] == f"{row['product_b']}.jpg"
        pairs = {frozenset((row["product_a"], row["product_b"])) for row in rows}
        assert len(pairs) == 50

    def test_changes_no_group(self, catalog, asked, tmp_path):
        group(catalog, tmp_path / "groups.csv")
        text = (tmp_path / "groups.csv").read_text()
        assert text == (asked[0] / "groups.csv").read_text()
        assert not (tmp_path / "groups.questions.csv").exists()

    def test_says_where_they_are_and_what_to_do(self, catalog, tmp_path, capsys):
        path = tmp_path / "questions.parquet"
        flags = ("--ask=7", f"--questions={path}")
        group(catalog, tmp_path / "groups.csv", *flags)
        printed = capsys.readouterr().out
        assert f"7 questions are in '{path}'" in printed
        assert f"--answers={path}" in printed
        assert pq.read_table(path).num_rows == 7

    def test_says_that_there_are_no_more(self, catalog, tmp_path, capsys):
        group(catalog, tmp_path / "groups.csv", "--ask=100000")
        number = len(rows_of(tmp_path / "groups.questions.csv"))
        expected = f"{number} questions are in '{tmp_path / 'groups.questions.csv'}' "
        assert f"{expected}(there are no more). Fill in" in capsys.readouterr().out

    def test_says_that_there_is_nothing_to_ask(self, tmp_path, capsys):
        table = {"product_id": ["a", "b"], "embedding": [[1.0, 0.0], [0.0, 1.0]]}
        pq.write_table(pa.table(table), tmp_path / "two.parquet")
        group(tmp_path / "two.parquet", tmp_path / "groups.csv", "--ask=3")
        assert rows_of(tmp_path / "groups.questions.csv") == []
        printed = capsys.readouterr().out
        assert "There is nothing to ask" in printed
        assert "Fill in" not in printed

    def test_parquet_of_groups_has_parquet_of_questions(self, catalog, tmp_path):
        group(catalog, tmp_path / "groups.parquet", "--ask=3")
        assert pq.read_table(tmp_path / "groups.questions.parquet").num_rows == 3

    def test_replaces_nothing_unasked(self, catalog, tmp_path):
        questions = tmp_path / "groups.questions.csv"
        questions.write_text("filled in by hand")
        with pytest.raises(ConfigError, match=r"exists\. Pass --overwrite"):
            group(catalog, tmp_path / "groups.csv", "--ask=3")
        assert questions.read_text() == "filled in by hand"
        assert not (tmp_path / "groups.csv").exists()
        group(catalog, tmp_path / "groups.csv", "--ask=3", "--overwrite")
        assert len(rows_of(questions)) == 3

    def test_never_replaces_answers_of_this_very_call(
        self, catalog, answered, tmp_path
    ):
        path = tmp_path / "groups.questions.csv"
        path.write_text(answered[0].read_text())
        flags = (f"--answers={path}", "--ask=3", "--overwrite")
        with pytest.raises(ConfigError, match="would replace"):
            group(catalog, tmp_path / "groups.csv", *flags)
        assert path.read_text() == answered[0].read_text()
        flags = ("--ask=3", f"--questions={tmp_path / 'groups.csv'}")
        with pytest.raises(ConfigError, match="would replace the file of --output"):
            group(catalog, tmp_path / "groups.csv", *flags)

    @pytest.mark.parametrize("flag", ["answers", "calibrate", "embeddings", "labels"])
    @pytest.mark.parametrize("output", ["--output", "--questions"])
    def test_no_output_replaces_what_is_read(self, output, flag, catalog, tmp_path):
        """Hours of work of somebody may be in there."""
        path = tmp_path / ("my.parquet" if flag == "embeddings" else "mine.csv")
        path.write_bytes(catalog.read_bytes() if flag == "embeddings" else b"mine")
        before = path.read_bytes()
        others = {"embeddings": catalog, "output": tmp_path / "groups.csv"}
        others |= {flag: path, output[2:]: path, "ask": 3}
        if flag == "labels":
            others["page"] = tmp_path / "page.html"
        flags = [f"--{name}={value}" for name, value in others.items()]
        settings = parse_flags(GroupConfig, ["group", "--overwrite", *flags])
        expected = f"{output}=.* would replace the file of --{flag}"
        with pytest.raises(ConfigError, match=expected):
            run(settings)
        assert path.read_bytes() == before

    def test_no_question_replaces_another_table_of_the_run(self, catalog, tmp_path):
        output, previous = tmp_path / "groups.csv", tmp_path / "before.csv"
        group(catalog, previous)
        flags = ("--ask=3", "--overwrite", f"--previous={previous}")
        for path, what in (
            (previous, "--previous"),
            (tmp_path / "groups.threshold.csv", "the thresholds"),
        ):
            with pytest.raises(ConfigError, match=f"replace the file of {what}"):
                group(catalog, output, *flags, f"--questions={path}")
        # The groups of an earlier run may give way to those of this one.
        group(catalog, previous, *flags)
        assert rows_of(previous)

    def test_asks_nothing_twice(self, catalog, answered, tmp_path):
        flags = (f"--answers={answered[0]}", "--ask=60")
        group(catalog, tmp_path / "groups.csv", *flags)
        before, now = (
            {frozenset((row["product_a"], row["product_b"])) for row in rows_of(path)}
            for path in (answered[0], tmp_path / "groups.questions.csv")
        )
        assert now
        assert not before & now

    def test_answers_that_are_filled_in_are_not_replaced(self, catalog, tmp_path):
        output = tmp_path / "groups.csv"
        group(catalog, output, "--ask=5")
        group(catalog, output, "--ask=5", "--overwrite")  # Nobody has answered yet.
        questions = tmp_path / "groups.questions.csv"
        fill_in(questions)
        before = questions.read_bytes()
        with pytest.raises(ConfigError, match="would replace answers"):
            group(catalog, output, "--ask=5", "--overwrite")
        assert questions.read_bytes() == before


class TestAnswers:
    def test_the_threshold_is_learned(self, asked, answered):
        _, guess = asked
        answers, _, summary = answered
        assert guess["threshold_source"] == "guessed from the products themselves"
        assert summary["threshold_source"] == "answers"
        assert guess["num_answers"] == 0
        assert summary["num_answers"] == len(rows_of(answers)) == 50
        assert summary["threshold"] != guess["threshold"]
        assert summary == json.loads(
            answers.with_name("groups.summary.json").read_text()
        )

    def test_several_files_and_stores_are_one(self, catalog, answered, tmp_path):
        rows = rows_of(answered[0])
        half = tmp_path / "first, half.csv"
        with half.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows[:25])
        with AnswerStore(tmp_path / "rest.sqlite") as store:
            for row in rows[25:]:
                pair = (row["product_a"],), (row["product_b"],)
                sets = (0, 0 if row["same"] == "yes" else -1)
                store.add(Answer("pair", *pair, sets, "Ann"))
        flag = f"--answers={half},{tmp_path / 'rest.sqlite'}"
        summary = group(catalog, tmp_path / "groups.csv", flag)
        assert summary == answered[2]
        text = (tmp_path / "groups.csv").read_text()
        assert text == answered[1].read_text()

    @pytest.mark.parametrize("of", ["{0},{1}/none.csv", "{0},", "{0},{1}"])
    def test_each_file_must_be_there(self, of, catalog, answered, tmp_path):
        flag = f"--answers={of.format(answered[0], tmp_path)}"
        expected = r"no such file|empty entry|is a folder"
        with pytest.raises(ConfigError, match=expected):
            group(catalog, tmp_path / "groups.csv", flag)

    def test_groups_are_better(self, asked, answered):
        before, after = (
            2 / sum(1 / figure for figure in figures(path))
            for path in (asked[0] / "groups.csv", answered[1])
        )
        assert after > before + 0.02

    def test_more_is_known_and_it_is_true(self, asked, answered):
        expected = answered[2]["expected"]["precision"]
        precision, _ = figures(answered[1])
        assert expected["low"] <= precision <= expected["high"]
        known, learned = asked[1]["pair_model"], answered[2]["pair_model"]
        assert learned["middle_deviation"] < known["middle_deviation"]

    def test_a_precision_is_reached_as_far_as_answers_tell(
        self, catalog, answered, tmp_path
    ):
        flags = (f"--answers={answered[0]}", "--precision=0.8")
        summary = group(catalog, tmp_path / "groups.csv", *flags)
        assert summary["expected"]["precision"]["estimate"] >= 0.78
        precision, _ = figures(tmp_path / "groups.csv")
        assert precision > 0.65
        assert summary["threshold"] > answered[2]["threshold"]

    def test_nothing_is_called_a_guess(self, catalog, answered, tmp_path, capsys):
        group(catalog, tmp_path / "groups.csv", f"--answers={answered[0]}")
        printed = capsys.readouterr().out
        assert "guess" not in printed
        assert "precision to expect" in printed

    def test_color_may_be_ignored_all_the_same(self, catalog, answered, tmp_path):
        for flag in ("--color=off", "--group_color_weight=0"):
            flags = (f"--answers={answered[0]}", flag, "--overwrite")
            summary = group(catalog, tmp_path / "groups.csv", *flags)
            assert summary["color_discount"] == 0
            assert summary["pair_model"]["color"] == 0
            assert summary["num_answers"] == 50

    def test_the_discount_for_color_is_learned_unless_it_is_given(
        self, catalog, asked, answered, tmp_path
    ):
        assert answered[2]["color_discount"] != asked[1]["color_discount"]
        flags = (f"--answers={answered[0]}", "--color=0.3")
        summary = group(catalog, tmp_path / "groups.csv", *flags)
        assert summary["color_discount"] == pytest.approx(0.3)

    def test_a_given_threshold_stays(self, catalog, answered, tmp_path):
        """The answers then say what to expect of it."""
        flags = (f"--answers={answered[0]}", "--threshold=0.6")
        summary = group(catalog, tmp_path / "groups.csv", *flags)
        assert summary["threshold"] == 0.6
        assert summary["threshold_source"] == "--threshold"
        assert summary["num_answers"] == 50
        precision = summary["expected"]["precision"]
        found, _ = figures(tmp_path / "groups.csv")
        assert precision["low"] <= found <= precision["high"]

    def test_open_questions_alone_are_no_answers(self, catalog, asked, tmp_path):
        questions = asked[0] / "groups.questions.csv"
        with pytest.raises(AnswersError, match="has no answers"):
            group(catalog, tmp_path / "groups.csv", f"--answers={questions}")
        assert not (tmp_path / "groups.csv").exists()


class TestPrevious:
    """A run on an earlier one keeps what that has learned."""

    def test_threshold_and_discount_are_kept(self, catalog, answered, tmp_path):
        _, output, earlier = answered
        summary = group(catalog, tmp_path / "after.csv", f"--previous={output}")
        assert summary["threshold"] == earlier["threshold"]
        assert summary["threshold_source"] == "the earlier run"
        assert summary["color_discount"] == pytest.approx(earlier["color_discount"])
        again = f"--previous={tmp_path / 'after.csv'}"
        third = group(catalog, tmp_path / "third.csv", again)
        assert third["threshold"] == earlier["threshold"]
        assert third["color_discount"] == pytest.approx(earlier["color_discount"])

    def test_groups_are_those_of_before(self, catalog, answered, tmp_path):
        group(catalog, tmp_path / "after.csv", f"--previous={answered[1]}")
        before, after = (
            {row["product_id"]: row["group_id"] for row in rows_of(path)}
            for path in (answered[1], tmp_path / "after.csv")
        )
        assert after == before

    def test_new_products_are_placed_as_they_would_have_been(
        self, catalog, answered, tmp_path
    ):
        """With the threshold, the discount that it was of."""
        table = pq.read_table(catalog)
        pq.write_table(table.slice(1), tmp_path / "without.parquet")
        kept = [row for row in rows_of(answered[1]) if row["product_id"] != "p000"]
        with (tmp_path / "before.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(kept[0]))
            writer.writeheader()
            writer.writerows(kept)
        summary = answered[1].with_name("groups.summary.json").read_text()
        (tmp_path / "before.summary.json").write_text(summary)
        previous = f"--previous={tmp_path / 'before.csv'}"
        group(catalog, tmp_path / "after.csv", previous)
        names = {
            row["product_id"]: row["group_id"]
            for row in rows_of(tmp_path / "after.csv")
        }
        whole = {row["product_id"]: row["group_id"] for row in rows_of(answered[1])}
        assert (names["p000"] == names["p001"]) == (whole["p000"] == whole["p001"])

    @pytest.mark.parametrize("color", ["off", "0.3"])
    def test_a_given_discount_is_kept_and_may_be_given_again(
        self, color, catalog, tmp_path
    ):
        before = tmp_path / "before.csv"
        earlier = group(catalog, before, f"--color={color}")
        for name, flags in (("silent", ()), ("again", (f"--color={color}",))):
            previous = f"--previous={before}"
            summary = group(catalog, tmp_path / f"{name}.csv", previous, *flags)
            assert summary["threshold"] == earlier["threshold"], name
            discount = pytest.approx(0.0 if color == "off" else 0.3)
            assert summary["color_discount"] == discount

    @pytest.mark.parametrize(
        "text",
        [
            "",
            '{"threshold": 0.5',
            '["color_discount"]',
            '{"model": "", "color_discount": 0.1}',
            '{"model": "", "color_discount": 0.1, "threshold": null}',
            '{"model": "", "color_discount": 0.1, "threshold": NaN}',
            '{"model": "", "color_discount": 0.1, "threshold": 7}',
            '{"model": "", "color_discount": "much", "threshold": 0.5}',
        ],
    )
    def test_a_damaged_summary_is_named(self, text, catalog, tmp_path):
        before = tmp_path / "before.csv"
        before.write_text("product_id,group_id\np000,p000\n")
        (tmp_path / "before.summary.json").write_text(text)
        with pytest.raises(ConfigError, match=r"before\.summary\.json' cannot be read"):
            group(catalog, tmp_path / "after.csv", f"--previous={before}")
        flags = (f"--previous={before}", "--threshold=0.6")
        assert group(catalog, tmp_path / "after.csv", *flags)["threshold"] == 0.6

    def test_a_threshold_of_vectors_that_are_longer_than_1_is_kept(
        self, catalog, tmp_path
    ):
        before = tmp_path / "before.csv"
        before.write_text("product_id,group_id\np000,p000\n")
        summary = {"model": "", "color_discount": 0.1, "threshold": 1.01}
        (tmp_path / "before.summary.json").write_text(json.dumps(summary))
        after = group(catalog, tmp_path / "after.csv", f"--previous={before}")
        assert after["threshold"] == 1.01

    def test_another_discount_asks_for_another_threshold(self, catalog, tmp_path):
        before = tmp_path / "before.csv"
        earlier = group(catalog, before, "--color=off")
        flags = (f"--previous={before}", "--color=0.3")
        summary = group(catalog, tmp_path / "after.csv", *flags)
        assert summary["threshold_source"] == "guessed from the products themselves"
        assert summary["threshold"] != earlier["threshold"]

    def test_answers_are_newer_than_an_earlier_run(self, catalog, answered, tmp_path):
        before = tmp_path / "before.csv"
        group(catalog, before, "--threshold=0.99")
        flags = (f"--previous={before}", f"--answers={answered[0]}")
        summary = group(catalog, tmp_path / "after.csv", *flags)
        assert summary["threshold_source"] == "answers"
        assert summary["threshold"] < 0.9

    def test_former_groups_do_not_hide_what_is_expected(
        self, catalog, answered, tmp_path
    ):
        flags = (f"--previous={answered[1]}",)
        summary = group(catalog, tmp_path / "after.csv", *flags)
        of = summary["expected"]["precision"]
        assert 0 <= of["low"] <= of["estimate"] <= of["high"] <= 1
        assert all(np.isfinite(list(of.values())))


def test_a_hint_moves_the_threshold_and_gives_way_to_answers(
    catalog, asked, answered, tmp_path
):
    few, most = (
        group(catalog, tmp_path / f"{hint}.csv", f"--variants={hint}")
        for hint in ("few", "most")
    )
    assert few["threshold"] > most["threshold"]
    of_few, of_most = (
        len(set(column(tmp_path / f"{hint}.csv"))) for hint in ("few", "most")
    )
    assert of_few > of_most
    flags = (f"--answers={answered[0]}", "--variants=few")
    both = group(catalog, tmp_path / "both.csv", *flags)
    distance = abs(both["threshold"] - answered[2]["threshold"])
    assert distance < abs(few["threshold"] - asked[1]["threshold"]) + 0.05


def column(path, name="group_id"):
    return [row[name] for row in rows_of(path)]
