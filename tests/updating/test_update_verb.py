"""The nightly run, as a user asks for it."""

import shutil

import pyarrow.parquet as pq
import pytest
from few import few
from nightly_shop import row_of, write_table
from PIL import Image

from cv_tf import update
from cv_tf.answers import Answer, AnswerStore
from cv_tf.catalog import CatalogError
from cv_tf.embeddings import job as job_module
from cv_tf.errors import UserError
from cv_tf.locks import BusyError
from cv_tf.updating import StateFolder, read_drift

pytestmark = pytest.mark.integration


@pytest.fixture
def embedded(monkeypatch):
    """The ids of the products that were embedded since the list was last cleared."""
    ids, write_shard = [], job_module.write_shard

    def write(job, shards, model, number, report):
        catalog = job.read_catalog()
        ids.extend(catalog.product_id[job.rows(number, len(catalog))].tolist())
        write_shard(job, shards, model, number, report)

    monkeypatch.setattr(job_module, "write_shard", write)
    return ids


def assert_as_embedded(shop, **settings):
    """The vectors are those that `embed` makes of the same catalogue, bit for bit."""
    made = pq.read_table(shop.state / "embeddings.parquet").combine_chunks()
    expected = pq.read_table(shop.embed(**settings)).combine_chunks()
    assert made.equals(expected)


class TestFirstNight:
    def test_is_what_embed_and_group_make(self, shop, embedded, capsys):
        done = shop.update()
        assert (done.num_products, done.num_embedded, done.num_added) == (12, 12, 12)
        assert done.is_new
        assert done.warnings == ()
        assert sorted(embedded) == sorted(row["product_id"] for row in shop.rows)
        assert sorted(shop.files()) == [
            "drift.json",
            "embeddings.parquet",
            "groups.csv",
            "groups.html",
            "groups.summary.json",
            "photos.parquet",
            "state.json",
        ]
        groups = [row["product_id"] for row in shop.table("groups.csv")]
        assert sorted(groups) == sorted(row["product_id"] for row in shop.rows)
        assert "12 products: 12 added, 0 with another photo, 0 gone" in (
            capsys.readouterr().out
        )
        assert_as_embedded(shop)

    def test_the_folder_is_named_and_the_page_left_out(self, shop, tmp_path):
        shop.update(output=str(tmp_path / "state"), page=False)
        assert not shop.state.exists()
        there = {path.name for path in (tmp_path / "state").iterdir()}
        assert "groups.csv" in there
        assert "groups.html" not in there
        assert "tonight" not in there

    def test_photos_that_are_none_stop_nothing(self, shop, capsys):
        (shop.folder / "3.png").write_text("This is not a photo.")
        (shop.folder / "5.png").unlink()
        done = shop.update()
        assert done.num_rejects == 2
        rejects = shop.table("embeddings.rejects.csv")
        assert [row["product_id"] for row in rejects] == ["p3", "p5"]
        assert "2 cannot be used" in capsys.readouterr().out
        assert_as_embedded(shop)
        rejects = (shop.folder / "embed.rejects.csv").read_bytes()
        assert shop.files()["embeddings.rejects.csv"] == rejects


class TestFilesForAShop:
    def test_are_made_with_all_others_and_go_when_they_are_not_asked_for(self, shop):
        shop.rows = [row | {"title": f"Shirt {row['product_id']}"} for row in shop.rows]
        shop.update(format="shopify", keep_columns=("title",))
        rows = shop.table("shop.csv")
        assert {row["Variant SKU"] for row in rows} == {
            row["product_id"] for row in shop.rows
        }
        titles = {row["product_id"]: row["title"] for row in shop.table("groups.csv")}
        assert titles["p3"] == "Shirt p3"
        assert not shop.update(format="shopify", keep_columns=("title",)).is_new
        assert shop.update(format="jsonl").is_new
        assert "shop.jsonl" in shop.files()
        assert "shop.csv" not in shop.files()

    def test_need_what_their_format_needs(self, shop):
        with pytest.raises(UserError, match="akeneo_family_variant go together"):
            shop.update(format="akeneo")
        with pytest.raises(UserError, match="--format=shop is not one of"):
            shop.update(format="shop")


class TestNoModel:
    def test_is_told_with_the_flag_that_makes_one(self, shop, tmp_path):
        with pytest.raises(UserError, match="--make_model"):
            shop.update(workdir=str(tmp_path / "new"))
        assert not (tmp_path / "new").exists()

    @pytest.mark.slow
    def test_one_is_made_of_these_photos(self, shop, tmp_path, capsys):
        done = shop.update(workdir=str(tmp_path / "new"), make_model=True)
        assert done.num_embedded == 12
        told = capsys.readouterr().out
        assert "A model of these photos, without training, is in" in told
        assert "No figures" not in told
        model = (tmp_path / "new" / "embedder.keras").read_bytes()
        again = shop.update(workdir=str(tmp_path / "new"), make_model=True)
        assert not again.is_new
        assert (tmp_path / "new" / "embedder.keras").read_bytes() == model


