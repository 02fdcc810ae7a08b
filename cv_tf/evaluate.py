r"""Says how good an Embedder is, or vectors and groups that are there already.

    cv_tf evaluate --workdir=runs/cvssl
    cv_tf evaluate --workdir=runs/cvssl --catalog=other.csv
    cv_tf evaluate --method=frozen --catalog=my.csv --color_input=grey
    cv_tf evaluate --workdir=runs/cvssl --page=evaluation.html
    cv_tf evaluate --embeddings=my.parquet --labels=my.csv
    cv_tf evaluate --embeddings=my.parquet --labels=my.csv \
        --baseline=old.parquet
    cv_tf evaluate --groups=groups.csv --labels=my.csv
    cv_tf evaluate --groups=groups.csv --answers=my.answers.sqlite

With --workdir, the settings of that run hold wherever no flag says otherwise. With
--embeddings or --groups, which may come from another tool, nothing is learned and
nothing held out: every labelled product is looked for among all products.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import cv_tf
from cv_tf import command
from cv_tf.atomic import whole_files, write_json
from cv_tf.config import Config, ConfigError, setting
from cv_tf.report import EvaluationPageSettings, check_page

if TYPE_CHECKING:
    from cv_tf.answers import Answer
    from cv_tf.embeddings import Embeddings
    from cv_tf.metrics import ProductResults, Stored
    from cv_tf.models import Embedder
    from cv_tf.training import Evaluation

# Settings that say which products a run has learned from.
_PRODUCTS = ("catalog", "dataset", "train_split", "eval_split", "seed")
_ABOUT_ANSWERS = (
    "These are figures of the answered pairs. Chosen questions are about doubtful "
    "products and no random sample of the catalogue: all groups may be better than "
    "that. Where answers have made the groups, other products may be worse."
)
_TOO_FEW_DRAWN = (
    "Of the whole catalogue, nothing can be said yet: too few groups that are drawn at "
    "random are answered. Go on with cv_tf review."
)


@dataclasses.dataclass(kw_only=True)
class EvaluateConfig(EvaluationPageSettings, Config):
    """What to evaluate, and the files for the result."""

    main_flags: ClassVar[tuple[str, ...]] = (
        *("workdir", "catalog", "embeddings", "groups", "labels", "answers"),
        *("baseline", "output", "page", "overwrite"),
    )

    embeddings: str = setting(
        "",
        "Parquet file of vectors (product_id, embedding) to measure, from "
        "cv_tf embed or another tool. Needs --labels or --answers.",
    )
    groups: str = setting(
        "",
        "CSV or Parquet table of groups (product_id, group_id) to measure, from "
        "cv_tf group or another tool; empty for those that are found in "
        "--embeddings. Needs --labels or --answers.",
    )
    labels: str = setting(
        "",
        "CSV or Parquet table of labelled products (product_id, style_id), such as the "
        "catalogue, for --embeddings and --groups.",
    )
    labels_split: str = setting(
        "",
        "Only the labels with this value of the column 'split'; the other products are "
        "searched, too. Empty for all.",
    )
    answers: tuple[str, ...] = setting(
        (),
        "Files of what people say of products, separated by commas: stores of answers "
        "(.sqlite), and CSV or Parquet tables of pairs (product_a, product_b, same: "
        "yes or no), to measure groups by, instead of --labels or beside them.",
        names=True,
    )

    baseline: str = setting(
        "",
        "Parquet file of other vectors of the same products to compare --embeddings "
        "with, product by product.",
    )
    baseline_groups: str = setting(
        "",
        "CSV or Parquet table of other groups of the same products to compare --groups "
        "with.",
    )

    output: str = setting("", "JSON file for the figures; empty to print them only.")
    save_embedder: str = setting(
        "",
        "File (.keras) for the Embedder of --method=frozen, with the whitening that "
        "the figures are of; empty to leave it.",
    )
    queries: str = setting(
        "",
        "Parquet file for what each product adds to the figures, as queries.parquet of "
        "a training; empty to leave it.",
    )
    overwrite: bool = setting(
        False,
        "Replace --output, --page, --queries and --save_embedder if they are there.",
    )

    def __post_init__(self):
        super().__post_init__()
        self._check_baseline()
        if not (self.embeddings or self.groups):
            if self.labels or self.answers:
                flag = "--labels" if self.labels else "--answers"
                raise ConfigError(
                    f"{flag} are for stored vectors or groups. Pass --embeddings or "
                    "--groups as well; a --catalog brings labels of its own."
                )
            return
        if not (self.labels or self.answers):
            raise ConfigError(
                "--labels is not set. Name a table with the columns product_id and "
                "style_id, such as your catalogue, that says which products are "
                "variants, or --answers of people."
            )
        if self.workdir or self.catalog:
            flag = "--workdir" if self.workdir else "--catalog"
            raise ConfigError(
                f"{flag} is for photos that are still to be embedded, --embeddings and "
                "--groups are measured as they are. Pass one or the other."
            )
        if self.page and not (self.embeddings and self.labels):
            needed = "--labels" if self.embeddings else "--embeddings"
            raise ConfigError(
                f"--page shows neighbors, variants and others, so it needs {needed}."
            )

    def _check_baseline(self) -> None:
        for flag, of in (("baseline", "embeddings"), ("baseline_groups", "groups")):
            if getattr(self, flag) and not getattr(self, of):
                raise ConfigError(
                    f"--{flag} is what --{of} are compared with. Pass --{of} as well."
                )
        if not (self.baseline or self.baseline_groups):
            return
        if bool(self.embeddings) != bool(self.baseline) or (
            bool(self.groups) != bool(self.baseline_groups)
        ):
            raise ConfigError(
                "With --embeddings and --groups, both are compared. Pass --baseline "
                "and --baseline_groups, or leave one of the two kinds out."
            )
        if self.answers or not self.labels:
            raise ConfigError(
                "--baseline and --baseline_groups are compared by --labels: pass "
                "these, and no --answers."
            )


def run(config: EvaluateConfig) -> dict[str, Any]:
    """Evaluates the Embedder of a workdir, a frozen backbone, or stored files.

    With `--embeddings` or `--groups`, these files are measured as they are, by labels,
    by answers of people, or both.

    Else photos are embedded. Where the catalog has splits, `--train_split` calibrates
    the threshold (and fits the whitening of a frozen backbone) and `--eval_split` is
    reported on; elsewhere a quarter of the styles is, and the others do the rest. What
    is returned are the figures, as they are written to `--output`.

    Raises:
      ValueError: If the settings, the catalog or the workdir cannot be used.
    """
    output, queries, embedder_output = _outputs(config)
    page = check_page(config, config.overwrite)
    is_stored = config.embeddings or config.groups
    result = (_evaluate_stored if is_stored else _evaluate_photos)(config)
    print(f"\n{result.text}")
    if page and result.labelled is None:
        raise ConfigError(
            "There is nothing to show on --page: of the products to report on, the "
            "photos of no two variants can be used."
        )
    asked = [path for path in (output, page, queries, embedder_output) if path]
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(whole_files(*asked)) if asked else ()
        unfinished = dict(zip(asked, made, strict=True))
        if embedder_output and result.embedder is not None:
            result.embedder.save(unfinished[embedder_output])
        if output:
            write_json(unfinished[output], result.figures)
        if queries and result.results is not None:
            result.results.write(unfinished[queries])
        if page and result.labelled is not None:
            shown = (result.title, result.figures, result.labelled, config)
            cv_tf.report.write_evaluation_page(unfinished[page], *shown, result.photo)
    return result.figures


class _Result(NamedTuple):
    """An evaluation; `labelled` are the products that the figures are of.

    `results` are what these add to the figures; None where only answers were measured.
    """

    figures: dict[str, Any]
    text: str
    title: str
    labelled: Embeddings | None
    photo: Callable[[int], str | bytes] | None = None
    embedder: Embedder | None = None
    results: ProductResults | None = None


def _evaluate_photos(config: EvaluateConfig) -> _Result:
    """Embeds the photos of a catalog, and measures the vectors."""
    is_frozen = config.method == "frozen"
    evaluation = _evaluate_embedder(config, is_frozen)
    figures: dict[str, Any] = dict(evaluation.figures)
    titles = ("frozen", "fitted on") if is_frozen else ("trained", "trained on")
    columns = {titles[0]: evaluation.figures}
    intervals = {}
    if evaluation.results is not None:
        figures["intervals"] = intervals[titles[0]] = evaluation.results.intervals()
    if evaluation.trained_on:
        figures["trained_on"] = columns[titles[1]] = evaluation.trained_on
    text = cv_tf.metrics.format_figures(columns, intervals=intervals)
    if evaluation.recalls and evaluation.recalls.warning():
        text += f"\n\n{evaluation.recalls.warning()}"
    return _Result(
        figures=figures,
        text=text,
        title=f"{config.backbone} as it was pretrained"
        if is_frozen
        else f"The Embedder of {config.workdir}",
        labelled=evaluation.reported,
        photo=evaluation.embedded.photos.catalog.photo if evaluation.embedded else None,
        embedder=evaluation.embedder,
        results=evaluation.results,
    )


def _evaluate_embedder(config: EvaluateConfig, is_frozen: bool) -> Evaluation:
    if not is_frozen and not config.workdir:
        raise ConfigError(
            "Nothing to evaluate: pass --workdir of a finished training, "
            "--method=frozen for a network as it was pretrained, or --embeddings and "
            "--labels for vectors that are there."
        )
    catalog = cv_tf.catalog.read_products(config)
    split = cv_tf.training.split_catalog(
        catalog, config.train_split, config.eval_split, config.seed
    )
    if not cv_tf.training.has_variants(catalog.style[split.evaluation]):
        raise ConfigError(
            f"{catalog.name} has no two products to report on that share a style_id, "
            "so there is nothing to measure. Label some color variants."
        )
    if is_frozen:
        return cv_tf.training.evaluate_catalog(config, catalog, None)
    workdir = cv_tf.training.Workdir(config.workdir)
    ours, trained = vars(config), vars(workdir.read_config())
    same = all(ours[name] == trained[name] for name in _PRODUCTS)
    return cv_tf.training.evaluate_catalog(config, catalog, workdir.embedder, same)


def _evaluate_stored(config: EvaluateConfig) -> _Result:
    """Measures vectors and groups that are there already, without TensorFlow."""
    names = ("embeddings", "groups", "labels", "answers", "baseline", "baseline_groups")
    files = command.find_files(config, names, ("embeddings", "baseline"))
    labels = labelled = results = None
    if config.labels:
        labels = cv_tf.grouping.read_labels(files["labels"], config.labels_split)
    stored = _read_stored(files["embeddings"], files["groups"])
    if config.baseline or config.baseline_groups:
        assert labels is not None  # noqa: S101 (the settings are checked)
        baseline = _read_stored(files["baseline"], files["baseline_groups"])
        return _compare_stored(config, labels, stored, baseline)
    embeddings, groups = stored
    figures: dict[str, Any] = {}
    text = []
    if labels is not None:
        truth = cv_tf.metrics.match_truth(labels, Path(config.labels).name, embeddings)
        measured = cv_tf.metrics.measure_stored(truth, embeddings, groups, config)
        figures, results = measured
        figures["intervals"] = results.intervals()
        text.append(_format_stored(figures, bool(groups)))
        if told := cv_tf.metrics.groups_in_words(figures, figures["intervals"]):
            text.append(told)
        if embeddings is not None:
            labelled = dataclasses.replace(embeddings, style=truth.styles)
    if config.answers:
        if groups is None:
            assert embeddings is not None  # noqa: S101 (the settings are checked)
            groups, about = _find_groups(config, embeddings)
            figures = about | figures
        said, source = cv_tf.answers.read_said(*files["answers"]), files["answers"]
        figures["answers"] = cv_tf.metrics.answered_figures(
            said, " and ".join(source), groups
        )
        text += [cv_tf.metrics.format_answered(figures["answers"]), _ABOUT_ANSWERS]
        if embeddings is not None:
            text += _of_catalog(config, embeddings, source, figures)
    text.append(_about_thresholds(config, figures))
    title = f"The vectors of {Path(config.embeddings).name}"
    shown = (figures, "\n\n".join(text), title, labelled)
    return _Result(*shown, results=results)


def _read_stored(embeddings: str, groups: str) -> Stored:
    """Vectors and groups by the paths of their files; None for an empty path."""
    read = cv_tf.embeddings.read_embeddings
    vectors = read(embeddings, extras=False) if embeddings else None
    return cv_tf.metrics.Stored(vectors, _read_groups(groups) if groups else None)


def _format_stored(figures: dict[str, Any], has_groups: bool) -> str:
    """The table of stored files, beside that of the best threshold."""
    title = "groups" if has_groups else "stored"
    columns = {title: figures}
    if "at_best_threshold" in figures:
        columns["best threshold"] = figures["at_best_threshold"]
    known = {title: figures["intervals"]}
    return cv_tf.metrics.format_figures(columns, intervals=known)


def _compare_stored(
    config: EvaluateConfig, labels: Mapping[str, str], stored: Stored, baseline: Stored
) -> _Result:
    """Measures files beside those of a baseline, on the products that both have."""
    source = Path(config.labels).name
    compare = cv_tf.metrics.compare_stored
    measured, table, about = compare(labels, source, stored, baseline, config)
    figures = measured.figures | {"intervals": measured.results.intervals()}
    labelled = None
    if stored.embeddings is not None and config.page:
        ids = set(baseline.ids)
        shared = stored.select([it for it in stored.ids if it in ids]).embeddings
        assert shared is not None  # noqa: S101 (stored has vectors)
        known = {k: of for k, of in labels.items() if k in ids}
        truth = cv_tf.metrics.match_truth(known, source, shared)
        labelled = dataclasses.replace(shared, style=truth.styles)
    title = f"The vectors of {Path(config.embeddings).name}"
    text = f"{table}\n\n{about}"
    return _Result(figures, text, title, labelled, results=measured.results)


def _of_catalog(
    config: EvaluateConfig,
    embeddings: Embeddings,
    files: Sequence[str],
    figures: dict[str, Any],
) -> list[str]:
    """A sentence on the whole catalogue, if groups of it were drawn at random."""
    answers: list[Answer] = []
    for path in filter(cv_tf.answers.is_store, files):
        with cv_tf.answers.AnswerStore(path, read_only=True) as store:
            answers += store.answers()
    if not any(answer.stratum for answer in answers):
        return []
    quality = cv_tf.reviewing.catalog_quality(embeddings, answers, config)
    if quality is None:
        return [_TOO_FEW_DRAWN]
    figures["catalog"] = {name: of._asdict() for name, of in quality._asdict().items()}
    told = [
        f"{name} {of.estimate:.2f} ({of.low:.2f} to {of.high:.2f})"
        for name, of in quality._asdict().items()
    ]
    return [
        f"Of the whole catalogue, grouped by these answers, {' and '.join(told)} are "
        "estimated by the groups that review has drawn at random."
    ]


def _find_groups(
    config: EvaluateConfig, embeddings: Embeddings
) -> tuple[cv_tf.metrics.StoredGroups, dict[str, Any]]:
    """The groups that `cv_tf.group` finds without labels, and what is known of them."""
    found = cv_tf.grouping.find_groups(embeddings, None, config.given_threshold, config)
    ids, first = embeddings.product_id, embeddings.product_id[found.copies.first]
    groups = cv_tf.metrics.StoredGroups(
        group_of=dict(zip(ids.tolist(), found.named.group_id.tolist(), strict=True)),
        threshold=found.threshold,
        source=embeddings.name,
        copy_of=dict(zip(ids.tolist(), first.tolist(), strict=True)),
    )
    about: dict[str, Any] = {"threshold": found.threshold}
    if found.expected is not None:
        about["expected"] = found.expected.summary()
    return groups, about


def _about_thresholds(config: EvaluateConfig, figures: dict[str, Any]) -> str:
    """A sentence on the source of each threshold."""
    if config.groups:
        text = f"The groups are those of {config.groups}."
    elif config.given_threshold is not None:
        text = f"The groups are those at --threshold={config.threshold}."
    else:
        text = (
            f"The threshold of {figures['threshold']:.3f} was guessed from the "
            "products themselves, as cv_tf group does without --calibrate."
        )
    if "expected" in figures:
        of = figures["expected"]["precision"]
        text += (
            f" Without labels, a precision of {of['low']:.2f} to {of['high']:.2f} was "
            "to be expected of them."
        )
    if "at_best_threshold" in figures:
        text += (
            " The best threshold was chosen on these very labels for the best "
            f"{config.criterion}: expect less of it on other products."
        )
    return text


def _read_groups(path: str) -> cv_tf.metrics.StoredGroups:
    """Groups, and their threshold where `cv_tf.group` has left it beside them."""
    threshold = cv_tf.report.threshold_beside(path)
    return cv_tf.metrics.StoredGroups.read(path, threshold)


def _outputs(config: EvaluateConfig) -> tuple[Path | None, Path | None, Path | None]:
    """The files for figures, products and the Embedder; None where there is none."""
    output = queries = embedder_output = None
    if config.output:
        output = command.check_output(config.output, config.overwrite, (".json",))
    if config.queries:
        queries = command.check_output(
            config.queries, config.overwrite, (".parquet",), "--queries"
        )
    if config.save_embedder:
        if config.method != "frozen":
            raise ConfigError(
                "--save_embedder goes with --method=frozen: a trained Embedder is in "
                "its workdir."
            )
        embedder_output = command.check_output(
            config.save_embedder, config.overwrite, (".keras",), "--save_embedder"
        )
    return output, queries, embedder_output


def settings_of(argv: Sequence[str]) -> EvaluateConfig:
    """The settings of a command line; others are those of the run in --workdir."""
    given = command.given_flags(EvaluateConfig, argv)
    inherited = cv_tf.training.inherited_settings(given, Config, must_exist=True)
    inherited.pop("answers", None)  # Those that a run has learned from measure nothing.
    return EvaluateConfig(**inherited | given)


if __name__ == "__main__":
    command.run(run, EvaluateConfig, parse=settings_of)
