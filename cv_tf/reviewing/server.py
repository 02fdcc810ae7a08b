"""The server of the page where people answer questions about groups."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import flask
import waitress
from absl import logging
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, ServiceUnavailable

from cv_tf.answers import Answer, AnswersError
from cv_tf.errors import UserError
from cv_tf.pipeline import BadImageError
from cv_tf.reviewing.guard import Guard, is_loopback, names_of_host
from cv_tf.reviewing.messages import (
    MOST_BYTES,
    Asked,
    WrongMessageError,
    read_answer,
    read_kind,
    read_name,
    read_text,
    spell_question,
)
from cv_tf.reviewing.products import Products
from cv_tf.reviewing.served_pages import ServedPages
from cv_tf.reviewing.served_photos import SIDES, ServedPhotos

_NUM_THREADS = 24  # Most of them wait, for photos or the disk.
_MOST_KEYS = 10_000
_NOT_SAVED = (
    "The answer could not be saved. The terminal of python -m cv_tf.review says why."
)


class Engine(Protocol):
    """What chooses questions and takes answers, such as `Review`; threads share it."""

    def ask(self, by: str, kind: str = "") -> Asked | None:
        """The next question for a person; None if nothing is left."""

    def ask_about(self, product_id: str) -> Asked:
        """The question about the group of a product."""

    def say(self, answer: Answer) -> int:
        """Saves an answer; raises `AnswersError` if it could not be saved."""

    def undo(self, by: str) -> Asked | None:
        """Takes back a person's last answer; returns its question."""

    def progress(self, by: str) -> dict[str, Any]:
        """How far the work is, and what is known by it."""


