"""All settings of training and evaluation, a dataclass for each topic.

`Config` has all of them. Other verbs extend a topic by their own settings, e.g.
`cv_tf.embed.EmbedConfig`. Flags are made from the fields (see `cv_tf.command`), so the
name, the default and the meaning of a setting are declared once. The choices of a
setting are in `cv_tf.choices`.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from cv_tf import choices
from cv_tf.settings import ConfigError, check_all, setting


@dataclasses.dataclass(kw_only=True)
class DownloadSettings:
    """Photos behind addresses: where they are kept, and what is asked of servers."""

    photo_cache: str = setting(
        "", "Folder that keeps downloaded photos; empty for ~/.cache/cv_tf/photos."
    )
    downloads_at_once: int = setting(16, "Photos downloaded at a time.", minimum=1)
    downloads_per_second: float = setting(
        0.0,
        "Photos that are asked of one server a second, at most; 0 for any.",
        minimum=0,
    )
    download_seconds: float = setting(
        30.0, "Seconds that the download of a photo may take.", minimum=0.1
    )
    download_megabytes: float = setting(
        50.0, "Megabytes that a downloaded photo may have.", minimum=0.1
    )
    allow_http: bool = setting(
        False, "Also download from http:// addresses, where anybody may change a photo."
    )
    allow_private_addresses: bool = setting(
        False, "Also download from this machine and its network; for tables you trust."
    )
    refresh_photos: bool = setting(
        False, "Ask servers again for photos that were downloaded and may have changed."
    )


@dataclasses.dataclass(kw_only=True)
class CatalogSettings(DownloadSettings):
    """Products, and how their photos are read."""

    catalog: str = setting(
        "",
        "Products: a table (CSV, TSV, JSON lines, Parquet or spreadsheet) with "
        "product_id, image and, where known, style_id; a shop's export; a folder of "
        "photos; or a TFDS data set. Takes the place of --dataset.",
    )
    columns: tuple[str, ...] = setting(
        (),
        "What the columns of --catalog are, where they have other names than usual: "
        "shopify, woocommerce, merchant, magento or akeneo for such an export, and "
        "NAME:COLUMN for each, such as product_id:sku,image:image_url.",
    )
    image_base: str = setting(
        "",
        "Folder or address in which relative paths of photos start; empty for the "
        "folder of --catalog.",
    )
    dataset: str = setting(
        "synthetic_color_variants",
        "TFDS data set of images with a style label; downloaded or drawn if needed.",
    )
    data_dir: str = setting("", "Folder of TFDS data sets; empty for that of TFDS.")
    block_columns: tuple[str, ...] = setting(
        ("category",),
        "Columns, comma-separated; only products with equal values are compared.",
    )
    frame: str = setting(
        "auto",
        "Box of the product: the columns x, y, width, height, or else found on a plain "
        "background (auto), the columns alone, or the whole photo.",
        one_of=choices.FRAMES,
    )
    cache_dir: str = setting(
        "", "Folder of frames and converted photos; empty for beside the data."
    )


@dataclasses.dataclass(kw_only=True)
class DataSettings(CatalogSettings):
    """Use of the products, and of those whose photos cannot be read."""

    train_split: str = setting(
        "train", "Value of the column 'split' to learn from, and to calibrate on."
    )
    eval_split: str = setting(
        "validation", "Value of the column 'split' that figures are reported on."
    )
    on_bad_image: str = setting(
        "fail",
        "Stop if photos cannot be read, or list them in rejects.csv and go on.",
        one_of=choices.ON_BAD_IMAGE,
    )
    memory_gigabytes: float = setting(
        2.0, "Decoded photos are kept in memory up to this size.", minimum=0
    )


@dataclasses.dataclass(kw_only=True)
class ModelSettings:
    """The Embedder, which maps a photo to a vector."""

    backbone: str = setting(
        "efficientnetlite_b0",
        "Network that computes features.",
        one_of=choices.BACKBONES,
    )
    weights: str = setting(
        "imagenet", "Initial weights of the network.", one_of=choices.WEIGHTS
    )
    freeze_batch_norm: bool = setting(
        True, "Keep batch normalization as it was pretrained."
    )
    feature_stride: int = setting(
        16,
        "Pixels a cell of the feature map: 32 for the last map of the network, 16 for "
        "the one before, which tells the parts of a product apart.",
        one_of=choices.FEATURE_STRIDES,
    )
    frozen_stride: int = setting(
        0,
        "Layers up to the map of this stride are not trained, which shortens steps; "
        "0 trains all layers.",
        one_of=choices.FROZEN_STRIDES,
    )
    image_size: int = setting(
        128, "Pixels a side of the views in training.", minimum=32
    )
    embed_size: int = setting(
        0, "Pixels a side of photos to embed; 0 for --image_size.", minimum=0
    )
    color_input: str = setting(
        "grey", "Color of the network's input.", one_of=choices.COLOR_INPUTS
    )
    average: str = setting(
        "inverse",
        "Average a vector over the photo and its lightness inversion (inverse), its "
        "mirror image (mirror), or all four renderings (all).",
        one_of=choices.AVERAGES,
    )
    embedding: str = setting(
        "parts",
        "Vector of a product: the mean of the feature map, or the means of all parts.",
        one_of=choices.EMBEDDINGS,
    )
    parts: str = setting(
        "symmetric_7x7", "Layout of the parts.", one_of=choices.LAYOUTS
    )
    whiten: str = setting(
        "groups",
        "Whiten vectors by the principal components of the training photos (pca), and "
        "then by the differences of variants: of groups found without labels (groups), "
        "or of known variants if there are any (labels).",
        one_of=choices.WHITENINGS,
    )
    whiten_dimensions: int = setting(
        1024, "Dimensions of whitened vectors, at most.", minimum=1
    )
    whiten_power: float = setting(
        1.0,
        "Each component is divided by its standard deviation to this power.",
        minimum=0,
        maximum=1,
    )

    @property
    def size_at_use(self) -> int:
        """Pixels a side of photos to embed."""
        return self.embed_size or self.image_size


@dataclasses.dataclass(kw_only=True)
class MethodSettings:
    """The method: views, heads and loss."""

    method: str = setting(
        "part_contrast",
        "Method of training: part_contrast is simclr with --views=parts; frozen does "
        "not train.",
        one_of=choices.METHODS,
    )
    views: str = setting(
        "auto",
        "Views to learn from: random crops, the whole product, or its parts, each "
        "compared with the same part. auto takes those that the method is known for.",
        one_of=choices.VIEWS,
    )
    flip: float = setting(0.0, "Probability of mirroring a view.", minimum=0, maximum=1)
    blur: float = setting(
        0.0,
        "Probability of blurring a view, by a Gaussian of 0.1 to 2 pixels.",
        minimum=0,
        maximum=1,
    )
    keep_background: bool = setting(
        False, "Recolor the product alone if its background is plain."
    )
    parts_from: str = setting(
        "features",
        "Cut parts from the feature map (one pass) or from the pixels (a pass a part).",
        one_of=choices.PARTS_FROM,
    )
    whole_weight: float = setting(
        0.0, "Weight of the whole product; all its parts together weigh 1.", minimum=0
    )
    aggregate: str = setting(
        "none",
        "Compare each part with the same part, or the mean of all parts.",
        one_of=choices.AGGREGATES,
    )
    temperature: float = setting(
        0.1, "Temperature of the contrastive losses.", minimum=1e-6
    )
    projection_dimensions: int = setting(
        128, "Width of the projections that losses compare.", minimum=1
    )
    projection_hidden: int = setting(
        512, "Width of the projection head's hidden layers; 0 for none.", minimum=0
    )
    predictor_hidden: int = setting(
        512, "Width of the hidden layer of the predictor (byol, simsiam).", minimum=1
    )
    momentum: float = setting(
        0.99,
        "Momentum of the momentum encoder (moco, byol); byol raises it to 1.",
        minimum=0,
        maximum=1,
    )
    queue_size: int = setting(
        1024,
        "Keys of past batches that are negatives of moco, for each part.",
        minimum=1,
    )
    pseudo_labels: str = setting(
        "none",
        "Take groups that the untrained Embedder finds for the styles of supervised "
        "methods: of products without a style (missing), or of all products, so that "
        "no label is used (all).",
        one_of=choices.PSEUDO_LABELS,
    )
    answers: tuple[str, ...] = setting(
        (),
        "Files of what people say of products, separated by commas: stores of answers "
        "(.sqlite), and CSV or Parquet tables of pairs (product_a, product_b, same: "
        "yes or no). They are the styles that supervised methods and whitening learn "
        "from, before those of the catalogue.",
        names=True,
    )
    margin: float = setting(0.2, "Margin of the triplet loss.", minimum=0)
    distance: str = setting(
        "angular", "Distance of the triplet loss.", one_of=choices.DISTANCES
    )
    triplet_loss: str = setting(
        "native",
        "Triplet loss of cv_tf, or that of tensorflow-addons (the extra 'addons').",
        one_of=choices.TRIPLET_LOSSES,
    )

    @property
    def view_kind(self) -> str:
        """`views`, with "auto" replaced by those that the method is known for."""
        if self.views != "auto":
            return self.views
        return {"part_contrast": "parts", "triplet": "whole"}.get(self.method, "crops")


@dataclasses.dataclass(kw_only=True)
class TrainingSettings:
    """Batches, optimization, checkpoints and probes."""

    workdir: str = setting("", "Folder of the run: checkpoints, figures, Embedder.")
    seed: int = setting(0, "Seed of all random numbers.", minimum=0, maximum=2**31 - 1)
    steps: int = setting(200, "Number of batches to train on.", minimum=0)
    batch_size: int = setting(64, "Products in a batch.", minimum=2)
    batches: str = setting(
        "random",
        "Draw a batch from all products or from one block.",
        one_of=choices.BATCHES,
    )
    products_per_style: int = setting(
        4, "Products of each style in a batch of a supervised method.", minimum=2
    )
    optimizer: str = setting(
        "adam",
        "Adam, SGD with momentum 0.9, or LARS for batches of thousands.",
        one_of=choices.OPTIMIZERS,
    )
    learning_rate: float = setting(
        2e-4, "Learning rate at the end of the warm-up.", minimum=0
    )
    base_batch_size: int = setting(
        0,
        "Batch size that --learning_rate is for: the rate is scaled in proportion to "
        "--batch_size. 0 leaves it as it is.",
        minimum=0,
    )
    warmup_steps: int = setting(
        20, "Steps of linear warm-up, before cosine decay.", minimum=0
    )
    weight_decay: float = setting(
        0.0,
        "Weight decay of all but biases and normalization; decoupled except in LARS.",
        minimum=0,
    )
    clip_norm: float = setting(
        0.0, "Largest global norm of the gradients; 0 for no limit.", minimum=0
    )
    strategy: str = setting(
        "auto",
        "Train on one device, all GPUs of this machine (mirrored), the machines of "
        "TF_CONFIG (multi_worker) or a TPU; auto takes what is available.",
        one_of=choices.STRATEGIES,
    )
    tpu: str = setting("", "Name or address of a TPU; local for that of this machine.")
    micro_batch: int = setting(
        0,
        "Photos that go through the backbone at once on each replica: less memory and "
        "the same gradients, a third slower. 0 for all.",
        minimum=0,
    )
    mixed_precision: str = setting(
        "none", "Compute in 16 bits, keep variables in 32.", one_of=choices.PRECISIONS
    )
    jit_compile: str = setting(
        "auto",
        "Compile the training step by XLA; auto does so on one GPU, and never on CPUs, "
        "where a compiled step is 10 to 30 times slower.",
        one_of=choices.AUTO_ON_OFF,
    )
    steps_per_execution: int = setting(1, "Steps in a call of the device.", minimum=1)
    checkpoint_every: int = setting(100, "Steps between checkpoints.", minimum=1)
    probe_every: int = setting(
        100, "Steps between probes of recall@1; 0 for no probes.", minimum=0
    )
    probe_products: int = setting(1000, "Products in a probe.", minimum=1)
    baselines: bool = setting(
        True, "Also evaluate the network before training, and as it was pretrained."
    )
    write_groups: bool = setting(
        False,
        "After training, embed and group all products, those to report on among them: "
        "embeddings.parquet, groups.csv and groups.html in --workdir; the photos of a "
        "data set are written to the folder photos there.",
    )


@dataclasses.dataclass(kw_only=True)
class ColorSettings:
    """What the colors of products count for."""

    color: str = setting(
        "auto",
        "Variants differ in color, so that of two products that look alike, those of "
        "one color count as less similar: by as much as is usual, or as answers and "
        "labels tell (auto); not at all (off); or for the very same color by a given "
        "similarity, 0 to 2.",
        was=("group_color_weight", "search_color_weight", "same_color"),
    )

    def __post_init__(self):
        check_all(self)
        if self.color not in choices.COLOR and not _is_from(self.color, 0, 2):
            raise ConfigError(
                f"--color={self.color} must be 'auto', 'off', or a number from 0 to 2."
            )


@dataclasses.dataclass(kw_only=True)
class RankingSettings(ColorSettings):
    """How neighbors are ranked."""

    second_look: bool = setting(
        True,
        "Look again at the first neighbors: those that have neighbors in common with "
        "the query come first.",
    )


@dataclasses.dataclass(kw_only=True)
class GroupingSettings(ColorSettings):
    """How vectors become groups."""

    retrieval: str = setting(
        "auto",
        "Nearest-neighbor search: exact, ScaNN, or ScaNN for large blocks (auto).",
        one_of=choices.RETRIEVALS,
    )
    recall: float = setting(
        0.95,
        "Share of the true neighbors that ScaNN must find; it is tuned to it.",
        minimum=0.1,
        maximum=1.0,
    )
    neighbors: int = setting(
        20, "Neighbors looked at for each product; variants are among them.", minimum=1
    )
    max_group_size: int = setting(
        100, "Products a group may have; larger ones stay apart.", minimum=2
    )
    threshold: str = setting(
        "auto",
        "Mean similarity (less the discount for color) at which groups join, -1 to 1; "
        "auto takes the one that is best on labelled products, or is expected to be; "
        "expected takes the latter, and looks at no label.",
    )
    variants: str = setting(
        "unknown",
        "About how many products have a variant: a few (one in ten), some (half), or "
        "most. It helps where no product is labelled and no question answered.",
        one_of=choices.VARIANTS,
    )

    def __post_init__(self):
        super().__post_init__()
        if self.threshold not in choices.THRESHOLD and not _is_from(
            self.threshold, -1, 1
        ):
            raise ConfigError(
                f"--threshold={self.threshold} must be 'auto', 'expected', or from -1 "
                "to 1."
            )

    @property
    def given_threshold(self) -> float | None:
        """The threshold as a number; None if it is not given as one."""
        return None if self.threshold in choices.THRESHOLD else float(self.threshold)


@dataclasses.dataclass(kw_only=True)
class EvaluationSettings(GroupingSettings, RankingSettings):
    """Evaluation of vectors."""

    criterion: str = setting(
        "f1", "Figure that the threshold is chosen by.", one_of=choices.CRITERIA
    )
    embed_batch_size: int = setting(64, "Photos embedded at once.", minimum=1)


@dataclasses.dataclass(kw_only=True)
class Config(
    EvaluationSettings, TrainingSettings, MethodSettings, ModelSettings, DataSettings
):
    """All settings of a run.

    Raises:
      ConfigError: At construction, if a value cannot be used.
    """

    main_flags: ClassVar[tuple[str, ...]] = (
        *("workdir", "catalog", "dataset", "method", "steps", "batch_size"),
        *("embed_size", "block_columns", "on_bad_image", "answers", "write_groups"),
    )

    def __post_init__(self):
        super().__post_init__()
        if self.image_size % 32 or self.embed_size % 32:
            raise ConfigError(
                f"--image_size={self.image_size} and --embed_size={self.embed_size} "
                "must be multiples of 32, the stride of the backbones."
            )
        if self.parts_from == "pixels" and self.parts.startswith("symmetric_"):
            raise ConfigError(
                f"--parts={self.parts} averages a part with its mirror image, which "
                "--parts_from=pixels cannot cut. Pass --parts=grid_3x3, for example."
            )
        if self.method == "part_contrast" and self.view_kind != "parts":
            raise ConfigError(
                f"--method=part_contrast learns from parts, but --views={self.views}. "
                f"Pass --method=simclr --views={self.views}, which is the same without "
                "parts."
            )
        if self.pseudo_labels != "none" and self.method not in choices.SUPERVISED:
            raise ConfigError(
                f"--pseudo_labels={self.pseudo_labels} is for methods that learn from "
                f"styles ({', '.join(choices.SUPERVISED)}); --method={self.method} "
                "learns without. Leave it out, or choose another method."
            )
        if self.pseudo_labels == "all" and self.answers:
            raise ConfigError(
                "--pseudo_labels=all takes no notice of --answers. Pass "
                "--pseudo_labels=missing, which finds styles for all other products."
            )
        if self.micro_batch and not self.freeze_batch_norm:
            raise ConfigError(
                f"--micro_batch={self.micro_batch} needs --freeze_batch_norm: the "
                "backbone would normalize each piece of a batch by itself."
            )
        if self.micro_batch and self.batch_size % self.micro_batch:
            raise ConfigError(
                f"--batch_size={self.batch_size} must be a multiple of "
                f"--micro_batch={self.micro_batch}."
            )
        if self.method == "moco" and self.queue_size % self.batch_size:
            raise ConfigError(
                f"--queue_size={self.queue_size} must be a multiple of "
                f"--batch_size={self.batch_size}."
            )


def _is_from(text: str, least: float, most: float) -> bool:
    try:
        return least <= float(text) <= most
    except ValueError:
        return False
