"""The command that runs another one with a bucket of its own."""

import subprocess
import sys

import fake_gcs
import pytest

UPLOAD = """
import sys
from pyarrow.fs import GcsFileSystem

bucket = GcsFileSystem()
with bucket.open_output_stream("bucket/a") as file:
    file.write(b"abc")
with bucket.open_input_stream("bucket/a") as file:
    sys.exit(len(file.read()))
"""


@pytest.mark.integration
def test_a_command_has_a_bucket_and_its_exit_code_is_kept():
    done = subprocess.run(
        [sys.executable, fake_gcs.__file__, sys.executable, "-c", UPLOAD],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert done.stdout.endswith("requests, 3 bytes read\n")
