"""Whether the inputs and the files of a run are those that it began with."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import logging

from cv_tf.answers import read_said, write_said
from cv_tf.config import Config
from cv_tf.files import digest_of
from cv_tf.inputs import Inputs
from cv_tf.training.workdir import FREE_SETTINGS, Workdir, WorkdirError

if TYPE_CHECKING:
    from cv_tf.pipeline import Photos

# What products are used for, as the table of inputs says.
_LEARNED, _REPORTED = "learned from", "reported on"


def figures_so_far(workdir: Workdir) -> dict[str, Any]:
    """What `metrics.json` holds; nothing, with a warning, if it is damaged."""
    try:
        if not workdir.metrics.exists():
            return {}
        if workdir.is_as_written(workdir.metrics):
            return workdir.read_metrics()
        why = "is not as it was written"
    except ValueError as error:
        why = f"cannot be used ({error})"
    logging.warning("'%s' %s. Its figures are measured anew.", workdir.metrics, why)
    return {}


def is_finished(workdir: Workdir, metrics: dict[str, Any]) -> bool:
    """Whether a run has its last figures, and the files that these are of."""
    if "after" not in metrics:
        return False
    files = [workdir.embedder]
    if workdir.queries.name in workdir.read_checksums():  # Not of an earlier version.
        files.append(workdir.queries)
    for path in files:
        if not workdir.is_as_written(path):
            logging.warning(
                "'%s' is missing or not as it was written. It is written anew, from "
                "the last checkpoint.",
                path,
            )
            return False
    return True


def kept_answers(workdir: Workdir) -> tuple[str, ...]:
    """The table of answers of a run that is resumed, if there is any.

    Raises:
      WorkdirError: If it is damaged.
    """
    if not workdir.answers.is_file():
        return ()
    if not workdir.is_as_written(workdir.answers):
        raise WorkdirError(
            f"'{workdir.answers}' is not as the run has written it. Bring a copy back, "
            "or name another --workdir to begin a run with the answers there are now."
        )
    return (str(workdir.answers),)


def open_run(
    config: Config,
    workdir: Workdir,
    train: Photos,
    reported: Photos,
    answers: Sequence[str],
) -> Inputs:
    """Makes the workdir, or checks that it holds a run of the same inputs.

    Args:
      config: Settings of the run.
      workdir: Its folder.
      train: Photos to learn from.
      reported: Photos to report on.
      answers: Files of answers, if there are any.

    Raises:
      WorkdirError: If it holds something else.
    """
    workdir.open(config)
    products = check_inputs(workdir, train, reported)
    if answers:
        take_answers(workdir, answers)
    return products


def take_answers(workdir: Workdir, files: Sequence[str]) -> None:
    """Writes what people have said by now, if that is not written yet.

    Raises:
      WorkdirError: If the run has begun with other answers.
    """
    if workdir.answers.is_file():
        return
    before = workdir.read_checksums().get(workdir.answers.name)
    with workdir.writing(workdir.answers) as (made,):
        write_said(made, read_said(*files))
        if before not in (None, digest_of(made)):
            raise WorkdirError(
                f"'{workdir.answers}' is missing, and {' and '.join(files)} by now "
                "says something else. Bring that table back, or name another --workdir."
            )


def check_inputs(workdir: Workdir, train: Photos, reported: Photos) -> Inputs:
    """Checks that a run has the products and photos that it began with.

    Where they are not known yet, they are written.

    Raises:
      WorkdirError: If anything has changed; it says what.
    """
    now = _inputs_of(train, reported)
    if not workdir.inputs.exists():
        with workdir.writing(workdir.inputs) as (made,):
            now.write(made)
        return now
    remedy = "Bring a copy back, or remove it to go on without this check."
    if not workdir.is_as_written(workdir.inputs):
        raise WorkdirError(f"'{workdir.inputs}' is not as it was written. {remedy}")
    changes = list(now.changes_since(Inputs.read(workdir.inputs, remedy)))
    if changes:
        raise WorkdirError(
            f"'{workdir.path}' holds a run of other products or photos: since it "
            f"began, {'; '.join(changes)}. Bring the former ones back to go on with "
            "that run, or name another --workdir to start a new one."
        )
    return now


def _inputs_of(train: Photos, reported: Photos) -> Inputs:
    """The products that are learned from, then those to report on."""
    parts = []
    for use, photos in ((_LEARNED, train), (_REPORTED, reported)):
        columns = ("block", "box", "style_id")
        part = Inputs.of_catalog(photos.catalog, *columns)
        more = {"photo": photos.digests.tolist(), "use": [use] * len(photos)}
        parts.append(dataclasses.replace(part, values={**part.values, **more}))
    first, second = parts
    values = {k: [*v, *second.values[k]] for k, v in first.values.items()}
    return Inputs([*first.ids, *second.ids], values)


def reported_styles(workdir: Workdir) -> dict[str, str]:
    """The style of each product that a run reports on, by its id; "" where unknown.

    The table that the run has written says which these are: it depends on the photos
    that could be used. Without that table, none is known.

    Raises:
      UserError: If the table is damaged.
    """
    if not workdir.inputs.is_file():
        return {}
    remedy = "Bring a copy back, or remove it to do without figures of groups."
    inputs = Inputs.read(workdir.inputs, remedy)
    styles = inputs.values.get("style_id", [""] * len(inputs.ids))
    rows = zip(inputs.ids, styles, inputs.values["use"], strict=True)
    return {product: style for product, style, use in rows if use == _REPORTED}


def run_digest(workdir: Workdir, inputs: Inputs) -> str:
    """A digest of all that the steps of a run depend on."""
    lines = workdir.config.read_text(encoding="utf-8").splitlines()
    free = tuple(f"--{name}=" for name in FREE_SETTINGS)
    parts = [[line for line in lines if not line.startswith(free)], inputs.digest]
    for path in (workdir.answers, workdir.pseudo_labels):
        parts.append(digest_of(path) if path.is_file() else "")
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
