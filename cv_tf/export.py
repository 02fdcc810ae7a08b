r"""Writes the Embedder of a run for use elsewhere, with a model card beside it.

    cv_tf export --workdir=runs/my --output=exports/my/1
    cv_tf export --workdir=runs/my --format=tflite --precision=float16 \
        --output=my.tflite
    cv_tf export --workdir=runs/my --format=onnx --output=my.onnx

A SavedModel takes whole JPEG or PNG files and finds the product in them as the run did
(but knows no boxes of the catalogue), or squares of pixels; the other formats take
squares. Vectors are compared with those of the Embedder on photos of the catalogue, and
an export that differs too much is not kept. The catalogue and the framing of photos are
those of the run in --workdir, unless flags say otherwise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

import cv_tf
from cv_tf import choices, command
from cv_tf.atomic import whole_files, write_text
from cv_tf.config import CatalogSettings, ConfigError
from cv_tf.errors import MissingPackageError
from cv_tf.files import expanded
from cv_tf.settings import check_all, setting

if TYPE_CHECKING:
    from cv_tf.deployment import ExportAgreement

_SUFFIX = {"tflite": ".tflite", "onnx": ".onnx"}
_ONNX_PACKAGES = ("tf2onnx", "onnxruntime")


@dataclasses.dataclass(kw_only=True)
class ExportConfig(CatalogSettings):
    """Settings of an export.

    Raises:
      ConfigError: At construction, if a value cannot be used.
    """

    main_flags: ClassVar[tuple[str, ...]] = (
        *("workdir", "format", "output", "precision", "photos", "catalog"),
        *("frame", "overwrite"),
    )

    workdir: str = setting("", "Folder of a finished training.")
    format: str = setting(
        "savedmodel",
        "savedmodel for TensorFlow Serving; tflite (LiteRT) for small devices; onnx, "
        "which needs the extra 'onnx'.",
        one_of=choices.EXPORT_FORMATS,
    )
    precision: str = setting(
        "float32",
        "Weights of a tflite file: float16 halves the file, int8_weights quarters it.",
        one_of=choices.EXPORT_PRECISIONS,
    )
    output: str = setting(
        "", "The folder of a SavedModel, or a file that ends in .tflite or .onnx."
    )
    overwrite: bool = setting(False, "Replace --output and its card if they are there.")
    photos: int = setting(
        256, "Photos of the catalogue that vectors are compared on.", minimum=1
    )

    def __post_init__(self):
        check_all(self)
        if self.precision != "float32" and self.format != "tflite":
            raise ConfigError(
                f"--precision={self.precision} goes with --format=tflite; "
                f"--format={self.format} is always float32."
            )


def run(config: ExportConfig) -> dict[str, ExportAgreement]:
    """Exports the Embedder of a workdir.

    Returns:
      How well the export agrees with the Embedder, by its input ("images", "photos").

    Raises:
      UserError: If the settings, the catalogue or the workdir cannot be used, or the
        export does not agree.
    """
    output, card = _outputs(config)
    _check_packages(config.format)
    workdir = cv_tf.training.Workdir(config.workdir)
    trained = workdir.read_config()
    embedder_path = workdir.trained_embedder()
    catalog = cv_tf.catalog.read_products(config)
    cv_tf.catalog.check_frame(catalog.name, config.frame, catalog.box)

    embedder = cv_tf.models.Embedder.load(embedder_path)
    frame = "auto" if config.frame == "auto" else "photo"
    photos = cv_tf.deployment.draw_photos(
        # An export gets no boxes: it is compared on what it can know.
        dataclasses.replace(catalog, box=None),
        embedder.image_size,
        frame,
        config.cache_dir,
        config.photos,
    )
    as_written = (config.format, config.precision, frame == "auto")
    metrics = workdir.read_metrics()
    with whole_files(output, card) as (unfinished, unfinished_card):
        agreements = cv_tf.deployment.export_embedder(
            embedder, *as_written, photos, unfinished
        )
        text = cv_tf.deployment.write_card(
            output.name,
            *as_written,
            embedder=embedder,
            config=trained,
            catalog=catalog,
            metrics=metrics,
            agreements=agreements,
        )
        write_text(unfinished_card, text)
    for what, of in agreements.items():
        print(
            f"Given {what}, {of.num_photos} of them, cosine with the Embedder: "
            f"{of.lowest_cosine:.6f} at least, {of.mean_cosine:.6f} in the mean."
        )
        if not np.isnan(of.same_nearest):
            print(f"The nearest other photo is the same for {of.same_nearest:.1%}.")
    print(f"The Embedder is in '{output}', its model card in '{card}'.")
    return agreements


def _outputs(config: ExportConfig) -> tuple[Path, Path]:
    """Checks that the export and its card may be written; returns their paths."""
    path, overwrite = config.output, config.overwrite
    if config.format == "savedmodel":
        output = _check_folder(path, overwrite)
    else:
        output = command.check_output(path, overwrite, (_SUFFIX[config.format],))
    card = output.with_name(f"{output.name}.md")
    return output, command.check_output(str(card), overwrite, (".md",))


def _check_folder(output: str, overwrite: bool) -> Path:
    folder = Path(expanded(output))
    if not output or not folder.name:
        raise ConfigError("--output is not set. Name a folder for the SavedModel.")
    if folder.suffix in _SUFFIX.values():
        raise ConfigError(
            f"--output={output} is a folder for --format=savedmodel. Name one, or pass "
            f"--format={folder.suffix[1:]}."
        )
    if folder.exists() and not (folder / "saved_model.pb").is_file():
        raise ConfigError(f"'{folder}' exists and is no SavedModel. Name another.")
    command.check_free(folder, overwrite)
    return folder


def _check_packages(format_: str) -> None:
    missing = [name for name in _ONNX_PACKAGES if not find_spec(name)]
    if format_ == "onnx" and missing:
        raise MissingPackageError(
            f"--format=onnx needs {' and '.join(missing)}, which are not installed. "
            "Run: pip install 'cv_tf[onnx]'"
        )


def settings_of(argv: Sequence[str]) -> ExportConfig:
    """The settings of a command line; others are those of the run in --workdir."""
    given = command.given_flags(ExportConfig, argv)
    inherited = cv_tf.training.inherited_settings(given, CatalogSettings)
    return ExportConfig(**inherited | given)


if __name__ == "__main__":
    command.run(run, ExportConfig, parse=settings_of)
