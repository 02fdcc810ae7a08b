"""The nearest products of products and of photos, as a user asks for them."""

import csv
import dataclasses
import json
import logging
import re
import shutil
from math import cos, radians
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cv_tf import command, search
from cv_tf.catalog import read_catalog
from cv_tf.config import Config
from cv_tf.embeddings import EmbeddingsError, embed, fingerprint, to_table
from cv_tf.models import Embedder, EmbedderFileError
from cv_tf.pipeline import load_photos
from cv_tf.search import SearchConfig
from cv_tf.settings import ConfigError
from cv_tf.training import Workdir

# Of the first seven drawn products; the even styles are trousers, style 1 is a shirt.
ANGLES = {
    "00-black": 0,
    "00-navy": 10,
    "01-black": 5,
    "01-navy": 20,
    "01-crimson": 35,
    "02-black": 40,
    "02-navy": 80,
}


@pytest.fixture(scope="module")
def embeddings(drawn_catalog, tmp_path_factory):
    """A file of the seven products, with unit vectors at the angles above."""
    catalog = read_catalog(drawn_catalog).select(np.arange(len(ANGLES)))
    assert catalog.product_id.tolist() == list(ANGLES)
    angles = np.radians(list(ANGLES.values()))
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    path = tmp_path_factory.mktemp("seven") / "embeddings.parquet"
    pq.write_table(to_table(catalog, vectors, model="by hand"), path)
    return path


def found(*flags):
    """For each query, the names and similarities of its neighbors."""
    results = search.run(search.settings_of(["search", *flags]))
    return {
        query.name: {near.product.name: near.similarity for near in neighbors}
        for query, neighbors in results
    }


