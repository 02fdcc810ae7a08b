"""Photos from a server of this machine: what is kept, and what is asked for."""

import hashlib
import logging
import shutil
import sqlite3
from pathlib import Path

import pytest
from photo_server import jpeg, photo_of

from cv_tf.downloads import (
    Downloaded,
    DownloadError,
    DownloadLimits,
    default_cache,
    download_photos,
    download_run,
)

pytestmark = pytest.mark.integration


def _content(found):
    return Path(found.path).read_bytes()


def _files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_photo_is_kept_by_its_content(server, download, tmp_path):
    url = server.url("/a.png")
    found = download(url)
    digest = hashlib.sha256(photo_of("/a.png")).hexdigest()
    path = tmp_path / "cache" / "objects" / digest[:2] / f"{digest}.jpg"
    assert found == {url: Downloaded(str(path))}
    assert path.read_bytes() == photo_of("/a.png")


def test_what_is_sent(server, download):
    download(server.url("/a b.jpg?w=1#x"))
    ((path, headers, _),) = server.requests
    assert path == "/a%20b.jpg?w=1"
    assert headers == {
        "Host": f"127.0.0.1:{server.server_port}",
        "User-Agent": "cv_tf (reads photos of a catalog)",
        "Accept": "image/*, */*;q=0.5",
        "Accept-Encoding": "identity",
    }


def test_an_address_is_asked_for_once_ever(server, download):
    spellings = [server.url(path) for path in ("/a b", "/a%20b", "/a b#2")]
    first = download(*spellings, *spellings)
    assert list(first) == spellings
    assert len({found.path for found in first.values()}) == 1
    assert download(spellings[1]) == {spellings[1]: first[spellings[1]]}
    assert server.asked == {"/a%20b": 1}


def test_two_addresses_of_one_content_have_one_file(server, download, tmp_path):
    server.otherwise = lambda it: it.answer(body=jpeg())
    found = download(server.url("/a"), server.url("/b"))
    assert len({one.path for one in found.values()}) == 1
    assert len(_files(tmp_path / "cache" / "objects")) == 1


def test_nothing_is_made_for_nothing(download, tmp_path):
    assert download() == {}
    assert download("ftp://a/b")["ftp://a/b"].reason.startswith("the address does not")
    assert not (tmp_path / "cache").exists()


def test_failures_have_reasons_and_are_tried_by_the_next_run(server, download):
    server.routes["/a"] = lambda it: it.answer(404)
    urls = server.url("/a"), server.url("/b")
    found = download(*urls)
    assert found[urls[0]] == Downloaded("", "the server answers 404 (Not Found)")
    assert _content(found[urls[1]]) == photo_of("/b")
    del server.routes["/a"]
    assert _content(download(*urls)[urls[0]]) == photo_of("/a")
    assert server.asked == {"/a": 2, "/b": 1}


@pytest.mark.parametrize("damage", ["shorter", "missing", "link"])
def test_a_damaged_file_is_fetched_again(damage, server, download, tmp_path):
    url = server.url("/a")
    path = Path(download(url)[url].path)
    if damage == "shorter":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
    if damage == "link":
        (tmp_path / "secret").write_bytes(photo_of("/a"))
        path.symlink_to(tmp_path / "secret")
    assert _content(download(url)[url]) == photo_of("/a")
    assert not path.is_symlink()
    assert server.asked == {"/a": 2}


def test_a_row_of_the_index_leads_nowhere_else(server, download, tmp_path):
    url = server.url("/a")
    download(url)
    (tmp_path / "cache" / "secret.jpg").write_bytes(b"12345")
    with sqlite3.connect(tmp_path / "cache" / "index.sqlite") as index:
        index.execute("UPDATE photos SET digest = '../../secret', size = 5")
    assert _content(download(url)[url]) == photo_of("/a")


def test_a_cache_can_be_moved(server, download, tmp_path):
    url = server.url("/a")
    download(url)
    shutil.move(tmp_path / "cache", tmp_path / "there")
    limits = DownloadLimits(allow_http=True, allow_private=True)
    found = download_photos([url], tmp_path / "there", limits, progress=False)
    assert _content(found[url]) == photo_of("/a")
    assert server.asked == {"/a": 1}


def test_no_unfinished_file_is_left(server, download, tmp_path):
    def cut(it):
        it.answer(body=b"\xff\xd8\xff", Content_Length=9)
        it.close_connection = True

    server.routes["/cut"] = cut
    server.routes["/page"] = lambda it: it.answer(body=b"<html>")
    found = download(server.url("/cut"), server.url("/page"), attempts=2)
    assert all(one.reason for one in found.values())
    names = {path.name for path in (tmp_path / "cache").iterdir()}
    assert names == {"objects", "index.sqlite", "claims"}
    assert _files(tmp_path / "cache" / "objects") == []