def create_app(
    review: Engine,
    products: Products,
    token: str,
    host: str = "127.0.0.1",
    by: str = "",
    store_name: str = "",
    groups_page: Path | None = None,
) -> flask.Flask:
    """Makes the application, for `serve` or any WSGI server.

    Args:
      review: Chooses questions and takes answers.
      products: Photos and facts of the products that it asks about.
      token: The secret without which nothing is shown; `Guard` says how it is given.
      host: Address that the server is bound to.
      by: Name of the person, if the page is not to ask for it.
      store_name: Tells this store of answers from others, for what browsers keep.
      groups_page: Page of `cv_tf.report.write_group_page` to be shown at `/groups`.
    """
    app = flask.Flask("cv_tf.reviewing", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Its provider has it.
    guard = Guard(token, names_of_host(host))
    app.before_request(guard.check)
    app.after_request(guard.protect)
    app.register_error_handler(Exception, _say_error)
    page = ServedPages(token, by, store_name, groups_page)
    app.add_url_rule("/", "page", page.show)
    app.add_url_rule("/groups", "groups", page.show_groups)
    app.add_url_rule("/photo", "photo", _Photos(products).send)
    for name, handle in _Talk(review, products).handlers().items():
        app.add_url_rule(f"/api/{name}", name, handle, methods=["POST"])
    return app


class _Photos:
    """The photos of the products, and of nothing else."""

    def __init__(self, products: Products):
        self._products, self._photos = products, ServedPhotos()

    def send(self) -> flask.Response:
        product = flask.request.args.get("product", "")
        side = flask.request.args.get("side", SIDES[0], type=int)
        if product not in self._products:
            raise NotFound("There is no such product.")
        if side not in SIDES:
            raise BadRequest(f"'side' must be one of {', '.join(map(str, SIDES))}.")
        try:
            content = self._photos.jpeg(self._products.image(product), side)
        except BadImageError as error:
            raise NotFound(f"No photo: {error}") from error
        return flask.Response(content, mimetype="image/jpeg")


class _Talk:
    """Messages of the page: each is an object in JSON, and so is what it returns."""

    def __init__(self, review: Engine, products: Products):
        self._review, self._products = review, products
        # Numbers of the latest answers by the keys that the page gave them: it sends an
        # answer again if it has not heard that it was saved.
        self._saved: OrderedDict[str, int] = OrderedDict()
        self._saving = threading.Lock()

    def handlers(self) -> dict[str, Callable[[], Any]]:
        return {"ask": self._ask, "answer": self._answer, "undo": self._undo}

    def _ask(self) -> dict[str, Any]:
        message = _message()
        by, about = read_name(message), read_text(message, "about")
        if about and about not in self._products:
            raise NotFound("There is no such product.")
        if about:
            question: Asked | None = self._review.ask_about(about)
        else:
            question = self._review.ask(by, read_kind(message))
        return self._reply(by, question)

    def _answer(self) -> dict[str, Any]:
        message = _message()
        answer, key = read_answer(message, self._products), read_text(message, "key")
        with self._saving:
            number = self._saved.get(key) if key else None
            if number is None:
                with _told_if_not_saved():
                    number = self._review.say(answer)
            if key:
                self._saved[key] = number
            if len(self._saved) > _MOST_KEYS:
                self._saved.popitem(last=False)
        return {"number": number, "progress": self._review.progress(answer.by)}

    def _undo(self) -> dict[str, Any]:
        by = read_name(_message())
        with _told_if_not_saved():
            question = self._review.undo(by)
        return self._reply(by, question)

    def _reply(self, by: str, question: Asked | None) -> dict[str, Any]:
        return {
            "columns": self._products.columns,
            "question": spell_question(question, self._products),
            "progress": self._review.progress(by),
        }


@contextlib.contextmanager
def _told_if_not_saved() -> Iterator[None]:
    """Tells the page that nothing was saved, and the terminal why."""
    try:
        yield
    except (AnswersError, OSError) as error:
        logging.error("%s", error)
        raise ServiceUnavailable(_NOT_SAVED) from error


def _message() -> dict[str, Any]:
    try:
        message = flask.request.get_json()
    except RecursionError as error:  # Thousands of lists in each other.
        raise BadRequest("A message is an object.") from error
    if not isinstance(message, dict):
        raise BadRequest("A message is an object.")
    return message


def _say_error(error: Exception) -> flask.Response:
    """An error in words; what is no fault of the request is told in the terminal."""
    status, text = 500, "The server has failed. Its terminal says why."
    if isinstance(error, HTTPException):
        status, text = error.code or 500, error.description or error.name
    elif isinstance(error, WrongMessageError):
        status, text = 400, str(error)
    else:
        logging.error("%s has failed.", flask.request.path, exc_info=error)
    response = flask.Response(text, status, mimetype="text/plain")
    if flask.request.path.startswith("/api/"):
        response = flask.jsonify(error=text)
        response.status_code = status
    return response


def serve(
    app: flask.Flask, host: str, port: int, started: Callable[[str], None]
) -> None:
    """Serves until the process is interrupted.

    Args:
      app: What `create_app` made for the same host.
      host: Address to bind to.
      port: Port; 0 for any that is free.
      started: Called with the address once it is open.

    Raises:
      UserError: If that address cannot be used.
    """
    try:
        server = waitress.create_server(
            app,
            host=host,
            port=port,
            threads=_NUM_THREADS,
            ident=None,
            max_request_body_size=MOST_BYTES,
        )
    except (OSError, ValueError) as error:
        raise UserError(
            f"--host={host} --port={port} cannot be used ({error}). Pass "
            "--port=0 for any port that is free."
        ) from error
    name = host if not _is_any(host) else "127.0.0.1"
    started(f"http://{f'[{name}]' if ':' in name else name}:{server.effective_port}")
    if not is_loopback(host):
        logging.warning(
            "Whoever reaches this machine and has the address with its token, and the "
            "name of this machine in it, sees the photos and may answer. Nothing is "
            "encrypted on the way."
        )
    try:
        server.run()
    finally:
        server.close()


def _is_any(host: str) -> bool:
    return host in ("0.0.0.0", "::")  # noqa: S104 (compared, not bound to)
