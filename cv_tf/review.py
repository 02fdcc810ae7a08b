r"""Asks people about groups, on a page in the browser, and keeps what they say.

    cv_tf review --embeddings=my.parquet --groups=groups.csv \
        --answers=my.answers.sqlite --catalog=my.csv
    cv_tf review --answers=my.answers.sqlite --export_to=answers.csv
    cv_tf review --answers=my.answers.sqlite --import_from=answers.csv

It prints an address for the browser, and asks until Ctrl-C. Questions come in the order
in which answers help most. Each answer is saved as it is given, in an SQLite file in
which nothing is overwritten: start the command again to go on. Several people may
answer at once, each with a name.

cv_tf group --answers=my.answers.sqlite groups by them. --export_to writes
what is said of pairs of products as a table, --import_from adds such a table.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import secrets
import warnings
import webbrowser
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from absl import logging

import cv_tf
from cv_tf import command
from cv_tf.config import ConfigError, GroupingSettings
from cv_tf.errors import MissingPackageError
from cv_tf.files import expanded
from cv_tf.settings import setting
from cv_tf.spelling import find_unmatched

if TYPE_CHECKING:
    from cv_tf.answers import Answer, AnswerStore, Said
    from cv_tf.embeddings import Embeddings

_FILES = ("embeddings", "groups", "catalog", "page", "import_from")
_TABLES = (".csv", ".parquet", ".pq")
_SERVER_PACKAGES = ("flask", "waitress")
_TOKEN_BYTES = 24


@dataclasses.dataclass(kw_only=True)
class ReviewConfig(GroupingSettings):
    """What is asked about, where answers are kept, and where the page is."""

    main_flags: ClassVar[tuple[str, ...]] = (
        *("embeddings", "groups", "answers", "catalog", "page", "by", "open"),
        *("port", "export_to", "import_from"),
    )

    embeddings: str = setting("", "Parquet file that cv_tf embed wrote.")
    groups: str = setting("", "Groups that are asked about, as cv_tf group wrote them.")
    answers: str = setting(
        "", "File of answers, such as my.answers.sqlite; made if it is not there."
    )
    catalog: str = setting(
        "",
        "Table of the products (product_id), whose columns are shown with the photos, "
        "such as title and price; if it has the column image, its photos are shown.",
    )
    page: str = setting(
        "",
        "Page that cv_tf group --page wrote of these groups, to choose "
        "groups from; empty for none.",
    )
    by: str = setting(
        "", "Name of the person who answers; empty to be asked on the page."
    )
    host: str = setting(
        "127.0.0.1",
        "Address to serve at. With another than this machine's own, such as 0.0.0.0, "
        "others in the network who know the token can answer.",
    )
    port: int = setting(
        8770, "Port to serve at; 0 for any that is free.", minimum=0, maximum=65535
    )
    open: bool = setting(False, "Open the page in the browser of this machine.")
    export_to: str = setting(
        "",
        "CSV or Parquet file to write the answers to (product_a, product_b, same, by, "
        "at); nothing is asked then.",
    )
    import_from: str = setting(
        "",
        "Table of that kind, or another file of answers, to add to --answers; nothing "
        "is asked then.",
    )
    overwrite: bool = setting(False, "Replace --export_to if it is there.")

    def __post_init__(self):
        super().__post_init__()
        if not self.answers:
            raise ConfigError(
                "--answers is not set. Name a file for the answers, such as "
                "--answers=my.answers.sqlite."
            )
        suffixes = cv_tf.answers.STORE_SUFFIXES
        if Path(self.answers).suffix.lower() not in suffixes:
            raise ConfigError(
                f"--answers={self.answers} must end in {', '.join(suffixes)}. A table "
                "of answers is added by --import_from."
            )
        if self.export_to and self.import_from:
            raise ConfigError("Pass one of --export_to and --import_from at a time.")
        if self.export_to or self.import_from:
            return
        for name, command_name in (("embeddings", "embed"), ("groups", "group")):
            if not getattr(self, name):
                raise ConfigError(
                    f"--{name} is not set. Name a file that cv_tf {command_name} wrote."
                )


def run(config: ReviewConfig) -> None:
    """Serves the page until the process is interrupted; or writes or reads a table.

    Raises:
      ValueError: If the settings or a file cannot be used.
      MissingPackageError: If the extra `review` is not installed, for the page.
    """
    files = command.find_files(config, _FILES, ("embeddings",))
    config = dataclasses.replace(config, **files)
    if config.export_to:
        _export(config)
    elif config.import_from:
        _import(config)
    else:
        _serve(config)


def _export(config: ReviewConfig) -> None:
    output = command.check_output(
        config.export_to, config.overwrite, _TABLES, "--export_to"
    )
    said = cv_tf.answers.read_said(expanded(config.answers))
    cv_tf.answers.write_said(output, said)
    print(f"{len(said):,} answers about pairs are in '{output}'.")


def _import(config: ReviewConfig) -> None:
    """Adds what is not there yet, so that a table can be added twice."""
    said = cv_tf.answers.read_said(config.import_from)
    with cv_tf.answers.AnswerStore(Path(config.answers)) as store:
        known = set(cv_tf.answers.said_of(store.answers()))
        # The store has filled in when something was said that has no time in a table.
        known |= {it._replace(at="") for it in known}
        new = [it for it in dict.fromkeys(said) if it not in known]
        store.add_all(map(_answer_of, new))
    there = len(said) - len(new)
    print(
        f"{len(new):,} answers about pairs are added to '{config.answers}'"
        + (f"; {there:,} were there already." if there else ".")
    )


def _answer_of(said: Said) -> Answer:
    shown = ("pair", (said.first,), (said.second,), (0, 0 if said.same else -1))
    return cv_tf.answers.Answer(*shown, by=said.by, at=said.at)


def _serve(config: ReviewConfig) -> None:
    missing = [name for name in _SERVER_PACKAGES if not find_spec(name)]
    if missing:
        raise MissingPackageError(
            f"The page needs {' and '.join(missing)}, not installed here. Run: pip "
            "install 'cv_tf[review]'"
        )
    embeddings = cv_tf.embeddings.read_embeddings(config.embeddings)
    groups = cv_tf.grouping.read_groups(config.groups)
    cv_tf.grouping.check_shown(embeddings, groups, config.groups)
    products = cv_tf.reviewing.find_products(embeddings, config.catalog)
    with contextlib.closing(_store(config, embeddings)) as store:
        review = cv_tf.reviewing.Review(
            embeddings, store, config, **_start(config, embeddings.model, groups)
        )
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        app = cv_tf.reviewing.create_app(
            review,
            products,
            token,
            host=config.host,
            by=config.by,
            store_name=_name_of(config.answers),
            groups_page=Path(config.page) if config.page else None,
        )
        # Pillow warns of large photos, and of damaged metadata in good ones.
        warnings.filterwarnings("ignore", module=r"PIL\.")

        def started(address: str) -> None:
            _tell(f"{address}/?{urlencode({'token': token})}", config, groups)

        cv_tf.reviewing.serve(app, config.host, config.port, started)
    print(
        "Stopped. All answers are saved. To group by them, pass "
        f"--answers={config.answers} to cv_tf group."
    )


def _start(
    config: ReviewConfig, model: str, groups: Mapping[str, str]
) -> dict[str, Any]:
    """The threshold and the discount for color to begin with, or groups that stay.

    Groups that a threshold alone has made are made anew by it, and by answers. Those of
    other tools, and those that went on from an earlier run, stay as far as nobody parts
    them. `--threshold=expected` makes all anew.
    """
    if config.given_threshold is not None:
        return {"threshold": config.given_threshold, "learns": False}
    if config.threshold == "expected":
        return {}
    earlier = cv_tf.report.earlier_threshold(config.groups, config.color, model)
    if earlier is None:
        return {"groups": groups}
    threshold, discount = earlier
    stay = {"groups": groups} if cv_tf.report.had_previous(config.groups) else {}
    return {"threshold": threshold, "discount": discount, **stay}


def _store(config: ReviewConfig, embeddings: Embeddings) -> AnswerStore:
    """Opens the answers.

    Raises:
      AnswersError: If they are those of another catalog, or cannot be used.
    """
    store = cv_tf.answers.AnswerStore(Path(config.answers))
    try:
        _check_answers(store.answers(), embeddings, config.answers)
    except BaseException:
        store.close()
        raise
    return store


def _check_answers(
    answers: Iterable[Answer], embeddings: Embeddings, source: str
) -> None:
    names = dict.fromkeys(
        name for answer in answers for name in (*answer.inside, *answer.outside)
    )
    unmatched = find_unmatched(names, embeddings.product_id.tolist())
    if not unmatched.number:
        return
    text = (
        f"{unmatched.number:,} of the {len(names):,} products that {source} is about "
        f"are not in {embeddings.name}, such as {unmatched.example!r}."
    )
    if unmatched.number == len(names):
        advice = unmatched.hint or "Name the answers of this catalog, or a new file."
        raise cv_tf.answers.AnswersError(f"{text} {advice}")
    logging.warning("%s", unmatched.with_hint(text))


def _name_of(path: str) -> str:
    """Tells a file from others without saying where it is."""
    whole = str(Path(expanded(path)).resolve())
    return hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _tell(address: str, config: ReviewConfig, groups: Mapping[str, str]) -> None:
    number = len(set(groups.values()))
    print(
        f"Groups: {number:,}, of {len(groups):,} products. Answers are saved in "
        f"'{config.answers}' as they are given.\n"
        f"Open {address}\nStop with Ctrl-C.",
        flush=True,
    )
    if config.open:
        webbrowser.open(address)


if __name__ == "__main__":
    command.run(run, ReviewConfig)
