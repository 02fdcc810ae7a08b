"""What libraries say to their developers, kept from users."""

import importlib.util
import logging
import os
import sys
import types

import pytest

from cv_tf import noise

REMARKS = [
    b"WARNING: All log messages before absl::InitializeLog() is called are written to "
    b"STDERR",
    b"I0000 00:00:1796122399.799414    9744 cudart_stub.cc:31] Could not find cuda "
    b"drivers on your machine, GPU will not be used.",
    b"E0000 00:00:1731082030.123456   12345 cuda_dnn.cc:8310] Unable to register cuDNN "
    b"factory: Attempting to register factory for plugin cuDNN",
    b"2024-11-08 16:07:10.123456: I tensorflow/core/platform/cpu_feature_guard.cc:210] "
    b"This TensorFlow binary is optimized to use available CPU instructions.",
    b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
]
ERRORS = [
    b"F0000 00:00:1731082030.123456   12345 cpu_feature_guard.cc:10] The TensorFlow "
    b"library was compiled to use AVX instructions",
    b"ERROR: Node number 5 (CONV_2D) failed to prepare.",
    b"terminate called after throwing an instance of 'std::bad_alloc'",
    b"I0000 is a product of the catalogue",
]


@pytest.fixture(autouse=True)
def level(monkeypatch):
    """Sets the level of TensorFlow's logs."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    return lambda value: monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", value)


def write(lines):
    for line in lines:
        os.write(2, line + b"\n")


def test_log_lines_of_libraries_are_left_out_and_others_are_not(capfd):
    with noise.without_remarks():
        write([REMARKS[0], ERRORS[0], *REMARKS[1:], *ERRORS[1:]])
        print("A warning of Python.", file=sys.stderr)
    write([b"after"])
    kept = capfd.readouterr().err.splitlines()
    expected = [*(line.decode() for line in ERRORS), "A warning of Python.", "after"]
    assert sorted(kept) == sorted(expected)
    assert kept[-1] == "after"


def test_who_asks_for_infos_or_errors_sees_them(level, capfd):
    level("0")
    with noise.without_remarks():
        write(REMARKS)
    assert len(capfd.readouterr().err.splitlines()) == len(REMARKS)
    level("2")
    with noise.without_remarks():
        write(REMARKS)
    assert capfd.readouterr().err.encode().splitlines() == [REMARKS[2]]


def test_what_was_said_before_an_error_is_told(capfd):
    with pytest.raises(OSError, match="broken"), noise.without_remarks():
        write([REMARKS[1], b"This is why."])
        raise OSError("broken")
    assert capfd.readouterr().err == "This is why.\n"


def test_one_within_another(capfd):
    with noise.without_remarks(), noise.without_remarks():
        write([REMARKS[1], b"This is why."])
    assert capfd.readouterr().err == "This is why.\n"


def test_a_process_without_standard_error(monkeypatch):
    monkeypatch.setattr(noise, "_STDERR", 12345)
    with noise.without_remarks():
        pass


def test_a_daemon_whose_standard_error_python_does_not_know(monkeypatch, capfd):
    monkeypatch.setattr(sys, "stderr", None)
    with noise.without_remarks():
        write([REMARKS[1], b"This is why."])
    assert capfd.readouterr().err == "This is why.\n"


def test_a_pipe_that_nobody_reads_is_no_error(monkeypatch):
    reader, writer = os.pipe()
    monkeypatch.setattr(noise, "_STDERR", writer)
    try:
        with noise.without_remarks():
            os.write(writer, b"This is why.\n")
            os.close(reader)
    finally:
        os.close(writer)


class TestLoading:
    @pytest.fixture
    def library(self, tmp_path, monkeypatch):
        """A module named tensorflow that makes remarks as it is loaded."""
        lines = b"".join(line + bytes([10]) for line in [*REMARKS, b"This is why."])
        (tmp_path / "tensorflow.py").write_text(f"import os; os.write(2, {lines!r})")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "tensorflow", raising=False)

    def test_tensorflow_is_loaded_without_its_remarks(self, library, capfd):
        before = list(sys.meta_path)
        with noise.quiet_libraries():
            import tensorflow  # noqa: PLC0415
        assert isinstance(tensorflow, types.ModuleType)
        assert capfd.readouterr().err == "This is why.\n"
        assert sys.meta_path == before

    def test_libraries_may_ask_before_whether_it_is_there(self, library, capfd):
        with noise.quiet_libraries():
            assert importlib.util.find_spec("tensorflow") is not None
            import tensorflow  # noqa: F401, PLC0415
        assert capfd.readouterr().err == "This is why.\n"

    def test_with_them_if_asked(self, library, level, capfd):
        level("0")
        with noise.quiet_libraries():
            import tensorflow  # noqa: F401, PLC0415
        assert len(capfd.readouterr().err.splitlines()) == len(REMARKS) + 1

    def test_nothing_is_left_behind_if_it_is_not_loaded(self):
        before = list(sys.meta_path)
        with noise.quiet_libraries():
            assert logging.getLogger("tensorflow").level == logging.ERROR
        assert sys.meta_path == before
        assert logging.getLogger("tensorflow").level != logging.ERROR
