"""Nightly runs that are killed: the next one ends as if nothing had happened."""

import random
import shutil
import signal
import time

import pytest
from nightly_shop import NightlyShop, open_shop, row_of

from cv_tf.embeddings import job as job_module

pytestmark = pytest.mark.integration

NUM_PRODUCTS, SHARD_SIZE = 60, 4
# When a run is killed, by what is in the folder then.
SHARDS = "tonight/*.shards/shard-*"
MOMENTS = {
    "before any shard": ("tonight", 1),
    "at the first shard": (SHARDS, 1),
    "amid the shards": (SHARDS, 6),
    "at the last shard": (SHARDS, 12),
    "when all is embedded": ("tonight/embedded-*.parquet", 1),
    "when photos are known": ("tonight/photos.parquet", 1),
    "when vectors are in order": ("tonight/embeddings.parquet", 1),
    "when groups are made": ("tonight/groups.csv", 1),
    "when drift is measured": ("tonight/drift.json", 1),
    "when files are put in place": (".groups.csv.*.unfinished", 1),
    "when that is decided": (".state.json.*.unfinished/journal.json", 1),
}


@pytest.fixture(scope="module")
def nights(tmp_path_factory) -> tuple[NightlyShop, dict[str, bytes]]:
    """A shop before its second night, and the files after an undisturbed one."""
    folder = tmp_path_factory.mktemp("nights") / "shop"
    shop = open_shop(folder)
    shop.update()
    shop.rows = [row_of(number) for number in range(2, NUM_PRODUCTS)]
    for number in range(12, NUM_PRODUCTS):
        color = ("green", "crimson", "purple")[number // 24]
        shop.draw(f"{number}.png", number % 24, color)
    (folder / "30.png").write_text("This is not a photo.")
    shop.write()
    shutil.copytree(folder, folder.with_name("before"))
    shop.update()
    return shop, shop.files()


@pytest.fixture
def again(nights) -> NightlyShop:
    """The shop before its second night."""
    shop, _ = nights
    shutil.rmtree(shop.folder)
    shutil.copytree(shop.folder.with_name("before"), shop.folder)
    return shop


def kill(shop: NightlyShop, start_verb, is_time) -> None:
    """Starts a run in a process, and kills it as soon as it is time."""
    flags = [f"--{name}={value}" for name, value in shop.flags().items()]
    with start_verb("update", *flags, f"--shard_size={SHARD_SIZE}") as process:
        while process.poll() is None and not is_time():
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)


def assert_ends_well(shop: NightlyShop, before, expected) -> None:
    """Files are of one night, then of the second one, and nothing is left over."""
    left = shop.files()
    left.pop(".lock", None)
    # With the journal, the next run puts the other files in place.
    if not any(shop.state.glob(".*.unfinished/journal.json")):
        assert left in (before, expected)
    shop.update()
    assert shop.files() == expected
    folders = {path.name for path in shop.state.iterdir() if path.is_dir()}
    assert folders == {"digests"}


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_goes_on(nights, again, moment, start_verb, monkeypatch):
    _, expected = nights
    before = again.files()
    pattern, number = MOMENTS[moment]
    kill(again, start_verb, lambda: len(list(again.state.glob(pattern))) >= number)
    done = len(list(again.state.glob(SHARDS)))
    begun, write_shard = [], job_module.write_shard

    def count(job, shards, model, number, report):
        begun.append(number)
        write_shard(job, shards, model, number, report)

    monkeypatch.setattr(job_module, "write_shard", count)
    assert_ends_well(again, before, expected)
    # 48 photos are new.
    assert len(begun) <= -(-48 // SHARD_SIZE) - done


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_is_killed_at_any_time_goes_on(nights, again, seed, start_verb):
    _, expected = nights
    before = again.files()
    end = time.monotonic() + random.Random(seed).uniform(1, 12)
    kill(again, start_verb, lambda: time.monotonic() > end)
    assert_ends_well(again, before, expected)
