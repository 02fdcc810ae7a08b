"""The model card of an export: facts from its run and its check, and nothing else."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from cv_tf import command
from cv_tf.catalog import Catalog
from cv_tf.config import Config
from cv_tf.deployment.bundle import TOLERANCE, ExportAgreement
from cv_tf.metrics import format_figures, format_run
from cv_tf.models import Embedder

# Paths on one machine, which mean nothing elsewhere.
_OF_ONE_MACHINE = ("workdir", "catalog", "data_dir", "cache_dir")

_USE = """\
It maps photos of single products to vectors of length 1; the dot product of two says
how much alike the designs are, whatever their color. It is meant to find color variants
within a catalogue: products of one block (such as a category) are compared."""

_LIMITS = """\
- The figures are of the data above. On photos of another kind they are to be measured
  anew, and the threshold of groups is to be chosen anew.
- Vectors can be compared with those of the same model in the same precision."""

_PHOTOS = """\
- JPEG that is turned by EXIF, or CMYK, is read as it is stored; other formats than JPEG
  and PNG are refused. Convert such photos first.
- PNG of more than 16 million pixels, and JPEG of more than 100 million, are refused.
- Boxes of the catalogue are not known to it."""

_CALLS = {
    "savedmodel": """```python
model = tensorflow.saved_model.load("{name}")
photos = tensorflow.constant([open("photo.jpg", "rb").read()])
vectors = model.signatures["serving_default"](photos=photos)["embeddings"]
```

`serving_default` takes `photos`, string [n], whole JPEG or PNG files: {framing}
`images` takes `images`, uint8 [n, {size}, {size}, 3]: {square}

TensorFlow Serving takes `{{"instances": [{{"b64": "..."}}]}}` (the file in base64) and
answers `{{"predictions": [[...]]}}`.
""",
    "tflite": """```python
interpreter = tensorflow.lite.Interpreter("{name}")
vectors = interpreter.get_signature_runner()(images=image)["embeddings"]
```

`images` is uint8 [1, {size}, {size}, 3]: {square}
""",
    "onnx": """```python
session = onnxruntime.InferenceSession("{name}")
(vectors,) = session.run(["embeddings"], {{"images": images}})
```

`images` is uint8 [n, {size}, {size}, 3]: {square}
""",
}
_SQUARE = (
    "the product cut out with a margin, scaled so that its longer side fills the "
    "square, in the middle of the background's color (RGB, 0 to 255)."
)
_FRAMED = "the product is found from a plain background, where there is one."
_NOT_FRAMED = "the whole photo is taken."


def write_card(
    name: str,
    format: str,  # noqa: A002 (the word of the flag)
    precision: str,
    find_frame: bool,
    embedder: Embedder,
    config: Config,
    catalog: Catalog,
    metrics: Mapping[str, Any],
    agreements: Mapping[str, ExportAgreement],
) -> str:
    """The card as Markdown.

    Args:
      name: Name of the exported file or folder.
      format: Format of the export, one of `cv_tf.choices.EXPORT_FORMATS`.
      precision: Precision of the export, one of `cv_tf.choices.EXPORT_PRECISIONS`.
      find_frame: Whether the frame is found in photos that are given whole.
      embedder: The exported Embedder.
      config: Settings of the run that trained it.
      catalog: Catalogue whose photos the export was checked on.
      metrics: Content of the run's metrics.json; empty if it has none.
      agreements: Agreement of the export with the Embedder, by name of the input.
    """
    size = embedder.image_size
    changed = command.changed_settings(config)
    settings = {key: changed[key] for key in changed if key not in _OF_ONE_MACHINE}
    framing = _FRAMED if find_frame else _NOT_FRAMED
    call = _CALLS[format].format(name=name, size=size, square=_SQUARE, framing=framing)
    limits = f"{_LIMITS}\n{_PHOTOS}" if format == "savedmodel" else _LIMITS
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    sections = {
        f"# {name}": f"An Embedder of cv_tf {version('cv_tf')} as {format}, "
        f"{precision}, written on {today} with TensorFlow {version('tensorflow')}.",
        "## Intended use": _USE,
        "## How to call it": call.strip(),
        "## Data": _data(config, catalog),
        "## Settings": "Those of the run that are not the defaults:\n\n"
        + _code("\n".join(command.to_flags(settings))),
        "## Figures of the run": _figures(metrics),
        "## Agreement with the Embedder": _agreement(agreements, precision),
        "## Limits": limits,
    }
    return "\n\n".join(f"{title}\n\n{text}" for title, text in sections.items()) + "\n"


def _data(config: Config, catalog: Catalog) -> str:
    trained_on = config.catalog.rsplit("/", 1)[-1] or config.dataset
    lines = [f"- The run learned from: {trained_on}"]
    lines.append(f"- Checked on photos of: {catalog.name}, {len(catalog):,} products")
    if catalog.split is not None:
        counts = sorted(Counter(catalog.split).items())
        splits = ", ".join(f"{name} ({count:,} products)" for name, count in counts)
        lines.append(f"- Its splits: {splits}")
    return "\n".join(lines)


def _figures(metrics: Mapping[str, Any]) -> str:
    if "after" in metrics:
        split = metrics.get("split", "")
        note = f"Measured on its products to report on ({split}):\n\n" if split else ""
        return note + _code(format_run(metrics))
    if metrics:
        return _code(format_figures({"figures": metrics}))
    return "The run has no metrics.json: nothing was measured."


def _agreement(agreements: Mapping[str, ExportAgreement], precision: str) -> str:
    rows = [
        f"| {what} | {of.num_photos} | {of.lowest_cosine:.6f} | {of.mean_cosine:.6f} "
        f"| {of.same_nearest:.1%} |\n"
        for what, of in agreements.items()
    ]
    return (
        "| given | photos | lowest cosine | mean cosine | same nearest photo |\n"
        f"| --- | ---: | ---: | ---: | ---: |\n{''.join(rows)}\n"
        f"A mean cosine below {TOLERANCE[precision]} would have been refused."
    )


def _code(text: str) -> str:
    return f"```\n{text}\n```"
