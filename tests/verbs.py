"""Runs verbs as `python -m cv_tf.VERB` does, in this process."""

import contextlib
import importlib.abc
import io
import logging
import os
import runpy
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

# What loads TensorFlow, or is loaded by it.
_HEAVY = ("tensorflow", "tf_keras", "keras", "keras_cv", "scann", "tensorflow_addons")


class _NoTensorFlow(importlib.abc.MetaPathFinder):
    """Makes importing TensorFlow an error."""

    def find_spec(self, fullname, path, target=None):
        if fullname == "tensorflow":
            raise RuntimeError("TensorFlow was loaded")


@contextlib.contextmanager
def without_tensorflow() -> Iterator[None]:
    """Within it, cv_tf is imported anew, and importing TensorFlow is an error."""
    before = dict(sys.modules)
    finder = _NoTensorFlow()
    for name in before:
        if name.split(".")[0] in ("cv_tf", *_HEAVY):
            del sys.modules[name]
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in set(sys.modules) - set(before):
            if name.split(".")[0] in ("cv_tf", *_HEAVY):
                del sys.modules[name]
        sys.modules.update(before)


@contextlib.contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Variables of the environment, which is then as it was before."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run_here(
    verb: str,
    arguments: Sequence[str],
    tensorflow: bool,
    environment: Mapping[str, str],
) -> subprocess.CompletedProcess:
    """Runs a verb with what is imported already, which takes seconds less.

    Args:
      verb: Its name.
      arguments: Its flags.
      tensorflow: False if it may not load TensorFlow; then cv_tf is imported anew.
      environment: Added to that of this process.

    Returns:
      What a process would have left: exit code, output and errors.
    """
    output, errors = io.StringIO(), io.StringIO()
    argv, folder, code = sys.argv, Path.cwd(), 0
    # What is logged goes to a process's errors.
    handler, logger = logging.StreamHandler(errors), logging.getLogger()
    handler.setLevel(logging.WARNING)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_environment(environment))
        stack.enter_context(contextlib.redirect_stdout(output))
        stack.enter_context(contextlib.redirect_stderr(errors))
        stack.callback(logger.removeHandler, handler)
        logger.addHandler(handler)
        stack.enter_context(warnings.catch_warnings())
        # Of modules that were imported before one of them is run.
        warnings.filterwarnings("ignore", ".*found in sys.modules", RuntimeWarning)
        if not tensorflow:
            stack.enter_context(without_tensorflow())
        sys.argv = [f"cv_tf.{verb}", *arguments]
        try:
            runpy.run_module(f"cv_tf.{verb}", run_name="__main__", alter_sys=True)
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
        finally:
            sys.argv = argv
            os.chdir(folder)
    return subprocess.CompletedProcess(
        [verb, *arguments], code, output.getvalue(), errors.getvalue()
    )


class ProcessHere:
    """A verb in place of a process: it is over when it has begun.

    Args:
      arguments: As for `subprocess.Popen`: Python, "-m", the module and its flags.
      stdout: A binary file for what it prints, errors included.
    """

    def __init__(self, arguments: Sequence[str], stdout: BinaryIO, **_):
        _, _, module, *flags = arguments
        done = run_here(module.removeprefix("cv_tf."), flags, True, {})
        stdout.write((done.stdout + done.stderr).encode())
        stdout.flush()
        self._code = done.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def wait(self) -> int:
        """The exit code."""
        return self._code
