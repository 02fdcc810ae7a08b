"""`~` in the paths of flags, which a shell leaves alone in `--flag=~/a`."""

import pytest

from cv_tf.catalog import CatalogError, catalog_of_photos, find_builder, read_catalog
from cv_tf.command import given_flags
from cv_tf.config import Config
from cv_tf.files import expanded
from cv_tf.pipeline.scan_cache import ScanCache

EMBED = ("embed", "--workdir={run}", "--output={tmp}/e.parquet")
GROUP = ("group", "--embeddings={file}", "--output={tmp}/g.csv")
EVALUATE = ("evaluate", "--embeddings={file}", "--labels={file}")
FROZEN = ("evaluate", "--method=frozen", "--catalog={file}")
SEARCH = ("search", "--embeddings={file}", "--product_id=A")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


FLAGS = pytest.mark.parametrize(
    "flags",
    [
        (*EMBED, "--workdir=~/none"),
        (*EMBED, "--catalog=~/none.csv"),
        (*EMBED, "--output=~/none/e.parquet"),
        (*GROUP, "--embeddings=~/none.parquet"),
        (*GROUP, "--output=~/none/g.csv"),
        (*GROUP, "--page=~/none/g.html"),
        (*GROUP, "--previous=~/none.csv"),
        (*GROUP, "--calibrate=~/none.csv"),
        (*GROUP, "--calibrate_embeddings=~/none.parquet"),
        (*GROUP, "--page={tmp}/g.html", "--labels=~/none.csv"),
        (*EVALUATE, "--embeddings=~/none.parquet"),
        (*EVALUATE, "--labels=~/none.csv"),
        (*EVALUATE, "--groups=~/none.csv"),
        (*EVALUATE, "--output=~/none/e.json"),
        (*EVALUATE, "--page=~/none/e.html"),
        ("evaluate", "--workdir=~/none"),
        (*FROZEN, "--catalog=~/none.csv"),
        (*FROZEN, "--save_embedder=~/none/e.keras"),
        (*SEARCH, "--embeddings=~/none.parquet"),
        (*SEARCH, "--output=~/none/s.html"),
        ("search", "--embeddings={file}", "--image=~/none.jpg", "--workdir={run}"),
        ("search", "--embeddings={file}", "--image={file}", "--workdir=~/none"),
        ("inspect", "--output=~/none/i.html"),
        ("inspect", "--output={tmp}/i.html", "--catalog=~/none.csv"),
        ("inspect", "--output={tmp}/i.html", "--workdir=~/none", "--pair=A,B"),
        ("export", "--output=~/none/1"),
        ("export", "--workdir=~/none", "--output={tmp}/1"),
        ("train", "--workdir={tmp}/new", "--catalog=~/none.csv"),
        ("group", "--flagfile=~/none.cfg"),
    ],
    ids=lambda flags: f"{flags[0]}-{flags[-1]}",
)


@pytest.fixture
def given(flags, tmp_path, monkeypatch):
    """The flags, with names of a run and a file that are there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "embedder.keras").touch()
    file = tmp_path / "file.parquet"
    file.touch()
    return [
        flag.format(tmp=tmp_path, run=tmp_path / "run", file=file) for flag in flags
    ]


@FLAGS
def test_is_the_home_folder_in_every_verb(given, home, tmp_path, run_verb):
    if "~/none/" in given[-1]:  # Folders are made, but not in a file.
        (home / "none").touch()
    process = run_verb(*given, tensorflow=False)
    assert process.returncode in (1, 2)
    assert f"{home}/none" in process.stderr
    assert not (tmp_path / "~").exists()


@FLAGS
def test_addresses_of_files_are_paths(given, tmp_path, run_verb):
    if given[-1].startswith("--flagfile"):
        pytest.skip("absl reads it")
    address = f"file://{tmp_path}/n%20ne"
    if "~/none/" in given[-1]:
        (tmp_path / "n ne").touch()
    flags = [flag.replace("~/none", address) for flag in given]
    process = run_verb(*flags, tensorflow=False)
    assert process.returncode in (1, 2)
    assert f"{tmp_path}/n ne" in process.stderr
    assert not (tmp_path / "file:").exists()


def test_is_the_home_folder_of_recipes(home, tmp_path, run_verb):
    (home / "a.cfg").write_text("--nonsense=1\n")
    flags = ("--configs=~/a.cfg", f"--workdir={tmp_path}/new")
    assert "nonsense" in run_verb("compare", *flags, tensorflow=False).stderr


def test_is_the_home_folder_of_a_train_run(home, tmp_path, run_verb):
    (home / "run").mkdir()
    (home / "run" / "file").touch()
    process = run_verb("train", "--workdir=~/run", tensorflow=False)
    assert f"'{home}/run' is not empty" in process.stderr


def test_is_the_home_folder_of_caches_and_data_sets(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (home / "a.jpg").touch()
    catalog = catalog_of_photos("~")
    assert catalog.image.tolist() == [f"{home}/a.jpg"]
    assert catalog_of_photos(["~/a.jpg"]).image.tolist() == [f"{home}/a.jpg"]
    assert ScanCache(catalog, "~/cache").folder == home / "cache"
    assert not (tmp_path / "~").exists()


@pytest.mark.integration
def test_is_the_home_folder_of_data_sets(home):
    builder = find_builder("synthetic_color_variants", "~/data")
    assert str(builder.data_dir).startswith(f"{home}/data/")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("~", "{home}"),
        ("~/a", "{home}/a"),
        ("a/~", "a/~"),
        ("~nobody-here/a", "~nobody-here/a"),
        ("gs://bucket/~/a", "gs://bucket/~/a"),
        ("", ""),
    ],
)
def test_is_replaced_as_a_shell_does_it(home, path, expected):
    assert expanded(path) == expected.format(home=home)


def test_an_unknown_user_is_no_bug():
    with pytest.raises(CatalogError, match=r"^~nobody-here/c\.csv does not"):
        read_catalog("~nobody-here/c.csv")


def test_a_flagfile_may_be_in_the_home_folder(home):
    (home / "a.cfg").write_text("--steps=7\n")
    assert given_flags(Config, ["", "--flagfile=~/a.cfg"]) == {"steps": 7}
