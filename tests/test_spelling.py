"""Ids that match nothing because some tool has spelled them otherwise."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv_tf.spelling import Unmatched, find_unmatched

IDS = ("0108775010", "0108775011", "Ab-2", "é", "0017", "c ", "x y")
UNSEEN = "Their blanks or dashes differ, or one has characters that take no room."
ZEROS = "Spreadsheets drop leading zeros."


@pytest.mark.parametrize(
    ("name", "meant", "why"),
    [
        ("108775010", "0108775010", ZEROS),
        ("00108775011", "0108775011", ZEROS),
        ("108775010.0", "0108775010", "Some tools write whole numbers with '.0'."),
        ("0108775010.0", "0108775010", "Some tools write whole numbers with '.0'."),
        ("17", "0017", ZEROS),
        ("AB-2", "Ab-2", "Capital letters count."),
        ("e\u0301", "é", "Their letters are in two Unicode forms."),
        (
            "'0108775010",
            "0108775010",
            "Spreadsheets mark text with a leading apostrophe.",
        ),
        ("108775010.00", "0108775010", "Some tools write whole numbers with '.0'."),
        ("Ab\u20112", "Ab-2", UNSEEN),
        ("Ab-\u200b2", "Ab-2", UNSEEN),
        ("x\xa0y", "x y", UNSEEN),
        ("x  y", "x y", UNSEEN),
        ("X\u2009y", "x y", "Capital letters count."),
        ("c", "c ", "Blanks around an id count."),
        (" 0017", "0017", "Blanks around an id count."),
    ],
)
def test_names_that_are_spelled_otherwise(name, meant, why):
    hint = f"Did you mean {meant!r}? {why}"
    assert find_unmatched([name], IDS) == Unmatched(1, name, hint)


@pytest.mark.parametrize("name", ["0108775012", "108775012", "Ab-3", "1", "0"])
def test_similar_names_are_those_of_others(name):
    assert find_unmatched([name, "other"], IDS) == Unmatched(2, name, "")


def test_the_example_is_one_with_a_hint():
    found = find_unmatched(["a", "b", "17", "108775010"], IDS)
    assert found == Unmatched(4, "17", f"Did you mean '0017'? {ZEROS}")


def test_a_name_of_both_files_is_not_meant_by_another():
    assert find_unmatched(["0017", "17"], IDS) == Unmatched(1, "17", "")


def test_nothing_is_unmatched():
    assert find_unmatched(IDS[:2], IDS) == Unmatched(0, "", "")
    assert Unmatched(0, "", "").with_hint("Text.") == "Text."


EMBEDDED = [f"010877501{number}" for number in range(6)]


@pytest.fixture
def said(tmp_path, run_verb):
    """A function from a verb, its flags, and the ids of a table to what is said."""
    vectors = np.repeat(np.eye(3, dtype=np.float32), 2, axis=0)
    table = {"product_id": EMBEDDED, "embedding": vectors.tolist()}
    pq.write_table(pa.table(table), tmp_path / "e.parquet")
    rows = "".join(f"{name},{i // 2}\n" for i, name in enumerate(EMBEDDED))
    (tmp_path / "labels.csv").write_text(f"product_id,style_id\n{rows}")

    def run(verb, flags, ids):
        value = "group_id" if {"--groups", "--previous"} & set(flags) else "style_id"
        rows = "".join(f"{name},{i // 2}\n" for i, name in enumerate(ids))
        (tmp_path / "table.csv").write_text(f"product_id,{value}\n{rows}")
        given = [f"{flag}={tmp_path}/table.csv" for flag in flags]
        if verb == "group":
            given += [f"--output={tmp_path}/g.csv", f"--page={tmp_path}/g.html"]
        if "--groups" in flags:
            given += [f"--labels={tmp_path}/labels.csv"]
        else:
            given += [f"--embeddings={tmp_path}/e.parquet"]
        done = run_verb(verb, *given, "--overwrite", tensorflow=False)
        return done.returncode, " ".join(done.stderr.split())

    return run


VERBS = [
    ("evaluate", ("--labels",)),
    ("evaluate", ("--groups",)),
    ("group", ("--calibrate",)),
    ("group", ("--labels",)),
    ("group", ("--previous",)),
]
WITHOUT_ZEROS = [name.lstrip("0") for name in EMBEDDED]


@pytest.mark.integration
@pytest.mark.parametrize(("verb", "flags"), VERBS)
class TestVerbs:
    def test_none_is_there(self, said, verb, flags):
        code, text = said(verb, flags, WITHOUT_ZEROS)
        assert code == (0 if "--previous" in flags else 1)
        assert "'108775010'" in text
        assert "'0108775010'" in text
        named = "108775010" if "--groups" in flags else "0108775010"
        assert f"Did you mean '{named}'? {ZEROS}" in text

    def test_none_is_there_and_none_is_alike(self, said, verb, flags):
        code, text = said(verb, flags, [f"sku-{number}" for number in range(6)])
        assert code == (0 if "--previous" in flags else 1)
        assert "'sku-0'" in text
        assert "'0108775010'" in text
        assert "Did you mean" not in text

    def test_some_are_there(self, said, verb, flags):
        ids = [*EMBEDDED[:4], *WITHOUT_ZEROS[4:]]
        code, text = said(verb, flags, ids)
        assert code == 0
        example, named = "108775014", "0108775014"
        if "--groups" in flags:
            example, named = named, example
        assert f"such as '{example}'" in text
        assert f"Did you mean '{named}'? {ZEROS}" in text

    def test_others_are_not_there(self, said, verb, flags):
        """That products have left or are not embedded is no mistake of spelling."""
        code, text = said(verb, flags, [*EMBEDDED[:4], "sku-0", "sku-1"])
        assert code == 0
        assert "Did you mean" not in text

    def test_all_are_there(self, said, verb, flags):
        code, text = said(verb, flags, EMBEDDED)
        assert code == 0
        assert "such as" not in text
