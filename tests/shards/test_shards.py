"""The folder of a job's shards: what is done stays done, and is for one job alone."""

import hashlib
import json
import os

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


def write(shards, *numbers):
    """Writes shards, each with its number as its content."""
    for number in numbers:
        with shards.writing(number) as unfinished:
            unfinished.write_text(f"{number}")


def flip(path, place=0):
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)


class TestNew:
    def test_stands_beside_the_output(self, opened, tmp_path):
        assert opened.folder == tmp_path / "vectors.parquet.shards"
        assert contents(tmp_path) == ["vectors.parquet.shards"]
        assert contents(opened.folder) == ["job.json"]
        assert json.loads((opened.folder / "job.json").read_text()) == IDENTITY

    def test_shards_have_a_number_a_digest_and_the_suffix_of_the_output(self, opened):
        write(opened, 0, 1, 2, 3)
        paths = opened.paths()
        for number, path in enumerate(paths):
            digest = hashlib.sha256(str(number).encode()).hexdigest()[:32]
            assert path == opened.folder / f"shard-0000{number}.{digest}.parquet"
            assert opened.find(number) == path
            assert path.read_text() == str(number)
        assert contents(opened.folder) == ["job.json", *(path.name for path in paths)]

    def test_there_may_be_more_than_five_digits_can_count(self, output):
        shards = Shards(output, 123_457, IDENTITY)
        shards.open()
        write(shards, 123_456)
        assert shards.find(123_456).name.startswith("shard-123456.")
        assert len(shards.missing()) == 123_456

    def test_none_is_there(self, opened):
        assert opened.missing() == [0, 1, 2, 3]

    def test_folders_above_are_made(self, tmp_path):
        shards = Shards(tmp_path / "new" / "folder" / "e.parquet", 1, IDENTITY)
        shards.open()
        assert contents(tmp_path / "new" / "folder") == ["e.parquet.shards"]


class TestInterrupted:
    def test_goes_on_with_what_is_done(self, opened, output):
        write(opened, 2, 0)
        again = Shards(output, 4, json.loads(json.dumps(IDENTITY)))
        again.open()
        assert again.missing() == [1, 3]
        assert again.find(2).read_text() == "2"

    def test_asked_to_overwrite_the_same_job_goes_on_too(self, opened, output):
        write(opened, 1)
        again = Shards(output, 4, IDENTITY)
        again.open(overwrite=True)
        assert again.missing() == [0, 2, 3]

    def test_a_shard_that_was_being_written_is_not_done(self, opened):
        (opened.folder / ".shard-00001.0123456789abcdef.parquet").touch()
        (opened.folder / "shard-00001.parquet").touch()  # Of another version.
        assert opened.missing() == [0, 1, 2, 3]

    def test_a_shard_that_fails_leaves_nothing(self, opened):
        with pytest.raises(OSError, match="no space"), opened.writing(1) as unfinished:
            unfinished.write_text("half of the")
            raise OSError("no space")
        assert contents(opened.folder) == ["job.json"]

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
        write(opened, 0, 1, 2, 3)
        paths, unlink = opened.paths(), type(output).unlink

        def interrupted(path, **options):
            if sum(path.is_file() for path in paths) == last:
                raise KeyboardInterrupt
            unlink(path, **options)

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
        write(opened, 1)
        other = Shards(output, 4, IDENTITY | changes)
        with pytest.raises(JobError) as error:
            other.open()
        assert str(error.value) == (
            f"'{opened.folder}' holds shards of a job that was interrupted, with "
            f"{named} Go on with that one by the flags and the files it had, or pass "
            "--overwrite to throw its shards away."
        )
        again = Shards(output, 4, IDENTITY)
        again.open()
        assert again.missing() == [0, 2, 3]

    def test_is_thrown_away_if_asked(self, opened, output):
        write(opened, 1, 3)
        identity = IDENTITY | {"model": "77c0"}
        other = Shards(output, 2, identity)
        other.open(overwrite=True)
        assert contents(other.folder) == ["job.json"]
        assert json.loads((other.folder / "job.json").read_text()) == identity

    def test_it_is_said_how_it_differs(self, opened, output):
        other = Shards(output, 4, IDENTITY | {"model": "77c0", "columns": []})
        with pytest.raises(JobError, match="interrupted, with MODEL, COLUMNS"):
            other.open(describe=str.upper)

    @pytest.mark.parametrize("text", ['{"model": ', "[]", "", "\0", "[" * 99_999])
    def test_a_description_that_cannot_be_read_is_told(self, text, opened, output):
        (opened.folder / "job.json").write_text(text)
        write(opened, 1)
        again = Shards(output, 4, IDENTITY)
        with pytest.raises(JobError, match=r"job\.json' cannot be read .*--overwrite"):
            again.open()
        assert again.find(1)
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
    write(other, 0)
    assert opened.missing() == [0, 1, 2, 3]
    assert other.missing() == [1, 2, 3]