class TestProducts:
    def test_prints_a_table_without_tensorflow(self, embeddings, run_verb):
        flags = (f"--embeddings={embeddings}", "--product_id=00-black,01-crimson")
        process = run_verb("search", *flags, tensorflow=False)
        assert (process.returncode, process.stderr) == (0, "")
        assert process.stdout == (
            "Nearest to 00-black (Trousers, black):\n"
            "rank  product_id  similarity  score  block     color\n"
            "   1  00-navy          0.985  0.985  Trousers  navy\n"
            "   2  02-black         0.766  0.766  Trousers  black\n"
            "   3  02-navy          0.174  0.174  Trousers  navy\n"
            "\n"
            "Nearest to 01-crimson (Shirts, crimson):\n"
            "rank  product_id  similarity  score  block   color\n"
            "   1  01-navy          0.966  0.966  Shirts  navy\n"
            "   2  01-black         0.866  0.866  Shirts  black\n"
        )

    def test_across_blocks(self, embeddings):
        flags = (f"--embeddings={embeddings}", "--within_block=false")
        by_angle = sorted(ANGLES, key=ANGLES.get)[1:]
        neighbors = found(*flags, "--product_id=00-black")["00-black"]
        assert list(neighbors) == by_angle
        expected = [cos(radians(ANGLES[name])) for name in by_angle]
        assert list(neighbors.values()) == pytest.approx(expected, abs=1e-6)

    def test_as_many_as_asked_for(self, embeddings):
        flags = (f"--embeddings={embeddings}", "--product_id=00-navy")
        two = found(*flags, "--neighbors=2")["00-navy"]
        assert list(two) == ["00-black", "02-black"]
        assert len(found(*flags, "--neighbors=1000000000")["00-navy"]) == 3

    def test_among_many_products_there_is_no_second_look(
        self, embeddings, monkeypatch, capsys
    ):
        monkeypatch.setattr(search, "MOST_PRODUCTS", 2)
        found(f"--embeddings={embeddings}", "--product_id=00-navy")
        told = "Among more than 2 products, there is no second look.\n"
        assert told in capsys.readouterr().out

    def test_copies_of_a_photo_are_found_once(self, tmp_path, capsys):
        angles = np.radians([0, 0, 10, 10, 20])
        table = {
            "product_id": ["a", "a in L", "b", "b in L", "c"],
            "embedding": np.stack([np.cos(angles), np.sin(angles)], 1).tolist(),
        }
        pq.write_table(pa.table(table), tmp_path / "sizes.parquet")
        flags = (f"--embeddings={tmp_path / 'sizes.parquet'}", "--product_id=a in L,c")
        assert [list(near) for near in found(*flags).values()] == [
            ["b", "c"],
            ["b", "a"],
        ]
        assert "2 products share the photo of another one" in capsys.readouterr().out

    def test_copies_in_another_block_are_found_once_where_all_are_searched(
        self, tmp_path
    ):
        angles = np.radians([0, 0, 10, 10, 20])
        table = {
            "product_id": ["a", "a on sale", "b", "b on sale", "c on sale"],
            "block": ["all", "sale", "all", "sale", "sale"],
            "embedding": np.stack([np.cos(angles), np.sin(angles)], 1).tolist(),
        }
        pq.write_table(pa.table(table), tmp_path / "sale.parquet")
        flags = (f"--embeddings={tmp_path / 'sale.parquet'}", "--product_id=a on sale")
        within = found(*flags)["a on sale"]
        assert list(within) == ["b on sale", "c on sale"]
        across = found(*flags, "--within_block=false")["a on sale"]
        assert list(across) == ["b", "c on sale"]

    def test_those_of_its_own_color_are_further_behind(
        self, embeddings, tmp_path, capsys
    ):
        table = pq.read_table(embeddings)
        lab = {"black": [10.0, 0.0, 0.0], "navy": [20.0, 5.0, -30.0]}
        colors = [
            lab.get(color, [45.0, 70.0, 20.0]) for color in table["color"].to_pylist()
        ]
        table = table.append_column("lab", pa.array(colors, pa.list_(pa.float32(), 3)))
        pq.write_table(table, tmp_path / "colored.parquet")
        flags = (f"--embeddings={tmp_path}/colored.parquet", "--within_block=false")
        flags += ("--product_id=00-black", "--neighbors=2")
        # 01-black is at 5 degrees. 00-navy at 10 and 01-navy at 20 are 0.01 and 0.06
        # less similar; their color is worth more than that.
        assert list(found(*flags)["00-black"]) == ["00-navy", "01-navy"]
        assert capsys.readouterr().out.split("\n")[1:3] == [
            "rank  product_id  similarity  score  same_color  block     color",
            "   1  00-navy          0.985  0.948        0.00  Trousers  navy",
        ]
        page = tmp_path / "page.html"
        found(*flags, f"--output={page}")
        # Cosines of all pairs within the two blocks are 6.697 in all. Among 9 pairs
        # and 100 that stand for "unknown" it is a mean of 0.0614, and the discount is
        # 1.85 / 12 of the rest.
        assert "as if its similarity were 0.14 less." in page.read_text()
        page.unlink()
        found(*flags, f"--output={page}", "--color=0.3")
        assert "as if its similarity were 0.30 less." in page.read_text()
        page.unlink()
        found(*flags, f"--output={page}", "--color=off")
        assert "as if its similarity" not in page.read_text()
        plain = found(*flags, "--color=off")["00-black"]
        for former in ("--search_color_weight=0", "--same_color=0"):
            assert plain == found(*flags, former)["00-black"]
        assert list(plain) == ["01-black", "00-navy"]
        assert plain["01-black"] == pytest.approx(cos(radians(5)))

    def test_in_the_order_asked_for_and_each_once(self, embeddings):
        ids = "02-navy,01-navy,00-black,01-navy"
        results = found(f"--embeddings={embeddings}", f"--product_id={ids}")
        assert list(results) == ["02-navy", "01-navy", "00-black"]

    def test_the_only_one_of_its_block(self, embeddings, tmp_path, capsys):
        table = pq.read_table(embeddings).slice(0, 3)
        pq.write_table(table, tmp_path / "three.parquet")
        flags = (f"--embeddings={tmp_path}/three.parquet", "--product_id=01-black")
        assert found(*flags) == {"01-black": {}}
        assert "--within_block=false compares" in capsys.readouterr().out
        across = found(*flags, "--within_block=false")
        assert list(across["01-black"]) == ["00-black", "00-navy"]

    def test_the_only_photo_of_all_blocks(self, tmp_path, capsys):
        table = {"product_id": ["a", "b"], "embedding": [[1.0, 0.0]] * 2}
        for blocks in ({}, {"block": ["x", "y"]}):
            pq.write_table(pa.table(table | blocks), tmp_path / "one.parquet")
            flags = (f"--embeddings={tmp_path}/one.parquet", "--product_id=b")
            assert found(*flags, "--within_block=false") == {"b": {}}
            assert "--within_block" not in capsys.readouterr().out
            assert found(*flags) == {"b": {}}
            assert ("--within_block" in capsys.readouterr().out) == bool(blocks)

    def test_a_file_of_vectors_alone(self, tmp_path, capsys):
        vectors = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]
        table = pa.table({"product_id": ["A", "B", "C"], "embedding": vectors})
        pq.write_table(table, tmp_path / "bare.parquet")
        output = tmp_path / "bare.html"
        flags = (f"--embeddings={tmp_path}/bare.parquet", f"--output={output}")
        assert found(*flags, "--product_id=C") == {
            "C": {"B": pytest.approx(0.8), "A": 0.0}
        }
        assert capsys.readouterr().out.split("\n")[:4] == [
            "Nearest to C:",
            "rank  product_id  similarity  score",
            "   1  B                0.800  0.800",
            "   2  A                0.000  0.000",
        ]
        assert output.read_text().count("No photo: no image given") == 3


