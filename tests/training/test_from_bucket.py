"""A run from shards in a bucket, which a fake of Google Cloud Storage stands for."""

import pytest
from ends import assert_same_end

from cv_tf import train
from cv_tf.catalog.catalog_builder import write_shards


@pytest.mark.slow
def test_a_bucket_teaches_what_a_disk_does(
    bucket, drawn_catalog, tiny_run, start_verb, tmp_path
):
    for folder, file_format in (("disk", "array_record"), ("copy", "tfrecord")):
        write_shards(
            drawn_catalog,
            tmp_path / folder,
            "drawn",
            file_format=file_format,
            progress=False,
        )
    bucket.put(tmp_path / "copy", "datasets")

    def configure(name, data_dir):
        return tiny_run(
            tmp_path / name,
            catalog="",
            dataset="catalog/drawn",
            data_dir=data_dir,
            cache_dir=str(tmp_path / f"{name} cache"),
            memory_gigabytes=0.0,
            method="triplet",
            steps=4,
        )

    one = configure("one", "gs://bucket/datasets")
    other = configure("other", str(tmp_path / "disk"))
    with start_verb("train", one, environment=bucket.environment) as process:
        train.run(other)
        _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert_same_end(one.workdir, other.workdir)
    reads = bucket.reads("datasets/.*tfrecord")
    assert len([read for read in reads if not read.range]) == 2  # One for each split.
    assert len([read for read in reads if read.range]) >= 45 + 4 * 8  # Scan, batches.
