"""Cases of a test of which `make test` runs a few."""

from collections.abc import Iterable
from typing import Any

import pytest


def few(*cases: Any, more: Iterable[Any]) -> list[Any]:
    """Cases for `pytest.mark.parametrize`; the others of `more` are slow.

    A case is one value, or a tuple of several.
    """
    others = [case for case in more if case not in cases]
    as_tuples = (case if isinstance(case, tuple) else (case,) for case in others)
    slow = pytest.mark.slow
    return [*cases, *(pytest.param(*case, marks=slow) for case in as_tuples)]