class TestCommas:
    """Ids and names of files may have commas in them."""

    IDS = ("shirt,1", "shirt", "A", "B", "A,B", "x, y", "x,y", "a,,b", "é,1", "z,")

    @pytest.fixture
    def file(self, tmp_path):
        vectors = np.eye(len(self.IDS), dtype=np.float32).tolist()
        table = pa.table({"product_id": list(self.IDS), "embedding": vectors})
        pq.write_table(table, tmp_path / "e.parquet")
        return f"--embeddings={tmp_path}/e.parquet"

    @pytest.mark.parametrize(
        ("given", "ids"),
        [
            ("shirt,1", ["shirt,1"]),
            ("shirt", ["shirt"]),
            ("shirt,1,B", ["shirt,1", "B"]),
            ("B,shirt,1", ["B", "shirt,1"]),
            (" B , shirt,1 ", ["B", "shirt,1"]),
            ("A,B", ["A,B"]),
            ("B,A", ["B", "A"]),
            ("x, y", ["x, y"]),
            ("x,y", ["x,y"]),
            ("B, x, y,x,y", ["B", "x, y", "x,y"]),
            ("a,,b,B", ["a,,b", "B"]),
            ("z,", ["z,"]),
            ('"shirt,1",B', ["shirt,1", "B"]),
            ("e\u0301,1", ["é,1"]),
            ("\u200bshirt,1\ufeff,\xa0B", ["shirt,1", "B"]),
        ],
    )
    def test_of_ids(self, file, given, ids):
        assert list(found(file, f"--product_id={given}")) == ids

    def test_of_an_id_that_is_not_there(self, file):
        with pytest.raises(ConfigError, match="has no product '2'"):
            found(file, "--product_id=shirt,2")

    def test_of_ids_in_a_list_of_python(self, file, tmp_path):
        config = SearchConfig(
            embeddings=f"{tmp_path}/e.parquet", product_id=("x, y", "shirt,1")
        )
        assert [query.name for query, _ in search.run(config)] == ["x, y", "shirt,1"]

    def test_ids_in_another_form_of_unicode_than_the_file(self, tmp_path):
        vectors = [[1.0, 0.0], [0.0, 1.0]]
        table = pa.table({"product_id": ["e\u0301", "A"], "embedding": vectors})
        pq.write_table(table, tmp_path / "e.parquet")
        results = found(f"--embeddings={tmp_path}/e.parquet", "--product_id=é")
        assert list(results) == ["\u00e9"]

    @pytest.mark.parametrize(
        ("given", "names"),
        [
            ("c,d.jpg", ["c,d.jpg"]),
            ("c,d.jpg,e.jpg", ["c,d.jpg", "e.jpg"]),
            ("e.jpg, f, g.jpg", ["e.jpg", "f, g.jpg"]),
            ("~/c,d.jpg", ["c,d.jpg"]),
            ("e.jpg,e.jpg", ["e.jpg"]),
            ("r\u00f6.jpg", ["ro\u0308.jpg"]),
        ],
    )
    def test_of_photos(self, tmp_path, monkeypatch, given, names):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        for name in ("c,d.jpg", "e.jpg", "f, g.jpg", "ro\u0308.jpg", "embedder.keras"):
            (tmp_path / name).touch()
        flags = ["", "--embeddings=e", "--workdir=.", f"--image={given}"]
        photos = search._find_photos(search.settings_of(flags))
        assert [Path(photo).name for photo in photos] == names

    def test_a_photo_that_is_not_there_suggests_others(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "A.JPG").touch()
        with pytest.raises(ConfigError, match=r"no file 'a\.jpg'\. There is 'A\.JPG'"):
            found("--embeddings=e", "--workdir=.", "--image=a.jpg")


