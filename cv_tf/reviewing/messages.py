"""What the page and the server say to each other: questions out, answers in."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Protocol

from cv_tf.answers import KINDS, Answer, AnswersError
from cv_tf.reviewing.products import Products
from cv_tf.spelling import clean

MOST_BYTES = 2**20  # Of a request: ids of some dozen products, however long.
_MOST_NAME = 60  # Characters of a person's name.
_MOST_TEXT = 20_000  # Such as of an id.
_MOST_SETS = 1000
_MOST_SECONDS = 86_400.0


class Asked(Protocol):
    """A question, such as `Question`."""

    @property
    def kind(self) -> str:
        """What is asked: "pair", "group" or "line-up"."""

    @property
    def inside(self) -> tuple[str, ...]:
        """Ids of the product or group that is asked about."""

    @property
    def outside(self) -> tuple[str, ...]:
        """Ids that are shown beside it."""

    @property
    def sets(self) -> tuple[int | None, ...]:
        """What is proposed at first, as in an `Answer`."""

    @property
    def stratum(self) -> str:
        """The stratum of a random question."""


class WrongMessageError(ValueError):
    """A message that the page would not send; the text says why."""


def spell_question(question: Asked | None, products: Products) -> dict[str, Any] | None:
    """A question as JSON, with what is known of its products."""
    if question is None:
        return None
    ids = [*question.inside, *question.outside]
    return {
        "kind": question.kind,
        "inside": list(question.inside),
        "outside": list(question.outside),
        "sets": list(question.sets),
        "stratum": question.stratum,
        "facts": [products.facts(product) for product in ids],
    }


def read_answer(message: dict[str, Any], known: Container[str]) -> Answer:
    """What a person has said.

    Raises:
      WrongMessageError: If it is no answer about known products.
    """
    inside, outside = (_ids(message, name, known) for name in ("inside", "outside"))
    sets = message.get("sets")
    if not isinstance(sets, list) or not all(map(_is_set, sets)):
        raise WrongMessageError("'sets' must be a list of whole numbers and null.")
    seconds = message.get("seconds", 0.0)
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= _MOST_SECONDS:
        raise WrongMessageError("'seconds' must be a number, 0 or more.")
    try:
        return Answer(
            kind=str(message.get("kind")),
            inside=inside,
            outside=outside,
            sets=tuple(sets),
            by=read_name(message),
            seconds=round(float(seconds), 2),
            stratum=read_text(message, "stratum"),
        )
    except AnswersError as error:
        raise WrongMessageError(str(error)) from error


def read_name(message: dict[str, Any]) -> str:
    """The name of the person; raises `WrongMessageError` if there is none."""
    name = clean(read_text(message, "by"))
    if not name or len(name) > _MOST_NAME or not name.isprintable():
        raise WrongMessageError(f"'by' must be a name of 1 to {_MOST_NAME} characters.")
    return name


def read_kind(message: dict[str, Any]) -> str:
    """The kind of question that is wanted; "" for any, "random" for random groups."""
    kind = read_text(message, "kind")
    if kind and kind not in (*KINDS, "random"):
        raise WrongMessageError(f"'kind' must be empty, random, or {', '.join(KINDS)}.")
    return kind


def read_text(message: dict[str, Any], name: str) -> str:
    """A text of a message, "" if it is not there."""
    text = message.get(name, "")
    if not isinstance(text, str) or len(text) > _MOST_TEXT:
        raise WrongMessageError(f"'{name}' must be a short text.")
    return text


def _ids(message: dict[str, Any], name: str, known: Container[str]) -> tuple[str, ...]:
    ids = message.get(name)
    if not isinstance(ids, list) or not all(isinstance(it, str) for it in ids):
        raise WrongMessageError(f"'{name}' must be a list of product ids.")
    if not all(product in known for product in ids):
        raise WrongMessageError(f"'{name}' has products that are not in the catalog.")
    return tuple(ids)


def _is_set(value: Any) -> bool:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value is None or (is_number and -1 <= value < _MOST_SETS)