class TestNextNight:
    def test_nothing_new_changes_no_byte(self, shop, embedded, capsys):
        (shop.folder / "3.png").write_text("This is not a photo.")
        shop.update()
        before = shop.files()
        embedded.clear()
        again = shop.update()
        assert not again.is_new
        assert (again.num_embedded, again.num_rejects) == (0, 1)
        assert "Nothing has changed since the last run" in capsys.readouterr().out
        assert shop.files() == before
        assert embedded == []

    def test_only_new_contents_are_embedded(self, shop, embedded, capsys):
        shop.update()
        embedded.clear()
        # p0 and p1 are gone, p2 has another photo, p3's was moved, p4 is called
        # otherwise, p5's is written anew, p6 has another block, and p12 is new.
        shop.draw("2.png", 3, "crimson")
        (shop.folder / "3.png").rename(shop.folder / "moved.png")
        shutil.copy(shop.folder / "5.png", shop.folder / "copy.png")
        (shop.folder / "copy.png").replace(shop.folder / "5.png")
        shop.draw("12.png", 12, "green")
        rows = [dict(row) for row in shop.rows[2:]]
        rows[1]["image"] = "moved.png"
        rows[2]["product_id"] = "other"
        rows[4] |= {"category": "Shirts", "color": "dark blue"}
        shop.rows = [row_of(12), *reversed(rows)]
        done = shop.update()
        assert sorted(embedded) == ["p12", "p2"]
        assert (done.num_added, done.num_changed, done.num_gone) == (2, 1, 3)
        assert "11 products: 2 added, 1 with another photo, 3 gone. 2 photos were" in (
            capsys.readouterr().out
        )
        changes = {
            row["product_id"]: row["change"] for row in shop.table("changes.csv")
        }
        assert {changes[i] for i in ("p12", "other")} == {"added"}
        assert {changes[i] for i in ("p0", "p1", "p4")} == {"removed"}
        assert_as_embedded(shop)

    @pytest.mark.slow
    def test_another_box_is_another_photo(self, shop, embedded):
        boxes = dict.fromkeys(("x", "y", "width", "height"), "")
        shop.rows = [row | boxes for row in shop.rows]
        shop.update()
        embedded.clear()
        shop.rows[4] |= {"x": "5", "y": "5", "width": "20", "height": "30"}
        assert shop.update().num_changed == 1
        assert embedded == ["p4"]
        assert_as_embedded(shop)

    @pytest.mark.parametrize(
        ("change", "settings"), few(("model", {}), more=[("frame", {"frame": "photo"})])
    )
    def test_another_embedder_or_framing_embeds_all(
        self, shop, embedded, capsys, change, settings
    ):
        shop.update()
        embedded.clear()
        if change == "model":
            (shop.workdir / "other.keras").replace(shop.workdir / "embedder.keras")
        shop.update(**settings)
        assert len(embedded) == 12
        assert "All photos are embedded anew" in capsys.readouterr().out
        assert read_drift(shop.state / "drift.json").baseline.run == 2
        assert_as_embedded(shop, **settings)

    def test_rejects_come_and_go(self, shop, embedded):
        content = (shop.folder / "3.png").read_bytes()
        shop.update()
        (shop.folder / "3.png").unlink()
        assert shop.update().num_rejects == 1
        embedded.clear()
        (shop.folder / "3.png").write_bytes(content)
        assert shop.update().num_rejects == 0
        assert embedded == ["p3"]
        assert "embeddings.rejects.csv" not in shop.files()
        assert_as_embedded(shop)

    def test_groups_go_on_and_what_people_confirmed_stays(self, shop):
        shop.update()
        rows, summary = shop.table("groups.csv"), shop.summary()
        # A person writes it into all rows of the group of p1.
        group = next(row["group_id"] for row in rows if row["product_id"] == "p1")
        for row in rows:
            if row["group_id"] == group:
                row["state"] = "confirmed"
        write_table(shop.state / "groups.csv", rows)
        assert shop.update().is_new
        again = shop.table("groups.csv")
        confirmed = {row["group_id"] for row in again if row["state"] == "confirmed"}
        assert confirmed == {group}
        names = {row["product_id"]: row["group_id"] for row in again}
        assert names == {row["product_id"]: row["group_id"] for row in rows}
        assert summary["threshold_source"] != "the earlier run"
        assert shop.summary()["threshold_source"] == "the earlier run"
        assert shop.summary()["threshold"] == summary["threshold"]

    def test_answers_are_obeyed(self, shop, tmp_path):
        shop.update()
        store = tmp_path / "my.sqlite"
        with AnswerStore(store) as answers:
            answers.add(Answer("pair", ("p1",), ("p11",), (0, 0), "Ann"))
            answers.add(Answer("pair", ("p1",), ("p3",), (0, -1), "Ann"))
        assert shop.update(answers=(str(store),)).is_new
        group = {row["product_id"]: row["group_id"] for row in shop.table("groups.csv")}
        assert group["p1"] == group["p11"] != group["p3"]
        assert not shop.update(answers=(str(store),)).is_new
        with AnswerStore(store) as answers:
            answers.add(Answer("pair", ("p1",), ("p5",), (0, -1), "Ann"))
        assert shop.update(answers=(str(store),)).is_new


