"""The pages that a server of questions shows, with the scripts that each may run."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import flask
from werkzeug.exceptions import NotFound

from cv_tf.answers import KINDS
from cv_tf.report import read_script, render_page
from cv_tf.reviewing.guard import page_policy
from cv_tf.reviewing.served_photos import SIDES

SCRIPTS = (
    "review_photos.js",
    "review_question.js",
    "review_time.js",
    "review.js",
    "review_keys.js",
)
_GROUP_SCRIPTS = ("deck.js", "groups.js")
_SOURCES = "img-src blob: data:; connect-src 'self'; script-src '{digest}'"
_GROUP_SOURCES = "img-src data:; script-src '{digest}'"
_MOST_BYTES = 2**27  # Of the page of groups.


class ServedPages:
    """The page of questions, and the page of groups.

    Args:
      token: What the page sends with each message.
      by: Name of the person, if the page is not to ask for it.
      store_name: Tells this store of answers from others, for what browsers keep.
      groups: The file of the page of groups; None for none.
    """

    def __init__(self, token: str, by: str, store_name: str, groups: Path | None):
        self._token, self._by, self._store = token, by, store_name
        self._groups = groups

    def show(self) -> flask.Response:
        """Sends the page of questions."""
        return _html(self._text, read_script(SCRIPTS, "reviewing").digest, _SOURCES)

    @functools.cached_property
    def _text(self) -> str:
        settings: dict[str, Any] = {"token": self._token, "by": self._by}
        settings |= {"store": self._store, "sides": SIDES}
        return render_page(
            "review.html.j2",
            SCRIPTS,
            "reviewing",
            kinds=KINDS,
            has_groups=self._groups is not None,
            data=settings,
        )

    def show_groups(self) -> flask.Response:
        """Sends the file as it is, with buttons; no script but its own may run."""
        if self._groups is None:
            raise NotFound(
                "There is no page of groups. Write it with python -m cv_tf.group "
                "--page=groups.html, and name it here with --page."
            )
        script = read_script(_GROUP_SCRIPTS)
        try:
            if self._groups.stat().st_size > _MOST_BYTES:
                raise NotFound(f"The page has more than {_MOST_BYTES:,} bytes.")
            text = self._groups.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise NotFound("The file of --page cannot be read any more.") from error
        if script.text not in text:
            raise NotFound(
                "The file of --page is no page of groups of this version of cv_tf. "
                "Write it anew with python -m cv_tf.group --page."
            )
        text = text.replace("<body>", "<body data-review>", 1)
        return _html(text, script.digest, _GROUP_SOURCES)


def _html(text: str, digest: str, sources: str) -> flask.Response:
    response = flask.Response(text, mimetype="text/html")
    policy = page_policy(sources.format(digest=digest))
    response.headers["Content-Security-Policy"] = policy
    return response
