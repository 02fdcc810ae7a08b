"""The folder of a job's shards: what is done stays done, and is for one job alone."""

import json

import pytest

from cv_tf.shards import JobError, Shards

IDENTITY = {"model": "8f2a", "--shard_size": 3, "columns": ["a", "b"]}


@pytest.fixture
def output(tmp_path):
    return tmp_path / "vectors.parquet"


@pytest.fixture
def opened(output):
    """The shards of a new job."""
    shards = Shards(output, 4, IDENTITY)
    shards.open()
    return shards


def contents(folder):
    return sorted(path.name for path in folder.iterdir())


class TestNew:
    def test_stands_beside_the_output(self, opened, tmp_path):
        assert opened.folder == tmp_path / "vectors.parquet.shards"
        assert contents(tmp_path) == ["vectors.parquet.shards"]
        assert contents(opened.folder) == ["job.json"]
        assert json.loads((opened.folder / "job.json").read_text()) == IDENTITY

    def test_shards_are_numbered_and_have_the_suffix_of_the_output(self, opened):
        names = [path.name for path in opened.paths()]
        assert names == [f"shard-0000{number}.parquet" for number in range(4)]
        assert [opened.path(number) for number in range(4)] == opened.paths()
        assert opened.path(12_345).name == "shard-12345.parquet"

    def test_none_is_there(self, opened):
        assert opened.missing() == [0, 1, 2, 3]

    def test_folders_above_are_made(self, tmp_path):
        shards = Shards(tmp_path / "new" / "folder" / "e.parquet", 1, IDENTITY)
        shards.open()
        assert contents(tmp_path / "new" / "folder") == ["e.parquet.shards"]


class TestInterrupted:
    def test_goes_on_with_what_is_done(self, opened, output):
        for number in (2, 0):
            opened.path(number).write_text(f"{number}")
        again = Shards(output, 4, json.loads(json.dumps(IDENTITY)))
        again.open()
        assert again.missing() == [1, 3]
        assert again.path(2).read_text() == "2"

    def test_asked_to_overwrite_the_same_job_goes_on_too(self, opened, output):
        opened.path(1).touch()
        again = Shards(output, 4, IDENTITY)
        again.open(overwrite=True)
        assert again.missing() == [0, 2, 3]

    def test_a_shard_that_was_being_written_is_not_done(self, opened):
        opened.path(1).with_name(
            ".shard-00001.parquet.0123456789abcdef.unfinished"
        ).touch()
        assert opened.missing() == [0, 1, 2, 3]

    @pytest.mark.parametrize(
        "leftovers", [[], [".job.json.0123456789abcdef.unfinished"]]
    )
    def test_before_it_was_said_what_the_shards_are_made_from(self, leftovers, output):
        shards = Shards(output, 4, IDENTITY)
        shards.folder.mkdir()
        for name in leftovers:
            (shards.folder / name).mkdir()
        shards.open()
        assert json.loads((shards.folder / "job.json").read_text()) == IDENTITY

    @pytest.mark.parametrize("last", range(4))
    def test_while_shards_were_removed(self, last, opened, output, monkeypatch):
        """What is left is gone on with, as shard of the same job."""
        for path in opened.paths():
            path.touch()
        unlink = type(output).unlink

        def interrupted(path, *arguments):
            if sum(path.is_file() for path in opened.paths()) == last:
                raise KeyboardInterrupt
            unlink(path, *arguments)

        monkeypatch.setattr(type(output), "unlink", interrupted)
        monkeypatch.setattr("shutil.rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            opened.remove()
        again = Shards(output, 4, IDENTITY)
        again.open()
        assert len(again.missing()) == 4 - last


class TestAnotherJob:
    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"model": "77c0"}, "another model."),
            ({"--shard_size": 4}, "another --shard_size."),
            ({"columns": ["a"], "model": ""}, "another model, another columns."),
            ({"more": 1}, "another more."),
        ],
    )
    def test_is_refused_and_stays(self, changes, named, opened, output):
        opened.path(1).touch()
        other = Shards(output, 4, IDENTITY | changes)
        with pytest.raises(JobError) as error:
            other.open()
        assert str(error.value) == (
            f"'{opened.folder}' holds shards of a job that was interrupted, with "
            f"{named} Go on with that one by the flags it had, or pass --overwrite to "
            "throw its shards away."
        )
        again = Shards(output, 4, IDENTITY)
        again.open()
        assert again.missing() == [0, 2, 3]

    def test_is_thrown_away_if_asked(self, opened, output):
        for number in (1, 3):
            opened.path(number).touch()
        identity = IDENTITY | {"model": "77c0"}
        other = Shards(output, 2, identity)
        other.open(overwrite=True)
        assert contents(other.folder) == ["job.json"]
        assert json.loads((other.folder / "job.json").read_text()) == identity

    def test_a_description_that_cannot_be_read_is_of_another(self, opened, output):
        (opened.folder / "job.json").write_text('{"model": ')
        opened.path(1).touch()
        again = Shards(output, 4, IDENTITY)
        with pytest.raises(JobError, match="another model, another --shard_size"):
            again.open()
        again.open(overwrite=True)
        assert again.missing() == [0, 1, 2, 3]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("what", ["a file", "a folder of something else"])
def test_what_is_no_job_is_never_touched(what, overwrite, output):
    shards = Shards(output, 4, IDENTITY)
    precious = shards.folder
    if what == "a folder of something else":
        precious.mkdir()
        precious = precious / "shard-00000.parquet"
    precious.write_text("precious")
    with pytest.raises(JobError, match=r"is in the way(.|\n)*name another --output"):
        shards.open(overwrite)
    assert precious.read_text() == "precious"


def test_two_outputs_have_shards_of_their_own(opened, output):
    other = Shards(output.with_suffix(".pq"), 4, IDENTITY | {"model": "77c0"})
    other.open()
    other.path(0).touch()
    assert opened.missing() == [0, 1, 2, 3]
    assert other.missing() == [1, 2, 3]


def test_remove_leaves_nothing(opened, tmp_path):
    opened.path(0).touch()
    (opened.folder / "notes").mkdir()
    opened.remove()
    assert contents(tmp_path) == []