class TestTrouble:
    def test_without_any_photo_all_stays(self, shop):
        shop.update()
        before = shop.files()
        for path in shop.folder.glob("*.png"):
            path.unlink()
        with pytest.raises(CatalogError, match="no photo can be used"):
            shop.update()
        assert shop.files() == before

    @pytest.mark.parametrize("name", ["embeddings.parquet", "photos.parquet"])
    def test_damaged_vectors_are_made_anew(self, shop, embedded, name, capsys):
        shop.update()
        before = shop.files()
        embedded.clear()
        content = bytearray(before[name])
        content[len(content) // 2] ^= 1
        (shop.state / name).write_bytes(content)
        shop.update()
        assert f"'{name}' is not as it was written" in capsys.readouterr().out
        assert len(embedded) == 12
        assert shop.files()["embeddings.parquet"] == before["embeddings.parquet"]

    def test_a_photo_that_is_replaced_meanwhile_is_embedded_again(
        self, shop, embedded, monkeypatch
    ):
        write_shard = job_module.write_shard

        def replace_then_write(job, shards, model, number, report):
            if number == 0:
                shop.draw("2.png", 9, "green")
            write_shard(job, shards, model, number, report)

        with monkeypatch.context() as patch:
            patch.setattr(job_module, "write_shard", replace_then_write)
            shop.update()
        embedded.clear()
        shop.update()
        assert embedded == ["p2"]
        assert_as_embedded(shop)

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("drift.json", "{}", "drift.json.*Remove it"),
            ("groups.csv", "product_id\np1\n", "no column 'group_id'"),
            ("state.json", "{", "state.json.*Remove it"),
        ],
    )
    def test_damaged_files_are_told_before_long_work(
        self, shop, embedded, name, content, message
    ):
        shop.update()
        embedded.clear()
        (shop.state / name).write_text(content)
        shop.rows = [row_of(12), *shop.rows]
        shop.draw("12.png", 12, "green")
        before = shop.files()
        with pytest.raises(UserError, match=message):
            shop.update()
        assert shop.files() == before
        assert embedded == []

    def test_a_second_run_is_refused(self, shop):
        shop.update()
        before = shop.files()
        with (
            StateFolder(shop.state.absolute()).only_run(),
            pytest.raises(BusyError, match="is being written by another process"),
        ):
            shop.update()
        assert shop.files() == before

    def test_without_a_training_there_is_nothing_to_embed_by(self, shop):
        (shop.workdir / "embedder.keras").unlink()
        with pytest.raises(UserError, match="A finished training writes it"):
            shop.update()


class TestDrift:
    def test_of_a_shop_that_draws_otherwise_is_told(self, shop, run_verb):
        flags = [f"--{name}={value}" for name, value in shop.flags().items()]
        shop.rows = [row_of(number) for number in range(40)]
        for number in range(40):
            shop.draw(f"{number}.png", number % 12, ("navy", "red")[number // 20])
        shop.write()
        assert run_verb("update", *flags).returncode == 0
        # Photos of noise, which are like no garment.
        for number in range(40, 80):
            noise = Image.effect_noise((40, 40), 90 + number)
            noise.convert("RGB").save(shop.folder / f"{number}.png")
        shop.rows += [row_of(number) for number in range(40, 80)]
        shop.write()
        told = run_verb("update", *flags, "--fail_on_drift")
        assert told.returncode == 3, told.stderr
        assert (
            "Warning: Of 40 new photos, 100.0% have no plausible frame" in told.stdout
        )
        assert (shop.state / "drift.json").is_file()
        # Once more, all is as it was, and the warning is repeated.
        again = run_verb("update", *flags, "--fail_on_drift")
        assert again.returncode == 3
        assert "Nothing has changed" in again.stdout
        assert "Warning: Of 40 new photos" in again.stdout
        assert run_verb("update", *flags).returncode == 0
        # Whoever removes the file accepts these products.
        (shop.state / "drift.json").unlink()
        accepted = run_verb("update", *flags, "--fail_on_drift")
        assert accepted.returncode == 0
        baseline = read_drift(shop.state / "drift.json").baseline
        assert baseline.run == 3
        # Of all photos, which are drawn twice, or noise.
        assert baseline.measured.doubtful.of == 24 + 40


class TestCommandLine:
    def test_help_and_wrong_flags_load_no_tensorflow(self, run_verb):
        told = run_verb("update", "--help", tensorflow=False)
        assert told.returncode == 0
        assert "--fail_on_drift" in told.stdout
        told = run_verb("update", "--outpt=x", tensorflow=False)
        assert told.returncode == 2
        assert "Did you mean: output" in told.stderr

    def test_settings_are_those_of_the_training(self, shop):
        config = (shop.workdir / "config.cfg").read_text()
        config = config.replace("--frame=auto", "--frame=photo")
        (shop.workdir / "config.cfg").write_text(config)
        found = update.settings_of(["update", f"--workdir={shop.workdir}"])
        assert found.frame == "photo"
        found = update.settings_of(["", f"--workdir={shop.workdir}", "--frame=auto"])
        assert found.frame == "auto"