class TestOutput:
    @pytest.fixture
    def output_of(self, embeddings, tmp_path, run_verb):
        """A function from a file's name to what the verb writes to it."""

        def write(name):
            output = tmp_path / name
            flags = (f"--embeddings={embeddings}", "--product_id=01-navy")
            flags += (f"--output={output}",)
            process = run_verb("search", *flags, tensorflow=False)
            assert (process.returncode, process.stderr) == (0, "")
            assert process.stdout.endswith(f"\n\nWritten to '{output}'.\n")
            assert [path.name for path in tmp_path.iterdir()] == [name]
            return output.read_text()

        return write

    def test_page(self, output_of):
        page = output_of("neighbors.html")
        assert page.count('src="data:image/jpeg;base64,') == 3
        names = re.findall('alt="Photo of (.*?)"', page)
        assert names == ["01-navy", "01-black", "01-crimson"]
        assert re.findall(r"[01]\.\d{3}", page) == ["0.966"] * 4
        assert "Found among the 7 products of embeddings.parquet." in page

    def test_csv(self, output_of):
        rows = list(csv.DictReader(output_of("neighbors.CSV").splitlines()))
        assert [row["product_id"] for row in rows] == ["01-black", "01-crimson"]
        assert [row["similarity"] for row in rows] == ["0.965926"] * 2
        assert {row["query"] for row in rows} == {"01-navy"}

    def test_json(self, output_of, drawn_catalog):
        (result,) = json.loads(output_of("neighbors.json"))
        assert result["query"]["product_id"] == "01-navy"
        assert result["neighbors"][0] == {
            "rank": 1,
            "similarity": 0.965926,
            "score": 0.965926,
            "product_id": "01-black",
            "image": str(drawn_catalog.with_name("01-black.jpg")),
            "same_color": None,
            "block": "Shirts",
            "color": "black",
        }

    def test_one_that_is_there(self, embeddings, tmp_path, run_verb):
        output = tmp_path / "neighbors.json"
        output.write_text("precious")
        # It is refused before the file of embeddings is found missing.
        flags = ("--embeddings=nowhere.parquet", "--product_id=01-navy")
        flags += (f"--output={output}",)
        process = run_verb("search", *flags, tensorflow=False)
        assert process.returncode == 1
        assert f"'{output}' exists. Pass --overwrite" in process.stderr
        assert output.read_text() == "precious"
        found(*flags, f"--embeddings={embeddings}", "--overwrite")
        assert json.loads(output.read_text())[0]["query"]["color"] == "navy"

    def test_a_place_that_is_none(self, tmp_path):
        flags = ("--embeddings=nowhere.parquet", "--product_id=A")
        (tmp_path / "file").touch()
        with pytest.raises(ConfigError, match="is a file, so that"):
            found(*flags, f"--output={tmp_path}/file/neighbors.csv")
        with pytest.raises(ConfigError, match=r"\.xlsx must end in \.html or \.csv or"):
            found(*flags, "--output=neighbors.xlsx")
        (tmp_path / "folder.csv").mkdir()
        with pytest.raises(ConfigError, match="is a folder; --output must be a file"):
            found(*flags, f"--output={tmp_path}/folder.csv", "--overwrite")


