"""Shards in a bucket, which a fake of Google Cloud Storage stands for."""

import csv
import hashlib
import json
import os
import subprocess
import sys

import pytest

from cv_tf.catalog.catalog_builder import write_shards

# Photos are read in a random order and from several threads, as in training.
SESSION = """
import hashlib, json, sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cv_tf.catalog import CatalogError
from cv_tf.catalog.catalog_builder import write_shards
from cv_tf.catalog.dataset import load_dataset

def told(function, *arguments, **options):
    try:
        function(*arguments, **options)
    except CatalogError as error:
        return str(error)

def digest(row):
    return hashlib.sha256(catalog.records(int(catalog.record[row]))).hexdigest()

table, data_dir, array_records = sys.argv[1:]
refused = told(write_shards, table, data_dir, "other", file_format="array_record")
folder = write_shards(table, data_dir, "drawn", progress=False)
catalog = load_dataset("catalog/drawn", data_dir, progress=False)
rows = np.random.default_rng(0).permutation(len(catalog))
with ThreadPoolExecutor(8) as pool:
    digests = dict(zip(catalog.product_id[rows].tolist(), pool.map(digest, rows)))
print(json.dumps({
    "folder": folder,
    "digests": digests,
    "styles": dict(zip(catalog.product_id.tolist(), catalog.style_id.tolist())),
    "refused": refused,
    "unreadable": told(load_dataset, array_records),
    "not prepared": told(load_dataset, "catalog/unknown", data_dir),
}))
"""


pytestmark = pytest.mark.slow  # The fake takes twenty seconds of a core.


@pytest.fixture(scope="module")
def products(drawn_catalog):
    """The rows of the table, with the bytes of their photos."""
    with drawn_catalog.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["photo"] = drawn_catalog.with_name(row["image"]).read_bytes()
    return rows


@pytest.fixture(scope="module")
def session(bucket, drawn_catalog, tmp_path_factory):
    """What one process found that writes shards into the bucket and reads them."""
    data_dir = tmp_path_factory.mktemp("data")
    write_shards(drawn_catalog, data_dir, "on_disk", progress=False)
    bucket.put(data_dir, "old")
    places = (drawn_catalog, "gs://bucket/new", "gs://bucket/old/catalog/on_disk/1.0.0")
    done = subprocess.run(
        [sys.executable, "-c", SESSION, *map(str, places)],
        env=os.environ | bucket.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_photos_and_labels_are_those_of_the_table(session, products):
    assert session["folder"] == "gs://bucket/new/catalog/drawn/1.0.0"
    assert session["digests"] == {
        row["product_id"]: hashlib.sha256(row["photo"]).hexdigest() for row in products
    }
    assert session["styles"] == {row["product_id"]: row["style_id"] for row in products}


def test_shards_are_read_through_once_and_photos_by_themselves(
    session, bucket, products
):
    reads = bucket.reads(r"new/.*\.tfrecord")
    shards = [name for name in bucket.objects if "new/" in name and "tfrecord" in name]
    through = [read for read in reads if not read.range]
    assert sorted(read.object for read in through) == sorted(shards)
    assert len(shards) == 2
    by_number = [read.num_bytes for read in reads if read.range]
    assert len(by_number) == len(products)
    sizes = sorted(len(row["photo"]) for row in products)
    for num_bytes, size in zip(sorted(by_number), sizes, strict=True):
        assert size < num_bytes < size + 400  # The labels are there, too.


def test_array_records_are_refused_before_anything_is_written(session, bucket):
    assert "as array_record, which needs a disk" in session["refused"]
    assert "choose 'tfrecord'" in session["refused"]
    assert not [name for name in bucket.objects if "other" in name]


def test_array_records_in_a_bucket_are_told_with_what_to_do(session, bucket):
    assert "only tfrecord can be read from a bucket" in session["unreadable"]
    assert "Copy that folder to a disk" in session["unreadable"]
    assert not bucket.reads("old/.*array_record")


def test_what_is_not_in_the_bucket_is_told(session):
    assert "There is no data set 'catalog/unknown'" in session["not prepared"]
