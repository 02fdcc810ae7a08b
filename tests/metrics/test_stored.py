"""Figures of vectors and groups that are there already."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv_tf import evaluate
from cv_tf.config import ConfigError, EvaluationSettings
from cv_tf.embeddings import Embeddings
from cv_tf.evaluate import EvaluateConfig, settings_of
from cv_tf.grouping import (
    GroupsError,
    calibration,
    find_groups,
    find_neighbors,
    groups,
    read_copies,
    read_groups,
    write_groups,
)
from cv_tf.metrics import (
    ProductResults,
    StoredGroups,
    evaluation,
    grouping_figures,
    match_truth,
    retrieval_figures,
    stored_figures,
)

SETTINGS = EvaluationSettings()
# On a circle: a1 and a2 are near, b1 and b2 farther, c is between a and b.
DEGREES = {"a1": 0, "a2": 10, "c": 32, "b1": 60, "b2": 90, "far": 200}
LABELS = {"a1": "A", "a2": "A", "b1": "B", "b2": "B", "c": "C", "far": ""}


def embeddings_of(degrees=DEGREES, lab=None, blocks=None):
    angles = np.radians(list(degrees.values()))
    number = len(degrees)
    return Embeddings(
        name="some.parquet",
        product_id=np.array(list(degrees), object),
        vectors=np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32),
        block=np.zeros(number, np.int32) if blocks is None else np.array(blocks),
        block_names=("all",),
        image=np.full(number, "", object),
        lab=lab,
    )


def measure(embeddings, labels=LABELS, groups=None, **settings):
    truth = match_truth(labels, "labels.csv", embeddings)
    settings = dataclasses.replace(SETTINGS, **settings)
    return stored_figures(truth, embeddings, groups, settings)


class TestVectors:
    def test_by_hand(self):
        """Of a1, a2, b1 and b2, the first two find their variant first; c is not asked.

        b1 is 28 degrees from c and 30 from b2; b2 is nearest to b1.
        """
        figures = measure(embeddings_of(), threshold="0.9")
        assert figures["recall_at_1"] == 0.75
        assert figures["map_at_r"] == 0.75
        assert figures["recall_at_5"] == 1
        assert figures["num_queries"] == 4
        assert figures["num_products"] == 6
        assert figures["num_labelled"] == 5
        # cos 10 = 0.985 joins a1 and a2. c is near a2 (cos 22 = 0.927), but not near
        # both on average (0.888); the cosines of 28 and 30 degrees are below 0.9.
        assert figures["threshold"] == 0.9
        assert figures["num_groups_predicted"] == 1
        assert figures["cgacc"] == 0.5
        assert figures["pairwise_precision"] == 1
        assert figures["pairwise_recall"] == 0.5

    def test_the_best_threshold_stands_beside(self):
        """Below cos 30, b1 joins c first, so that both groups are never had."""
        figures = measure(embeddings_of(), threshold="-1", neighbors=5)
        assert figures["pairwise_recall"] == 1
        assert figures["pairwise_precision"] < 0.5
        best = figures["at_best_threshold"]
        assert best["pairwise_precision"] == 1
        assert best["pairwise_recall"] == 0.5
        assert 0.888 < best["threshold"] < 0.985

    def test_products_without_a_label_are_found_but_never_asked(self):
        labels = {**LABELS, "c": ""}
        figures = measure(embeddings_of(), labels)
        assert figures["recall_at_1"] == 0.75  # c still comes first for b1.
        assert figures["num_labelled"] == 4

    def test_labels_of_a_split_leave_the_others_as_candidates(self):
        only_b = {"b1": "B", "b2": "B"}
        figures = measure(embeddings_of(), only_b)
        assert figures["num_queries"] == 2
        assert figures["recall_at_1"] == 0.5
        assert figures["num_products"] == 6

    def test_in_block(self):
        figures = measure(embeddings_of(blocks=[0, 0, 1, 0, 0, 0]))
        assert figures["recall_at_1"] == 0.75
        assert figures["recall_at_1_in_block"] == 1

    def test_variants_in_other_blocks_leave_no_best_threshold(self):
        figures = measure(embeddings_of(blocks=[0, 1, 0, 0, 1, 0]))
        assert "at_best_threshold" not in figures
        assert figures["recall_at_1"] == 0.75
        assert figures["recall_at_1_in_block"] == figures["pairwise_recall"] == 0

    def test_with_color(self):
        """c has the color of b1, so that b2 comes first where color counts."""
        red, blue = [50, 60, 40], [40, 20, -60]
        lab = np.float32([red, blue, red, red, blue, blue])
        figures = measure(embeddings_of(lab=lab))
        assert figures["recall_at_1"] == 0.75
        assert figures["recall_at_1_with_color"] == 1
        assert "recall_at_1_with_color" not in measure(embeddings_of())
        ignored = measure(embeddings_of(lab=lab), color="off")
        assert ignored["recall_at_1_with_color"] == 0.75
        groups = measure(embeddings_of(lab=lab), threshold="0.86", neighbors=5)
        assert groups["cgacc"] == 1  # c is 0.5 less similar to b1.
        plain = measure(
            embeddings_of(lab=lab), threshold="0.86", neighbors=5, color="off"
        )
        assert plain["cgacc"] == 0.5

    def test_neighbors_are_found_once(self, monkeypatch):
        searches = []

        def count(*arguments):
            searches.append(arguments)
            return find_neighbors(*arguments)

        monkeypatch.setattr(evaluation, "find_neighbors", count)
        for module in (calibration, groups):
            monkeypatch.delattr(module, "find_neighbors")
        assert "at_best_threshold" in measure(embeddings_of())
        assert len(searches) == 1

    def test_random_ones_are_as_the_functions_say(self):
        generator = np.random.default_rng(0)
        styles = generator.integers(40, size=100)
        vectors = generator.normal(size=(40, 16))[styles]
        vectors += 0.5 * generator.normal(size=vectors.shape)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        ids = [f"p{row}" for row in range(100)]
        embeddings = dataclasses.replace(
            embeddings_of(dict.fromkeys(ids, 0)), vectors=vectors.astype(np.float32)
        )
        labels = dict(zip(ids, map(str, styles), strict=True))
        figures = measure(embeddings, labels)
        expected = retrieval_figures(dataclasses.replace(embeddings, style=styles))
        assert figures.items() >= expected.items()
        assert figures["at_best_threshold"]["pairwise_f1"] >= figures["pairwise_f1"]


class TestGroups:
    def test_as_they_are(self):
        groups = StoredGroups(
            {"a1": "x", "a2": "x", "b1": "y", "c": "y", "b2": "z", "far": "x"},
            None,
            "groups.csv",
        )
        figures = measure(embeddings_of(), groups=groups)
        expected = grouping_figures([0, 0, 1, 2, 3], [0, 0, 1, 1, 2])
        numbers, styles = [0, 0, 1, 1, 2], [0, 0, 1, 2, 1]
        expected = grouping_figures(np.array(numbers), np.array(styles))
        assert figures.items() >= expected.items()
        assert "threshold" not in figures
        assert figures["at_best_threshold"]["pairwise_recall"] == 0.5

    def test_without_vectors(self):
        truth = match_truth(LABELS, "labels.csv", None)
        groups = StoredGroups(dict.fromkeys(LABELS, "x"), 0.5, "groups.csv")
        figures = stored_figures(truth, None, groups, SETTINGS)
        assert figures["pairwise_recall"] == 1
        assert figures["threshold"] == 0.5
        assert "recall_at_1" not in figures
        assert "at_best_threshold" not in figures

    def test_a_labelled_product_without_a_group_is_alone(self, caplog):
        groups = StoredGroups({"a1": "x", "b1": "y", "b2": "y"}, None, "groups.csv")
        truth = match_truth(LABELS, "labels.csv", None)
        figures = stored_figures(truth, None, groups, SETTINGS)
        assert figures["pairwise_recall"] == 0.5
        assert figures["pairwise_precision"] == 1

    def test_of_other_products(self):
        truth = match_truth(LABELS, "labels.csv", None)
        groups = StoredGroups({"A1": "x"}, None, "groups.csv")
        with pytest.raises(GroupsError, match=r"None of the labelled .* groups\.csv"):
            stored_figures(truth, None, groups, SETTINGS)


class TestTruth:
    def test_no_product_in_common(self):
        with pytest.raises(
            GroupsError, match=r"no product in common: ids are such as '1' and 'a1'"
        ):
            match_truth({"1": "A", "2": "A"}, "labels.csv", embeddings_of())

    @pytest.mark.parametrize("labels", [{"a1": "A", "b1": "B"}, {"a1": "", "b1": ""}])
    def test_nothing_to_measure(self, labels):
        with pytest.raises(GroupsError, match=r"No two products .* share a style_id"):
            match_truth(labels, "labels.csv", embeddings_of())

    def test_labels_without_a_vector_are_counted(self):
        figures = measure(embeddings_of(), {**LABELS, "b3": "B"})
        assert figures["num_labels_without_vector"] == 1
        assert figures["num_queries"] == 4


def write_vectors(path, products):
    columns = {"product_id": list(products.product_id)}
    columns["embedding"] = products.vectors.tolist()
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def files(tmp_path):
    """Flags of a stored evaluation, with a file of each kind."""
    write_vectors(tmp_path / "some.parquet", embeddings_of())
    rows = [f"{product},{style},train" for product, style in LABELS.items()]
    rows[-1] = "far,F,test"
    (tmp_path / "labels.csv").write_text(
        "\n".join(["product_id,style_id,split", *rows])
    )
    groups = [f"{product},{product[0]}" for product in LABELS]
    (tmp_path / "groups.csv").write_text("\n".join(["product_id,group_id", *groups]))
    return (
        f"--embeddings={tmp_path}/some.parquet",
        f"--labels={tmp_path}/labels.csv",
        f"--groups={tmp_path}/groups.csv",
    )


class TestVerb:
    def test_as_a_user_types_it(self, files, run_verb, tmp_path):
        output, page = tmp_path / "figures.json", tmp_path / "page.html"
        process = run_verb(
            "evaluate",
            *files[:2],
            f"--output={output}",
            f"--page={page}",
            tensorflow=False,
        )
        assert process.returncode == 0, process.stderr
        figures = json.loads(output.read_text())
        labels = {**LABELS, "far": "F"}
        intervals = figures.pop("intervals")
        assert figures == measure(embeddings_of(), labels)
        assert intervals["recall_at_1"] == {"low": 0.5, "high": 1}
        lines = [line.split() for line in process.stdout.strip().split("\n")]
        assert lines[0] == ["stored", "95%", "interval", "best", "threshold"]
        assert ["recall@1", "0.750", "0.500", "to", "1.000", "-"] in lines
        assert "guessed from the products themselves" in process.stdout
        assert "The vectors of some.parquet, on 6 products" in page.read_text()

    def test_groups_with_their_threshold(self, files, tmp_path):
        (tmp_path / "groups.summary.json").write_text('{"threshold": 0.25}')
        figures = evaluate.run(settings_of(["evaluate", *files]))
        assert figures["threshold"] == 0.25
        assert figures["cgacc"] == 1
        alone = evaluate.run(settings_of(["evaluate", *files[1:]]))
        assert alone["cgacc"] == 1
        assert "recall_at_1" not in alone

    def test_leaves_the_results_of_each_product(self, files, tmp_path):
        path = tmp_path / "queries.parquet"
        figures = evaluate.run(settings_of(["", *files[:2], f"--queries={path}"]))
        results = ProductResults.read(path, "")
        assert results.product_id.tolist() == list(DEGREES)
        assert results.intervals() == figures["intervals"]
        with pytest.raises(ConfigError, match=r"queries.parquet' exists\. Pass --over"):
            evaluate.run(settings_of(["", *files[:2], f"--queries={path}"]))

    def test_beside_a_baseline(self, files, run_verb, tmp_path):
        """In the baseline b2 is near b1, one product is missing, and one is new."""
        degrees = {**DEGREES, "b2": 75, "more": 140}
        del degrees["c"]
        other = write_vectors(tmp_path / "old.parquet", embeddings_of(degrees))
        output, page = tmp_path / "figures.json", tmp_path / "page.html"
        process = run_verb(
            "evaluate",
            *files[:2],
            f"--baseline={other}",
            f"--output={output}",
            f"--page={page}",
            tensorflow=False,
        )
        assert process.returncode == 0, process.stderr
        assert (
            "Compared on the 5 products that both have. 1 of some.parquet and 1 of "
            "old.parquet are left out."
        ) in process.stdout
        assert "2 of their styles have variants. Of fewer" in process.stdout
        lines = [line.split() for line in process.stdout.strip().split("\n")]
        assert lines[0][:3] == ["measured", "baseline", "difference"]
        cells = ["recall@1", "1.000", "1.000", "+0.000", "+0.000", "to", "+0.000"]
        assert [*cells, "level"] in lines
        figures = json.loads(output.read_text())
        assert figures["num_products"] == 5
        assert figures["baseline"]["num_products"] == 5
        # c, which is nearer to b1, is not in the baseline.
        assert figures["recall_at_1"] == 1
        assert figures["num_labels_without_vector"] == 1
        assert figures["differences"]["recall_at_1"]["value"] == 0
        assert figures["intervals"]["recall_at_1"] == {"low": 1, "high": 1}
        assert "on 5 products" in page.read_text()

    def test_groups_beside_a_baseline(self, files, tmp_path, capsys):
        groups = [f"{product},{product}" for product in LABELS]
        path = tmp_path / "old.csv"
        path.write_text("\n".join(["product_id,group_id", *groups]))
        flags = (*files[1:], f"--baseline_groups={path}")
        figures = evaluate.run(settings_of(["", *flags]))
        assert figures["differences"]["pairwise_recall"]["value"] == 1
        assert "better: " in capsys.readouterr().out.lower()
        both = (files[0], f"--baseline={files[0].split('=')[1]}", *flags)
        figures = evaluate.run(settings_of(["", *both]))
        assert figures["differences"]["recall_at_1"]["value"] == 0
        assert figures["differences"]["pairwise_recall"]["value"] == 1

    def test_a_baseline_of_other_products(self, files, tmp_path):
        degrees = {f"x{name}": of for name, of in DEGREES.items()}
        other = write_vectors(tmp_path / "old.parquet", embeddings_of(degrees))
        flags = (*files[:2], f"--baseline={other}")
        with pytest.raises(GroupsError, match=r"in common: ids .* 'a1' and 'xa1'"):
            evaluate.run(settings_of(["", *flags]))

    def test_vectors_and_groups_of_other_products(self, files, tmp_path):
        path = tmp_path / "old.csv"
        path.write_text("product_id,group_id\nx1,g\nx2,g\n")
        vectors = files[0].split("=")[1]
        flags = (*files, f"--baseline={vectors}", f"--baseline_groups={path}")
        message = r"some\.parquet and old\.csv have no product in common\. Pass"
        with pytest.raises(GroupsError, match=message):
            evaluate.run(settings_of(["", *flags]))

    def test_at_a_given_threshold(self, files, capsys):
        figures = evaluate.run(settings_of(["", *files[:2], "--threshold=-1"]))
        assert figures["threshold"] == -1
        assert "those at --threshold=-1." in capsys.readouterr().out

    def test_labels_of_one_split(self, files):
        flags = ["evaluate", *files[:2], "--labels_split=train"]
        assert evaluate.run(settings_of(flags))["num_labelled"] == 5

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            ({"embeddings": "a"}, "--labels is not set"),
            ({"labels": "a"}, "Pass --embeddings or --groups"),
            ({"embeddings": "a", "labels": "b", "workdir": "c"}, "--workdir is for"),
            ({"groups": "a", "labels": "b", "catalog": "c"}, "--catalog is for"),
            ({"groups": "a", "labels": "b", "page": "c.html"}, "needs --embeddings"),
            ({"baseline": "a"}, "Pass --embeddings as well"),
            ({"workdir": "a", "baseline_groups": "b"}, "Pass --groups as well"),
            (
                {"embeddings": "a", "baseline": "b", "groups": "c", "labels": "d"},
                "Pass --baseline and --baseline_groups, or leave one",
            ),
            (
                {"embeddings": "a", "baseline": "b", "answers": ("c",)},
                "pass these, and no --answers",
            ),
        ],
    )
    def test_flags_that_do_not_go_together(self, flags, message):
        with pytest.raises(ConfigError, match=message):
            EvaluateConfig(**flags)

    def test_a_file_that_is_not_there(self, files):
        flags = ["evaluate", "--embeddings=nowhere.parquet", files[1]]
        with pytest.raises(ConfigError, match=r"--embeddings=nowhere\.parquet: there"):
            evaluate.run(settings_of(flags))


OF_COPIES = {"a": "A", "a copy": "A", "b": "A", "c": "C", "c copy": "C", "d": "C"}


class TestCopiesOfGroups:
    @staticmethod
    def figures(copy_of, labels=None):
        found = {"a": "1", "a copy": "1", "b": "2", "c": "3", "c copy": "3", "d": "3"}
        truth = match_truth(labels or OF_COPIES, "labels.csv", None)
        groups = StoredGroups(found, None, "groups.csv", copy_of)
        return stored_figures(truth, None, groups, SETTINGS)

    def test_count_once(self):
        figures = self.figures({"a copy": "a", "c copy": "c"})
        assert figures["pairwise_recall"] == 0.5
        assert figures["pairwise_precision"] == 1
        assert figures["num_copies"] == 2
        assert "num_copies" not in self.figures({})

    @pytest.mark.parametrize("first", ["a", "left the catalogue"])
    def test_of_a_first_product_without_a_label(self, first):
        labels = OF_COPIES | {first: ""}
        copy_of = {"a copy": first, "a": first, "c copy": "c"}
        copy_of.pop(first, None)
        figures = self.figures(copy_of, labels)
        assert figures["pairwise_recall"] == 0.5

    def test_of_two_styles_all_count(self):
        labels = {"a": "A", "a copy": "B", "b": "A", "c": "B"}
        assert "num_copies" not in self.figures({"a copy": "a"}, labels)

    def test_nothing_but_copies_is_measured(self):
        labels = {"a": "A", "a copy": "A", "c": "C"}
        assert self.figures({"a copy": "a"}, labels)["pairwise_recall"] == 1

    def test_figures_are_those_with_embeddings(self, tmp_path):
        degrees = DEGREES | {"a0": 0, "b0": 60, "far0": 200}
        labels = LABELS | {"a0": "A", "b0": "", "far0": ""}
        embeddings = embeddings_of(degrees)
        path = tmp_path / "groups.csv"
        write_groups(path, find_groups(embeddings, threshold=0.9))
        groups = StoredGroups(
            read_groups(str(path)), None, "groups.csv", read_copies(str(path))
        )
        truth = match_truth(labels, "labels.csv", None)
        alone = stored_figures(truth, None, groups, SETTINGS)
        both = measure(embeddings, labels, groups)
        for name in ("cgacc", "ari", "fms", "nmi", "pairwise_f1"):
            assert alone[name] == both[name]
        assert alone["num_copies"] == 1