class TestPhotos:
    @pytest.fixture(scope="class")
    def workdir(self, finished_run):
        return finished_run[0].workdir

    @pytest.fixture(scope="class")
    def drawn_embeddings(self, drawn_catalog, workdir, tmp_path_factory):
        """A file of all drawn products, by the Embedder of the run."""
        folder = tmp_path_factory.mktemp("embedded")
        path = Workdir(workdir).embedder
        embedder = Embedder.load(path)
        catalog = read_catalog(drawn_catalog)
        photos = load_photos(catalog, embedder.image_size, cache_dir=folder)
        table = to_table(catalog, embed(embedder, photos), model=fingerprint(path))
        pq.write_table(table, folder / "embeddings.parquet")
        return folder / "embeddings.parquet"

    @pytest.fixture(scope="class")
    def photo(self, drawn_catalog):
        return str(drawn_catalog.with_name("05-navy.jpg"))

    @pytest.fixture
    def flags(self, drawn_embeddings, workdir):
        return (f"--embeddings={drawn_embeddings}", f"--workdir={workdir}")

    @pytest.mark.integration
    def test_a_product_is_nearest_to_its_own_photo(
        self, flags, photo, run_verb, tmp_path
    ):
        output = tmp_path / "neighbors.json"
        flags = (*flags, f"--image={photo}", f"--output={output}", "--neighbors=3")
        process = run_verb("search", *flags)
        assert process.returncode == 0, process.stderr
        assert process.stdout.startswith(f"Nearest to {photo}:\nrank  product_id  ")
        (result,) = json.loads(output.read_text())
        assert result["query"]["image"] == photo
        assert result["query"]["product_id"] is result["query"]["block"] is None
        assert [neighbor["rank"] for neighbor in result["neighbors"]] == [1, 2, 3]
        assert result["neighbors"][0]["product_id"] == "05-navy"
        assert result["neighbors"][0]["similarity"] == pytest.approx(1, abs=1e-4)
        assert result["neighbors"][1]["similarity"] < 0.9999

    def test_finds_what_the_product_would(self, flags, photo):
        """All others, in the order that a search by product_id gives."""
        by_photo = found(*flags, f"--image={photo}", "--neighbors=45")[photo]
        product = ("--product_id=05-navy", "--within_block=false", "--neighbors=45")
        by_product = found(*flags, *product)["05-navy"]
        assert by_photo.pop("05-navy") == pytest.approx(1, abs=1e-4)
        assert by_photo == pytest.approx(by_product, abs=1e-4)
        # A second look is at the first twenty, of which the product is one.
        assert [*by_photo][:10] == [*by_product][:10]
        assert len(by_photo) == 44

    def test_without_a_second_look_the_most_similar_come_first(self, flags, photo):
        flags += (f"--image={photo}", "--color=off", "--second_look=false")
        similarities = [*found(*flags)[photo].values()]
        assert similarities == sorted(similarities, reverse=True)

    def test_one_block(self, flags, photo):
        names = found(*flags, f"--image={photo}", "--block=Trousers")[photo]
        assert len(names) == 10
        assert all(int(name[:2]) % 2 == 0 for name in names)

    def test_several_each_once(self, flags, photo, drawn_catalog):
        other = str(drawn_catalog.with_name("02-black.jpg"))
        results = found(*flags, f"--image={photo},{other},{photo}", "--neighbors=1")
        assert {query: list(names) for query, names in results.items()} == {
            photo: ["05-navy"],
            other: ["02-black"],
        }

    def test_a_photo_that_has_to_be_converted(self, flags, photo, tmp_path):
        with Image.open(photo) as image:
            image.save(tmp_path / "photo.webp", lossless=True)
        results = found(*flags, f"--image={tmp_path}/photo.webp", "--neighbors=1")
        assert list(results[f"{tmp_path}/photo.webp"]) == ["05-navy"]
        assert [path.name for path in tmp_path.iterdir()] == ["photo.webp"]

    @pytest.mark.integration
    def test_the_whole_photo(self, flags, photo):
        (auto,), (whole,) = (
            found(*flags, f"--image={photo}", f"--frame={frame}").values()
            for frame in ("auto", "photo")
        )
        assert auto != whole

    @pytest.mark.parametrize(
        ("of_run", "frame"),
        [("auto", "auto"), ("photo", "photo"), ("columns", "photo")],
    )
    def test_framed_as_the_run_was(self, of_run, frame, tmp_path):
        config = Config(frame=of_run, workdir=str(tmp_path))
        (tmp_path / "config.cfg").write_text(command.to_flagfile(config))
        flags = ["", "--embeddings=e", f"--workdir={tmp_path}", "--image=a.jpg"]
        assert search.settings_of(flags).frame == frame
        assert search.settings_of([*flags, "--frame=auto"]).frame == "auto"

    def test_photos_that_cannot_be_used(self, flags, photo, tmp_path):
        (tmp_path / "text.jpg").write_text("This is not a photo.")
        (tmp_path / "empty.jpg").touch()
        images = f"{tmp_path}/text.jpg,{photo},{tmp_path}/empty.jpg"
        with pytest.raises(ConfigError) as error:
            found(*flags, f"--image={images}")
        assert str(error.value) == (
            f"--image: '{tmp_path}/text.jpg' cannot be used: not an image (a text "
            f"file?).\n--image: '{tmp_path}/empty.jpg' cannot be used: the file is "
            "empty."
        )

    def test_a_damaged_embedder(self, flags, photo, workdir, tmp_path):
        damaged = tmp_path / "damaged"
        shutil.copytree(workdir, damaged)
        content = (damaged / "embedder.keras").read_bytes()
        (damaged / "embedder.keras").write_bytes(content[:-1000])
        with pytest.raises(EmbedderFileError, match="cannot be read as an Embedder"):
            found(*flags, f"--image={photo}", f"--workdir={damaged}")

    def test_another_embedder(self, flags, embeddings, photo, workdir):
        with pytest.raises(ConfigError) as error:
            found(*flags, f"--embeddings={embeddings}", f"--image={photo}")
        assert "vectors of another Embedder than --workdir" in str(error.value)
        assert str(Path(workdir, "embedder.keras")) in str(error.value)

    @pytest.mark.integration
    def test_an_embedder_that_the_file_does_not_name(
        self, flags, drawn_embeddings, embeddings, photo, tmp_path, caplog
    ):
        table = pq.read_table(drawn_embeddings).replace_schema_metadata(None)
        pq.write_table(table, tmp_path / "unnamed.parquet")
        unnamed = f"--embeddings={tmp_path}/unnamed.parquet"
        with caplog.at_level(logging.WARNING, "absl"):
            results = found(*flags, unnamed, f"--image={photo}")
        assert next(iter(results[photo])) == "05-navy"
        assert "unnamed.parquet does not say which Embedder" in caplog.text
        table = pq.read_table(embeddings).replace_schema_metadata(None)
        pq.write_table(table, tmp_path / "unnamed.parquet")
        with pytest.raises(ValueError, match=r"have 8 dimensions.*index have 2"):
            found(*flags, unnamed, f"--image={photo}")

    def test_a_block_that_is_not_there(self, flags, photo, run_verb):
        flags = (*flags, f"--image={photo}", "--block=trouser")
        process = run_verb("search", *flags, tensorflow=False)
        assert process.returncode == 1
        assert "no block 'trouser'. Did you mean 'Trousers'?" in process.stderr

    @pytest.mark.parametrize("missing", ["photo", "embedder"])
    def test_a_file_that_is_not_there(self, missing, photo, tmp_path, run_verb):
        if missing == "photo":
            photo = f"{tmp_path}/nowhere.jpg"
        flags = ("--embeddings=nowhere.parquet", f"--workdir={tmp_path}")
        process = run_verb("search", *flags, f"--image={photo}", tensorflow=False)
        assert process.returncode == 1
        expected = {
            "photo": f"--image: there is no file '{photo}'",
            "embedder": f"no Embedder at '{tmp_path}/embedder.keras'",
        }
        assert expected[missing] in process.stderr


