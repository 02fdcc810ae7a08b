"""What libraries say to their developers, kept from the users of a command.

TensorFlow's own setting says how much of it is shown: with TF_CPP_MIN_LOG_LEVEL=0, all
of it is. The package sets it to 3, unless it is set already.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.util
import logging
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_STDERR = 2
# Of levels 1, 2 and 3, as TensorFlow counts: up to infos, warnings, errors.
_KINDS = (b"I", b"W", b"E")
_LOGGERS = ("tensorflow", "matplotlib")
_redirecting = threading.RLock()


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keeps away what TensorFlow says as it is loaded, and the warnings of libraries.

    Those are about slow callbacks, retracing and caches of fonts: nothing that a user
    of a command could mend.
    """
    if not _level():
        yield
        return
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    finder = _QuietTensorFlow()
    sys.meta_path.insert(0, finder)
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        with contextlib.suppress(ValueError):  # It is gone, once it has done its work.
            sys.meta_path.remove(finder)


@contextlib.contextmanager
def without_remarks() -> Iterator[None]:
    """Keeps log lines of C++ from standard error; all other lines come after the block.

    Where log lines begin before their library has read its settings, or it has none,
    nothing else keeps them away. Of a process that dies in the block, nothing is seen:
    it is for what takes moments.
    """
    kinds = b"|".join(_KINDS[: _level()])
    with _redirecting, contextlib.ExitStack() as stack:
        if kinds:
            with contextlib.suppress(OSError):  # There is no standard error.
                stack.enter_context(_without_lines(_remark(kinds)))
        yield


def _level() -> int:
    text = os.environ.get(_LEVEL, "0")
    return int(text) if text.isdecimal() else 0


def _remark(kinds: bytes) -> re.Pattern[bytes]:
    """The lines of some kinds, as absl, TensorFlow and LiteRT write them."""
    place = rb".*\.(cc|h):\d+\] "
    return re.compile(
        rb"WARNING: All log messages before absl::InitializeLog"
        rb"|(" + kinds + rb")\d{4} \d\d:\d\d:[\d.]+ " + place + rb"|"
        rb"\d{4}-\d\d-\d\d \d\d:\d\d:[\d.]+: (" + kinds + rb") " + place + rb"|"
        rb"INFO: "  # Of LiteRT, which knows no setting.
    )


@contextlib.contextmanager
def _without_lines(unwanted: re.Pattern[bytes]) -> Iterator[None]:
    before = os.dup(_STDERR)  # First, as a new file would take a number that is free.
    try:
        with tempfile.TemporaryFile() as kept:
            _flush()
            os.dup2(kept.fileno(), _STDERR)
            try:
                yield
            finally:
                _flush()
                os.dup2(before, _STDERR)
                kept.seek(0)
                for line in kept:
                    if not unwanted.match(line):
                        _write(line)
    finally:
        os.close(before)


def _flush() -> None:
    """Has Python write what it holds back; a daemon or a pipe may have no reader."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


def _write(line: bytes) -> None:
    """Writes all of a line; what nobody can read is no error of the work."""
    with contextlib.suppress(OSError):
        while line:
            line = line[os.write(_STDERR, line) :]


class _QuietTensorFlow(importlib.abc.MetaPathFinder):
    """Has TensorFlow loaded without its remarks.

    It stays until TensorFlow is loaded: libraries ask whether there is one before.
    """

    _asks_others = False

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        """The usual specification, with a loader that keeps remarks away."""
        if fullname != "tensorflow" or self._asks_others:
            return None
        self._asks_others = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asks_others = False
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_quietly(module: ModuleType) -> None:
            with contextlib.suppress(ValueError):  # The block may have ended.
                sys.meta_path.remove(self)
            with without_remarks():
                execute(module)

        spec.loader.exec_module = execute_quietly  # type: ignore[method-assign]
        return spec
