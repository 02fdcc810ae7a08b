"""Which photos are embedded, and which keep their vectors."""

import dataclasses

import numpy as np
import pytest

from cv_tf.catalog import objects, read_catalog
from cv_tf.errors import UserError
from cv_tf.updating import KnownPhotos, PhotoPlan, contents_of, newest_photos

A, B, C, D = (letter * 32 for letter in "abcd")
TEXT = "a text file, not a photo"


@pytest.fixture
def catalog_of(tmp_path):
    """A function from product ids to a catalogue, with boxes or without."""

    def read(*ids, boxes=()):
        head = "product_id,image" + ",x,y,width,height" * bool(boxes)
        boxes = [f",{box}" for box in boxes] or [""] * len(ids)
        rows = [f"{i},{i}.jpg{box}" for i, box in zip(ids, boxes, strict=True)]
        (tmp_path / "c.csv").write_text("\n".join([head, *rows]))
        return read_catalog(tmp_path / "c.csv", ())

    return read


def known_of(*rows) -> KnownPhotos:
    """What is known of products: id, content, reason and run."""
    ids, contents, reasons, runs = zip(*rows, strict=True)
    texts = map(objects, (ids, contents, reasons))
    return KnownPhotos(*texts, np.array(runs, np.int32))


def columns(known: KnownPhotos) -> list[tuple]:
    rows = (known.product_id, known.content, known.reason, known.run.tolist())
    return list(zip(*rows, strict=True))


class TestContents:
    def test_are_the_photo_and_its_box(self, catalog_of):
        boxes = ["1,2,3,4", "1,2,3,4", "1,2,3,5", ",,,", "1,2,3,4"]
        catalog = catalog_of(*"pqrst", boxes=boxes)
        contents = contents_of(catalog, [A, A, A, A, "the file is missing"])
        assert contents[0] == contents[1] != contents[2]
        assert contents[3:] == [A, ""]

    def test_without_boxes_are_the_photo(self, catalog_of):
        assert contents_of(catalog_of("p", "q"), [A, "why"]) == [A, ""]


class TestPlan:
    def test_the_first_run_embeds_each_photo_once(self, catalog_of):
        plan = PhotoPlan.of(catalog_of(*"pqrs"), [A, B, A, "why"], None, 1)
        assert plan.chosen.tolist() == [0, 1]
        assert plan.last_row.tolist() == [-1] * 4
        assert plan.reason == ["", "", "", "why"]
        assert (plan.num_added, plan.num_changed, plan.num_gone) == (4, 0, 0)
        known, rows = plan.completed({}, np.zeros(2, bool))
        assert rows.tolist() == [0, 1, 0, -1]
        assert columns(known) == [
            ("p", A, "", 1),
            ("q", B, "", 1),
            ("r", A, "", 1),
            ("s", "", "why", 1),
        ]

    def test_vectors_go_with_the_content(self, catalog_of):
        last = known_of(("o", D, TEXT, 1), ("p", A, "", 1), ("q", B, "", 2))
        # p has the photo of q; q that of p; r is new and has it, too; s a new one.
        plan = PhotoPlan.of(catalog_of(*"pqrs"), [B, A, A, C], last, 3)
        assert plan.last_row.tolist() == [1, 0, 0, -1]
        assert plan.chosen.tolist() == [3]
        assert (plan.num_added, plan.num_changed, plan.num_gone) == (2, 2, 1)
        known, rows = plan.completed({}, np.zeros(1, bool))
        assert rows.tolist() == [-1, -1, -1, 0]
        assert known.run.tolist() == [2, 1, 1, 3]

    def test_what_is_known_to_be_no_photo_is_not_tried_again(self, catalog_of):
        last = known_of(("p", A, TEXT, 1), ("q", B, "", 1))
        plan = PhotoPlan.of(catalog_of("q", "r"), [B, A], last, 2)
        assert (plan.chosen.tolist(), plan.reason) == ([], ["", TEXT])
        assert plan.last_row.tolist() == [0, -1]

    def test_what_was_out_of_reach_is_tried_again(self, catalog_of):
        why = "the file cannot be read (timed out)"
        plan = PhotoPlan.of(catalog_of("p", "q"), [A, B], None, 1)
        known, rows = plan.completed({"p": why}, np.zeros(2, bool))
        assert rows.tolist() == [-1, 0]
        assert columns(known) == [("p", "", why, 1), ("q", B, "", 1)]
        again = PhotoPlan.of(catalog_of("p", "q"), [A, B], known, 2)
        assert again.chosen.tolist() == [0]

    def test_what_was_replaced_meanwhile_is_tried_again(self, catalog_of):
        plan = PhotoPlan.of(catalog_of("p", "q"), [A, B], None, 1)
        known, rows = plan.completed({"q": TEXT}, np.array([True, False]))
        assert rows.tolist() == [0, -1]
        assert columns(known) == [("p", "", "", 1), ("q", B, TEXT, 1)]
        again = PhotoPlan.of(catalog_of("p", "q"), [A, B], known, 2)
        assert again.chosen.tolist() == [0]

    def test_vectors_of_another_embedder_are_of_no_use(self, catalog_of):
        last = known_of(("p", A, "", 1), ("q", B, TEXT, 1))
        plan = PhotoPlan.of(catalog_of("p", "q"), [A, B], last, 2, takes_over=False)
        assert plan.chosen.tolist() == [0, 1]
        assert plan.last_row.tolist() == [-1, -1]
        assert (plan.num_added, plan.num_changed, plan.num_gone) == (0, 0, 0)


