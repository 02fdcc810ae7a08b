r"""Finds the groups of color variants among embedded products.

    cv_tf group --embeddings=my.parquet --output=groups.csv
    cv_tf group --embeddings=my.parquet --output=groups.csv \
        --ask=40 --questions=questions.csv
    cv_tf group --embeddings=my.parquet --output=groups.csv \
        --answers=questions.csv
    cv_tf group --embeddings=my.parquet --calibrate=labelled.csv \
        --output=groups.csv
    cv_tf group --embeddings=today.parquet --previous=groups.csv \
        --output=groups_today.csv --changes=changes.csv
    cv_tf group --embeddings=my.parquet --labels=labelled.csv \
        --output=groups.csv --page=groups.html
    cv_tf group --embeddings=my.parquet --output=groups.csv \
        --format=shopify --shop_file=shopify.csv

Every product is in the output once. Groups of two or more come first, the surest of
them at the top; products without variants are groups of one, and come last. Products
of one photo count once and are in one group; `copy_of` names the first of them. Each
group has a product that stands for it, `representative`, and a `state`: confirmed (by
people), doubtful (its mean confidence is below 0.5), changed (since the earlier run),
new, or unchanged; the first that holds.

How similar variants are depends on the shop. --ask writes pairs of products whose
answers tell most: fill in yes or no in the column `same`, and pass the table as
--answers; or answer on the page of cv_tf review. Groups obey the answers.
Labelled products do the same (--calibrate). Without either, the threshold is
that of the earlier run, or else guessed from the products themselves; --variants says
about how many have a variant.

Beside groups.csv, groups.summary.json holds what is printed and, after --calibrate,
groups.threshold.csv holds precision and recall at every threshold. --page shows the
groups with their photos. --shop_file writes the groups as a shop or a feed can load
them, --format says which; what had to be cut or left out is printed.

--changes writes the products that are in other groups than in the earlier run, with
what has happened to each: it was added, has moved to another group, has left its group
for one that was not there, or was removed. Groups that are called otherwise are no
changes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from absl import logging

import cv_tf
from cv_tf import choices, command
from cv_tf.atomic import whole_files, write_json
from cv_tf.config import ConfigError, GroupingSettings
from cv_tf.files import beside, expanded
from cv_tf.next_steps import NextStep, look_at, review_step, say_next
from cv_tf.report import PageSettings, check_page
from cv_tf.settings import setting
from cv_tf.shards import EngineSettings
from cv_tf.shop_files import ShopFileSettings, check_shop_file, check_shop_settings

if TYPE_CHECKING:
    from cv_tf.embeddings import Embeddings
    from cv_tf.grouping import Answers, Calibration, EarlierGroups, Grouped, PairModel
    from cv_tf.retrieval import Neighbors
    from cv_tf.shop_files import ShopFileSummary

_EMBEDDINGS = ("embeddings", "calibrate_embeddings")
_FILES = (*_EMBEDDINGS, "previous", "answers", "calibrate", "labels")
_TABLES = (".csv", ".parquet", ".pq")
_MOST_COLUMNS = 30  # Named in a message.


@dataclasses.dataclass(kw_only=True)
class GroupConfig(PageSettings, ShopFileSettings, EngineSettings, GroupingSettings):
    """What to group, what is known already, and the files for the result."""

    main_flags: ClassVar[tuple[str, ...]] = (
        *("embeddings", "output", "page", "answers", "ask", "previous"),
        *("calibrate", "threshold", "format", "shop_file"),
    )

    embeddings: str = setting("", "Parquet file that cv_tf embed wrote.")
    output: str = setting("", "CSV or Parquet file for the groups.")
    overwrite: bool = setting(
        False,
        "Replace --output, --questions, --changes, --page and --shop_file if they are "
        "there.",
    )
    keep_columns: tuple[str, ...] = setting(
        (),
        "Columns of --embeddings to copy into --output, separated by commas, such as "
        "title,brand.",
        names=True,
    )
    formulas: str = setting(
        "mark",
        "Cells of --output (CSV) that a spreadsheet would run as formulas: mark puts "
        "an apostrophe before each, leave writes them as they are.",
        one_of=choices.FORMULAS,
    )
    previous: str = setting(
        "",
        "Groups of an earlier run: its products stay together and keep their names, "
        "new ones are placed. Groups whose state is confirmed are not joined.",
    )
    changes: str = setting(
        "",
        "CSV or Parquet file for the products that were added, were removed, or are in "
        "another group than in --previous; empty for none.",
    )
    answers: tuple[str, ...] = setting(
        (),
        "Files of what people say of products, separated by commas: stores of answers "
        "(.sqlite), and CSV or Parquet tables of pairs (product_a, product_b, same: "
        "yes or no), such as --questions filled in. Groups obey them; threshold, "
        "confidence and what color counts for are learned from them.",
        names=True,
    )
    ask: int = setting(
        0,
        "Write so many pairs of products whose answers tell most; 40 to 60 are enough. "
        "Those of --answers are not asked again. 0 for none.",
        minimum=0,
    )
    questions: str = setting(
        "",
        "CSV or Parquet file for the pairs of --ask; empty for a name like that of "
        "--output.",
    )
    calibrate: str = setting(
        "",
        "CSV or Parquet table of labelled products (product_id, style_id) to choose "
        "the threshold on.",
    )
    calibrate_split: str = setting(
        "", "Only those with this value of the column 'split'; empty for all."
    )
    calibrate_embeddings: str = setting(
        "", "Where the vectors of the labelled products are; empty for --embeddings."
    )
    criterion: str = setting(
        "f1", "What the threshold is chosen for.", one_of=choices.CRITERIA
    )
    precision: float = setting(
        0.0,
        "Choose the highest recall at this pairwise precision instead; 0 goes by "
        "--criterion.",
        minimum=0.0,
        maximum=1.0,
    )
    labels: str = setting(
        "",
        "CSV or Parquet table of labelled products (product_id, style_id) that --page "
        "compares the groups with; empty for those of --calibrate.",
    )
    labels_split: str = setting(
        "", "Only those with this value of the column 'split'; empty for all."
    )

    def __post_init__(self):
        super().__post_init__()
        if not self.embeddings:
            raise ConfigError(
                "--embeddings is not set. Name a file that cv_tf embed wrote."
            )
        if self.threshold != "auto" and self.calibrate:
            raise ConfigError(
                f"--threshold={self.threshold} leaves nothing to --calibrate. Pass one "
                "of them."
            )
        if self.answers and self.calibrate:
            raise ConfigError(
                "--answers and --calibrate both say which products are variants. Pass "
                "one of them."
            )
        if self.questions and not self.ask:
            raise ConfigError(
                "--questions names the file for --ask. Say how many to ask, such as "
                "--ask=40."
            )
        if self.changes and not self.previous:
            raise ConfigError(
                "--changes are those since an earlier run. Name the file of its groups "
                "with --previous."
            )
        if self.labels and not self.page:
            raise ConfigError("--labels are for --page. Name an HTML file for it.")
        check_shop_settings(self)


def run(config: GroupConfig, say: Callable[[str], object] = print) -> dict[str, Any]:
    """Groups a file of embeddings; returns the summary, as it is written.

    What is in the files is told by `say`.

    Raises:
      ValueError: If the settings or a file cannot be used.
    """
    files = _check_files(config)
    config = dataclasses.replace(config, **_find_files(config, files))

    previous = cv_tf.grouping.read_earlier(config.previous) if config.previous else None
    labels: Mapping[str, str] = {}
    if config.labels:
        labels = cv_tf.grouping.read_labels(config.labels, config.labels_split)
    extras: bool | tuple[str, ...] = bool(config.keep_columns or config.shop_file)
    if config.page and not extras:
        extras = cv_tf.report.FACTS
    embeddings = cv_tf.embeddings.read_embeddings(config.embeddings, extras)
    kept_columns = _kept_columns(config, embeddings)
    config = dataclasses.replace(config, keep_columns=kept_columns)
    if previous is not None:
        cv_tf.grouping.check_previous(embeddings, previous.group_of, config.previous)
    if config.labels and config.labels != config.calibrate:
        cv_tf.grouping.check_shown(embeddings, labels, config.labels)
    answers = None
    if config.answers:
        answers = cv_tf.grouping.read_answers(config.answers, embeddings)
    calibration = _calibrate(config, embeddings) if config.calibrate else None
    threshold, source, config = _threshold(config, embeddings, calibration)
    neighbors = _find_neighbors(config, embeddings, threshold)
    model = calibration.model if calibration else None
    grouped = _grouped(
        config, embeddings, neighbors, threshold, model, previous, answers
    )
    summary = cv_tf.report.summarize(
        grouped,
        config.color,
        source,
        calibration.expected if calibration else grouped.expected,
        embeddings.model,
        has_previous=bool(config.previous),
    )
    told = _write(
        files, config, grouped, embeddings, labels, answers, summary, calibration
    )
    say("\n".join(told))
    return summary


class _Files(NamedTuple):
    """The files that a run writes together; None for those that are not asked for."""

    output: Path
    questions: Path | None
    changes: Path | None
    page: Path | None
    shop: tuple[Path, ...]  # The file for a shop, and what goes with it; maybe none.

    @property
    def summary(self) -> Path:
        return beside(self.output, "summary.json")

    @property
    def curve(self) -> Path:
        return beside(self.output, "threshold.csv")

    @property
    def all(self) -> list[Path]:
        asked = (self.questions, self.changes, self.page)
        own = [self.output, self.summary, self.curve, *filter(None, asked)]
        return own + list(self.shop)


def _check_files(config: GroupConfig) -> _Files:
    """The files to write, checked before heavy work."""
    output = command.check_output(config.output, config.overwrite, _TABLES)
    page = check_page(config, config.overwrite)
    questions = _questions_file(config, output)
    changes = None
    if config.changes:
        tables = (config.changes, config.overwrite, _TABLES, "--changes")
        changes = command.check_output(*tables)
    shop = check_shop_file(config, config.overwrite)
    return _Files(output, questions, changes, page, shop)


def _kept_columns(config: GroupConfig, embeddings: Embeddings) -> tuple[str, ...]:
    """The columns of `--keep_columns`, each once, checked."""
    there = embeddings.extras
    names = command.split_names(config.keep_columns, there.__contains__)
    if unknown := [name for name in names if name not in there]:
        known = ", ".join(list(there)[:_MOST_COLUMNS])
        more = ", ..." if len(there) > _MOST_COLUMNS else ""
        what = f"has {known}{more}" if there else "has no further columns"
        raise ConfigError(
            f"--keep_columns: {config.embeddings} has no column {unknown[0]!r} to "
            f"copy. It {what}. Name one of these, or embed a table that has the column."
        )
    return tuple(dict.fromkeys(names))


def _find_files(config: GroupConfig, written: _Files) -> dict[str, Any]:
    """The settings of files that are read, with their paths, checked."""
    files = command.find_files(config, _FILES, _EMBEDDINGS)
    if written.page and not config.labels:
        files |= {"labels": files["calibrate"], "labels_split": config.calibrate_split}
    found = dataclasses.replace(config, **files)
    _check_kept(found, written)
    return files


def _grouped(
    config: GroupConfig,
    embeddings: Embeddings,
    neighbors: Neighbors,
    threshold: float | None,
    model: PairModel | None,
    previous: EarlierGroups | None,
    answers: Answers | None,
) -> Grouped:
    return cv_tf.grouping.find_groups(
        embeddings,
        neighbors,
        threshold,
        config,
        model,
        previous.group_of if previous else None,
        answers,
        config.criterion,
        config.precision or None,
        previous.confirmed if previous else (),
    )


def _questions_file(config: GroupConfig, output: Path) -> Path | None:
    """The file for questions, checked; None if there are to be none."""
    if not config.ask:
        return None
    named = config.questions or str(beside(output, f"questions{output.suffix}"))
    path = command.check_output(named, config.overwrite, _TABLES, "--questions")
    if path.exists() and cv_tf.answers.holds_answers(path):
        raise ConfigError(
            f"--questions={path} would replace answers that are filled in there. Pass "
            "that file as --answers, and name another one for further questions."
        )
    return path


def _check_kept(config: GroupConfig, files: _Files) -> None:
    """Checks that no file is replaced that the run reads, or writes for another use.

    Only the groups of an earlier run may give way to those of this one.
    """
    named = {name: getattr(config, name) for name in _FILES}
    several = {name: (of,) if isinstance(of, str) else of for name, of in named.items()}
    read = [(f"--{name}", Path(it)) for name, of in several.items() for it in of if it]
    others = [it for it in read if it[0] != "--previous"]
    _check_apart("--output", files.output, others)
    others = [*read, ("--output", files.output), ("the thresholds", files.curve)]
    asked: list[tuple[str, Path | None]]
    asked = [("--questions", files.questions), ("--changes", files.changes)]
    if files.shop:
        others.append(("the summary", files.summary))
        others += [("--page", files.page)] if files.page else []
        asked += [("--shop_file", path) for path in files.shop]
    for flag, path in asked:
        if path:
            _check_apart(flag, path, others)
            others.append((flag, path))


def _check_apart(flag: str, path: Path, others: Sequence[tuple[str, Path]]) -> None:
    for other, taken in others:
        if path.resolve() == taken.resolve():
            raise ConfigError(
                f"{flag}={path} would replace the file of {other}. Name another file."
            )


def _write(
    files: _Files,
    config: GroupConfig,
    grouped: Grouped,
    embeddings: Embeddings,
    labels: Mapping[str, str],
    answers: Answers | None,
    summary: dict[str, Any],
    calibration: Calibration | None,
) -> list[str]:
    """Writes all files together, and returns what is to be said of them."""
    with whole_files(*files.all) as made:
        unfinished = dict(zip(files.all, made, strict=True))
        if calibration:
            cv_tf.report.write_curve(unfinished[files.curve], calibration)
        cv_tf.grouping.write_groups(
            unfinished[files.output],
            grouped,
            embeddings,
            config.keep_columns,
            config.formulas == "mark",
        )
        told = [cv_tf.report.format_summary(summary, grouped)]
        if files.shop:
            paths = [unfinished[path] for path in files.shop]
            shop_file = _write_shop_file(paths, config, grouped, embeddings)
            summary["shop_file"] = shop_file.summary()
            told.append(shop_file.text(str(files.shop[0])))
        write_json(unfinished[files.summary], summary)
        if path := files.changes:
            counts = cv_tf.grouping.write_changes(unfinished[path], grouped)
            told.append(cv_tf.report.format_changes(counts, path, config.previous))
        if path := files.questions:
            linked, number = grouped.linked, config.ask
            chosen = cv_tf.grouping.choose_questions(linked, number, answers)
            cv_tf.grouping.write_questions(unfinished[path], chosen, embeddings)
            told.append(_about_questions(path, len(chosen.first), number))
        if files.page:
            path = unfinished[files.page]
            _write_page(path, config, grouped, embeddings, labels, summary, calibration)
    return told


def _write_shop_file(
    paths: Sequence[Path], config: GroupConfig, grouped: Grouped, embeddings: Embeddings
) -> ShopFileSummary:
    """Writes the groups as `--format` says, in the order of the file of groups."""
    order = cv_tf.grouping.order_rows(grouped)
    color, source = cv_tf.grouping.colors_of(embeddings, len(order))
    columns = {
        "product_id": grouped.product_id,
        "group_id": grouped.named.group_id,
        "group_size": grouped.size,
        "representative": grouped.product_id[grouped.representative],
        "color": color,
        "image": embeddings.image,
    }
    extras = {**embeddings.extras, "color_source": source, "state": grouped.state}
    listing = cv_tf.shop_files.Listing(
        **{name: of[order].tolist() for name, of in columns.items()},
        extras={name: of[order].tolist() for name, of in extras.items()},
    )
    return cv_tf.shop_files.fill_shop_files(
        paths,
        config.format,
        listing,
        currency=config.currency,
        akeneo_family_variant=config.akeneo_family_variant,
    )


def _about_questions(path: Path, number: int, wanted: int) -> str:
    if not number:
        return (
            f"There is nothing to ask, so '{path}' has no rows: whatever could be "
            "variants or not is answered, or there is nothing of the kind."
        )
    found = "1 question is" if number == 1 else f"{number:,} questions are"
    no_more = " (there are no more)" if number < wanted else ""
    return (
        f"{found} in '{path}'{no_more}. Fill in yes or no in the column 'same', where "
        "the two are or are not one design in two colors, and group again with "
        f"--answers={path}."
    )


def _calibrate(config: GroupConfig, embeddings: Embeddings) -> Calibration:
    labels = cv_tf.grouping.read_labels(config.calibrate, config.calibrate_split)
    known = embeddings
    if config.calibrate_embeddings:
        known = cv_tf.embeddings.read_embeddings(config.calibrate_embeddings)
        known.check_comparable(embeddings)
    labelled = cv_tf.grouping.match_labels(known, labels, config.calibrate)
    return cv_tf.grouping.calibrate_on(
        labelled,
        config,
        config.criterion,
        embeddings.distinct.block,
        config.precision or None,
    )


def _find_neighbors(
    config: GroupConfig, embeddings: Embeddings, threshold: float | None
) -> Neighbors:
    grouping = cv_tf.grouping
    floor = grouping.search_floor(embeddings.distinct, config, threshold)
    if config.engine == "local":
        return grouping.find_neighbors(embeddings, config, "Finding neighbors", floor)
    job = beside(Path(expanded(config.output)).absolute(), "neighbors.npz")
    return grouping.find_neighbors_in_shards(
        embeddings, config, config, job, config.overwrite, floor
    )


def _threshold(
    config: GroupConfig, embeddings: Embeddings, calibration: Calibration | None
) -> tuple[float | None, str, GroupConfig]:
    """The threshold, None if it is left to the model, its source, and the settings.

    The threshold of an earlier run is of similarities with the discount for color that
    it had, so that this is kept, too.
    """
    if calibration:
        return calibration.threshold, "labelled products", config
    if config.given_threshold is not None:
        return config.given_threshold, "--threshold", config
    if config.answers:
        return None, "answers", config
    # A precision that is asked for is reached by what is known today.
    earlier = None
    if config.previous and config.threshold == "auto" and not config.precision:
        earlier = cv_tf.report.earlier_threshold(
            config.previous, config.color, embeddings.model
        )
    if earlier is None:
        return None, cv_tf.report.GUESSED, config
    threshold, discount = earlier
    if config.color == "auto":
        config = dataclasses.replace(config, color=str(discount))
    return threshold, "the earlier run", config


def _write_page(
    page: Path,
    config: GroupConfig,
    grouped: Grouped,
    embeddings: Embeddings,
    labels: Mapping[str, str],
    summary: dict[str, Any],
    calibration: Calibration | None,
) -> None:
    styles = cv_tf.report.Styles.of(embeddings.product_id, labels)
    if labels and styles is None:
        logging.warning(
            "No two products of %s are known to share a style: --page has no figures.",
            embeddings.name,
        )
    cv_tf.report.write_group_page(
        page,
        grouped,
        embeddings,
        summary,
        config,
        styles,
        calibration,
        labels_chose=(config.labels, config.labels_split)
        == (config.calibrate, config.calibrate_split),
    )


def main(config: GroupConfig) -> None:
    """Runs the command."""
    run(config)
    say_next(*_next_steps(config))


def _next_steps(config: GroupConfig) -> list[NextStep]:
    """What to do with groups: look at them, ask people, and group by what they say."""
    output, given = Path(expanded(config.output)), command.changed_settings(config)
    given.pop("overwrite", None)
    steps = [look_at(expanded(config.page))] if config.page else []
    if not config.page and not config.previous:  # Else it would go on from these.
        shown = given | {"page": str(beside(output, "html"))}
        flags = [*command.to_flags(shown), "--overwrite"]
        steps.append(NextStep("See the groups on a page", "group", flags))
    if config.ask:  # What to do with the table of questions is told already.
        return steps
    suffixes = cv_tf.answers.STORE_SUFFIXES
    stores = [it for it in config.answers if it.endswith(suffixes)]
    store = stores[0] if stores else str(beside(output, "answers.sqlite"))
    steps.append(review_step(config.embeddings, output, store))
    if not (config.answers or config.calibrate):
        flags = [*command.to_flags(given | {"answers": (store,)}), "--overwrite"]
        steps.append(NextStep("Group by what they have said", "group", flags))
    return steps


if __name__ == "__main__":
    command.run(main, GroupConfig)