def test_remove_leaves_nothing(opened, tmp_path):
    write(opened, 0)
    (opened.folder / "notes").mkdir()
    opened.remove()
    assert contents(tmp_path) == []


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def empty(path):
    path.write_bytes(b"")


def lengthen(path):
    path.write_bytes(path.read_bytes() + b"\0")


def exchange(path):
    path.write_text("0")


def make_folder(path):
    path.unlink()
    path.mkdir()
    (path / "something").touch()


def make_pipe(path):
    path.unlink()
    os.mkfifo(path)


def lead_nowhere(path):
    path.unlink()
    path.symlink_to("nowhere")


DAMAGES = (flip, cut, empty, lengthen, exchange, make_folder, make_pipe, lead_nowhere)


class TestDamaged:
    @pytest.mark.parametrize("damage", DAMAGES)
    def test_is_told_once_and_computed_anew(self, damage, opened, output, caplog):
        write(opened, 0, 2, 3)
        damage(opened.find(2))
        assert opened.find(2) is None
        again = Shards(output, 4, IDENTITY)
        again.open()
        assert again.missing() == [1, 2]
        assert [record.message for record in caplog.records] == [
            f"1 of 3 finished shards in '{opened.folder}' are damaged, and are "
            "computed anew."
        ]
        write(again, 1, 2)
        assert [path.read_text() for path in again.paths()] == ["0", "1", "2", "3"]
        assert len(contents(opened.folder)) == 5

    def test_every_bit_counts(self, opened):
        with opened.writing(1) as unfinished:
            unfinished.write_bytes(bytes(range(40)))
        content = (path := opened.find(1)).read_bytes()
        for place in range(len(content)):
            flip(path, place)
            assert opened.find(1) is None
            path.write_bytes(content)
        assert opened.find(1)

    def test_one_of_two_that_were_computed_at_once_is_enough(self, opened, caplog):
        """As Spark does that speculates, on processors that round in another way."""
        for content in ("here", "there"):
            with opened.writing(1) as unfinished:
                unfinished.write_text(content)
        first = opened.find(1)
        flip(first)
        assert opened.remove_damaged() == []
        assert opened.find(1) not in (first, None)
        assert not caplog.records

    def test_what_is_discarded_is_missing(self, opened):
        write(opened, 0, 1, 2)
        opened.discard([0, 2])
        assert opened.missing() == [0, 2, 3]

    def test_all_paths_of_a_job_that_is_not_done(self, opened):
        write(opened, 0, 2, 3)
        with pytest.raises(JobError, match="1 shards are missing"):
            opened.paths()


class TestRemoveOwn:
    def test_of_this_job(self, opened, output, tmp_path):
        write(opened, 0)
        Shards(output, 4, IDENTITY).remove_own()
        assert contents(tmp_path) == []

    def test_of_another_job(self, opened, output):
        write(opened, 0)
        Shards(output, 4, IDENTITY | {"model": "77c0"}).remove_own()
        assert opened.find(0)

    def test_of_none(self, output):
        Shards(output, 4, IDENTITY).remove_own()