def test_refresh_asks_whether_a_photo_has_changed(server, download):
    server.routes["/a"] = lambda it: it.answer(
        body=photo_of("/a"), ETag='"1"', Last_Modified="Sat, 01 Jan 2022 00:00:00 GMT"
    )
    url = server.url("/a")
    first = download(url)
    server.routes["/a"] = lambda it: it.answer(304, Content_Length=None)
    assert download(url, refresh=True) == first
    assert download(url, refresh=True) == first
    server.routes["/a"] = lambda it: it.answer(body=photo_of("/new"))
    assert _content(download(url, refresh=True)[url]) == photo_of("/new")
    assert _content(download(url)[url]) == photo_of("/new")
    for _, headers, _ in server.requests[1:]:
        assert headers["If-None-Match"] == '"1"'
        assert headers["If-Modified-Since"] == "Sat, 01 Jan 2022 00:00:00 GMT"
    assert server.asked == {"/a": 4}


def test_refresh_fetches_a_damaged_photo_whole(server, download):
    server.routes["/a"] = lambda it: it.answer(body=photo_of("/a"), ETag='"1"')
    url = server.url("/a")
    Path(download(url)[url].path).write_bytes(b"")
    assert _content(download(url, refresh=True)[url]) == photo_of("/a")
    assert "If-None-Match" not in server.requests[1][1]


def test_after_a_failed_refresh_the_old_photo_is_used(server, download, caplog):
    urls = [server.url(path) for path in ("/a", "/b", "/c")]
    first = download(*urls)
    server.routes["/a"] = lambda it: it.answer(404)
    server.routes["/b"] = lambda it: it.answer(body=b"<html>")
    caplog.clear()
    with caplog.at_level(logging.WARNING, "absl"):
        assert download(*urls, refresh=True) == first
    (message,) = caplog.messages
    assert message.startswith("2 of 3 photos could not be asked for again; those of be")


def test_what_is_to_be_fetched_is_said_once(server, limits, capsys, tmp_path):
    urls = [server.url("/a"), server.url("/b")]
    for _ in range(2):
        download_photos(urls, tmp_path, limits())
    place = f"127.0.0.1:{server.server_port}"
    shown = capsys.readouterr().err
    assert shown.startswith(f"Downloading 2 photos from {place} to '{tmp_path}'.\n")
    assert shown.count(" photos from ") == 1
    download_photos([server.url("/c")], tmp_path, limits(), progress=False)
    assert capsys.readouterr().err == ""


def test_the_bar_counts_photos_and_rejects(
    server, limits, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("cv_tf.progress.draws_bars", lambda: True)
    server.routes["/b"] = lambda it: it.answer(404)
    urls = [server.url("/a"), server.url("/b")]
    download_photos(urls, tmp_path, limits())
    bar = capsys.readouterr().err
    assert "Downloading photos: 100%" in bar
    assert "2/2" in bar
    assert "1 rejected" in bar


def test_a_full_disk_stops_the_run(server, download, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download_run.PhotoCache, "keep", refuse)
    with pytest.raises(OSError, match="cannot be written: No space left on device"):
        download(server.url("/a"))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"SQLite format 3\0" + 200 * b"x", "damaged"), (b"no database", "damaged")],
)
def test_a_damaged_index_is_told(content, words, server, download, tmp_path):
    (tmp_path / "cache").mkdir()
    index = tmp_path / "cache" / "index.sqlite"
    index.write_bytes(content)
    with pytest.raises(DownloadError, match=words):
        download(server.url("/a"))
    assert index.read_bytes() == content
    index.unlink()
    assert download(server.url("/a"))[server.url("/a")].path


def test_the_database_of_others_is_left_alone(server, download, tmp_path):
    (tmp_path / "cache").mkdir()
    with sqlite3.connect(tmp_path / "cache" / "index.sqlite") as index:
        index.execute("CREATE TABLE photos (a)")
    with pytest.raises(DownloadError, match="is no index of photos"):
        download(server.url("/a"))


def test_the_cache_is_on_this_machine(server):
    with pytest.raises(DownloadError, match="a folder on a disk of this machine"):
        download_photos([server.url("/a")], Path("gs://bucket/photos"))
    assert server.asked == {}


def test_the_default_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert default_cache() == tmp_path / "x" / "cv_tf" / "photos"
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert default_cache() == tmp_path / ".cache" / "cv_tf" / "photos"


@pytest.mark.parametrize(
    "wrong",
    [
        *({"at_once": 0}, {"at_once": 257}, {"per_second": -1.0}, {"seconds": 0.0}),
        *({"megabytes": 0.0}, {"attempts": 0}, {"seconds": float("nan")}),
    ],
)
def test_limits_have_ranges(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(DownloadError, match=f"{name} of a download is {value}; expec"):
        DownloadLimits(**wrong)