class TestNewest:
    KNOWN = known_of(
        ("a", "1", "", 1),
        ("b", "2", "", 3),
        ("c", "3", TEXT, 3),
        ("d", "4", "", 2),
        ("e", "5", "", 2),
        ("f", "2", "", 3),
        ("g", "6", "", 3),
    )

    @pytest.mark.parametrize(
        ("since", "least", "rows"),
        [
            (1, 1, [1, 6]),  # All of the last run, one photo once.
            (1, 3, [1, 3, 6]),  # And one of the run before it.
            (1, 99, [1, 3, 4, 6]),
            (2, 99, [1, 6]),
            (3, 99, []),
        ],
    )
    def test_are_those_of_the_last_runs(self, since, least, rows):
        assert newest_photos(self.KNOWN, since, least, 99).tolist() == rows

    def test_a_sample_of_many_is_always_the_same(self):
        found = newest_photos(self.KNOWN, 0, 99, 3)
        assert len(set(found.tolist())) == 3
        assert found.tolist() == newest_photos(self.KNOWN, 0, 99, 3).tolist()


class TestFile:
    KNOWN = known_of(("007", A, "", 1), ("ö", "", "why", 2))

    def test_what_is_read_was_written(self, tmp_path):
        self.KNOWN.write(tmp_path / "photos.parquet")
        assert columns(KnownPhotos.read(tmp_path / "photos.parquet")) == columns(
            self.KNOWN
        )

    def test_a_damaged_one_is_told(self, tmp_path):
        path = tmp_path / "photos.parquet"
        self.KNOWN.write(path)
        path.write_bytes(path.read_bytes()[:-7])
        with pytest.raises(UserError, match=r"photos.parquet.*Remove it"):
            KnownPhotos.read(path)

    def test_rows_of_vectors_leave_rejects_out(self, catalog_of):
        known = known_of(("p", A, "", 1), ("q", "", "why", 1), ("r", B, "", 1))
        assert known.vector_row.tolist() == [0, -1, 1]
        catalog = catalog_of(*"pqr")
        (reject,) = known.rejects(catalog)
        assert reject == ("q", catalog.image[1], "why")
        whole = dataclasses.replace(known, reason=objects(["", "", ""]))
        assert whole.rejects(catalog) == []
