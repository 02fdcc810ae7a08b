"""Photos behind addresses, fetched once and kept."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from cv_tf.downloads.addresses import Address, parse_address
from cv_tf.downloads.download_run import Downloaded, DownloadRun
from cv_tf.downloads.failures import FetchFailure
from cv_tf.downloads.limits import DownloadError, DownloadLimits
from cv_tf.downloads.photo_cache import PhotoCache
from cv_tf.files import expanded
from cv_tf.progress import is_quiet

_REMOTE = re.compile(r"\w+:/")  # Path makes one slash of two.


def default_cache() -> Path:
    """The folder of the cache: `cv_tf/photos` where caches of the user are.

    That is `$XDG_CACHE_HOME`, or `~/.cache` where it is not an absolute path.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = base if base.is_absolute() else Path.home() / ".cache"
    return base / "cv_tf" / "photos"


def download_photos(
    addresses: Sequence[str],
    cache: Path,
    limits: DownloadLimits = DownloadLimits(),  # noqa: B008 (it is frozen)
    refresh: bool = False,
    progress: bool = True,
) -> dict[str, Downloaded]:
    """Fetches the photos at addresses that are not in the cache.

    What cannot be fetched is not an error, but has a reason; a later call tries it
    again. What has been fetched stays in the cache if the call is interrupted or the
    process is killed, and the next call goes on from there.

    Args:
      addresses: Addresses as a table has them; `//shop.example/a.jpg` is `https:`. One
        that occurs twice, or in two spellings, is fetched once.
      cache: The folder to keep photos in, on a disk of this machine; it is made if it
        is not there. Several processes may use it at once.
      limits: Bounds on requests and photos, and where servers may be.
      refresh: Whether to ask servers whether photos that are there have changed. Where
        that fails, the photo that is there is used, and a warning says so.
      progress: Whether to say what is downloaded, and to show a bar; on standard error.

    Returns:
      What became of each photo, by its address as it was given.

    Raises:
      DownloadError: If the cache cannot be used.
      WriteError: If the disk is full or read-only.
      OSError: If the folder cannot be made.

    Example:
      >>> photos = download_photos(["https://shop.example/a.jpg"], default_cache())
      >>> photos["https://shop.example/a.jpg"].path
      '/home/ann/.cache/cv_tf/photos/objects/3a/3a7bd3e2360a3d29eea436fcfb7e44c....jpg'
    """
    photos = [(text, *_parse(text)) for text in dict.fromkeys(addresses)]
    parsed = {address.url: address for _, address, _ in photos if address is not None}
    found: dict[str, Downloaded] = {}
    if parsed:
        found = _fetch(parsed, Path(expanded(cache)), limits, refresh, progress)
    return {
        text: found[address.url] if address else Downloaded(reason=reason)
        for text, address, reason in photos
    }


def _parse(text: str) -> tuple[Address | None, str]:
    """An address, or None and why it is none."""
    try:
        return parse_address(text), ""
    except FetchFailure as failure:
        return None, failure.reason


def _fetch(
    parsed: Mapping[str, Address],
    cache: Path,
    limits: DownloadLimits,
    refresh: bool,
    progress: bool,
) -> dict[str, Downloaded]:
    """What became of each photo, by its address in the one spelling."""
    if _REMOTE.match(os.fspath(cache)):
        raise DownloadError(
            f"The cache of photos cannot be at '{cache}'. Name a folder on a disk of "
            "this machine."
        )
    store = PhotoCache(cache)
    try:
        known = store.find_all(list(parsed))
        found = {url: Downloaded(store.path(photo)) for url, photo in known.items()}
        new = [parsed[url] for url in parsed if refresh or url not in known]
        if new:
            if progress and not is_quiet():
                _say_what(new, store.folder)
            run = DownloadRun(store, limits, known if refresh else {})
            found |= run.fetch_all(new, progress)
            run.warn()
    finally:
        store.close()
    return found


def _say_what(new: Sequence[Address], folder: Path) -> None:
    hosts = Counter(address.place for address in new)
    place, _ = hosts.most_common(1)[0]
    of = f"from {place}" if len(hosts) == 1 else f"from {len(hosts):,} hosts"
    what = f"{len(new):,} photo{'s' * (len(new) > 1)}"
    print(f"Downloading {what} {of} to '{folder}'.", file=sys.stderr)