class TestRefusals:
    def test_a_product_that_is_not_there(self, embeddings, run_verb):
        flags = (f"--embeddings={embeddings}", "--product_id=00-black,00-nav")
        process = run_verb("search", *flags, tensorflow=False)
        assert process.returncode == 1
        assert process.stdout == ""
        assert process.stderr == (
            "Failed: embeddings.parquet has no product '00-nav'. Did you mean "
            "'00-navy' or '02-navy' or '01-navy'?\n"
        )

    @pytest.mark.parametrize("ids", ["00-black,,01-navy", "00-black,", ",00-black"])
    def test_an_empty_entry(self, embeddings, ids):
        with pytest.raises(ConfigError, match="has an empty entry"):
            found(f"--embeddings={embeddings}", f"--product_id={ids}")

    def test_a_file_that_is_not_there(self):
        with pytest.raises(EmbeddingsError, match=r"nowhere\.parquet does not exist"):
            found("--embeddings=nowhere.parquet", "--product_id=A")

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (("--product_id=A", "--embeddings="), "--embeddings is not set"),
            ((), "Pass one of --product_id=ID"),
            (("--product_id=A", "--image=a.jpg", "--workdir=w"), "Pass one of"),
            (("--image=a.jpg",), "--image needs --workdir"),
            (("--product_id=A", "--block=Shirts"), "--block goes with --image alone"),
            (
                ("--image=a", "--workdir=w", "--block=B", "--within_block=false"),
                "--block goes with --image alone",
            ),
            (("--product_id=A", "--neighbors=0"), "--neighbors=0 must be 1 or more"),
            (
                ("--image=a.jpg", "--workdir=w", "--frame=columns"),
                "--frame=columns is not one of: auto, photo",
            ),
            (("--product=A",), "Did you mean: product_id"),
        ],
    )
    def test_wrong_flags_are_told_before_anything_is_read(
        self, flags, message, monkeypatch, capsys
    ):
        argv = ["search", "--embeddings=nowhere.parquet", *flags]
        monkeypatch.setattr("sys.argv", argv)
        with pytest.raises(SystemExit) as end:
            command.run(search.run, SearchConfig, parse=search.settings_of)
        assert end.value.code == 2
        assert message in capsys.readouterr().err


def test_help_comes_without_tensorflow(run_verb):
    process = run_verb("search", "--help=all", tensorflow=False)
    assert process.returncode == 0
    assert "cv_tf search --embeddings=" in process.stdout
    for field in dataclasses.fields(SearchConfig):
        assert f"\n  --{field.name}=" in process.stdout


def test_home_folders_are_understood(embeddings, monkeypatch):
    monkeypatch.setenv("HOME", str(embeddings.parent))
    flags = ("--embeddings=~/embeddings.parquet", "--output=~/neighbors.csv")
    found(*flags, "--product_id=01-navy")
    assert embeddings.with_name("neighbors.csv").is_file()
