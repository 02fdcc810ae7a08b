"""Checks the files of a saved ScaNN index before ScaNN reads them.

ScaNN ends the process where its files do not fit together. So the small ones have to
be, byte for byte, what ScaNN itself writes for the numbers in them, and these numbers
have to fit the arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cv_tf.retrieval.index_folder import IndexFolder
from cv_tf.retrieval.neighbors import check_embeddings

_DATASET, _HASHED, _TOKENS = (
    "dataset.npy",
    "hashed_dataset.npy",
    "datapoint_to_token.npy",
)
_ASSETS, _CONFIG = "scann_assets.pbtxt", "scann_config.pb"
_CODEBOOK, _PARTITIONER = "ah_codebook.pb", "serialized_partitioner.pb"
SCANN_FILES = (_ASSETS, _DATASET, _HASHED, _CODEBOOK, _PARTITIONER, _CONFIG, _TOKENS)
_KINDS = {
    "AH_CENTERS": _CODEBOOK,
    "PARTITIONER": _PARTITIONER,
    "TOKENIZATION_NPY": _TOKENS,
    "AH_DATASET_NPY": _HASHED,
    "DATASET_NPY": _DATASET,
}
# What ScaNN is told to read; paths are relative to the folder.
ASSETS = "".join(
    f'assets {{\n  asset_type: {kind}\n  asset_path: "{name}"\n}}\n'
    for kind, name in _KINDS.items()
)
BLOCK_DIM = 2  # Dimensions that are quantized together.
_CENTERS = 16  # Of each block: its codes have 4 bits.
_PRODUCT, _FLOAT, _NO_SPILLING = 0, 2, 0  # Names of ScaNN for numbers.
_SETTINGS = ("leaves", "reordered", "num_leaves", "tuned_k")
_ROWS_AT_ONCE = 2**16
_MOST_CONFIG = 2**16  # Bytes.


def check_scann_files(
    folder: IndexFolder, config_of: Callable[[int, int, int, int], str]
) -> None:
    """Checks that all files are of one index of ScaNN, and fit index.json.

    Args:
      folder: The folder, whose files have the sizes of index.json.
      config_of: Function from the number of dimensions, neighbors, leaves and reordered
        products to the configuration, as text, that such an index is built with.

    Raises:
      UserError: If anything does not fit.
    """
    about, settings = folder.about, folder.about["settings"]
    num_products, dim = about["num_products"], about["dim"]
    if sorted(settings) != sorted(_SETTINGS):
        raise folder.damaged(f"its settings are {', '.join(settings)!r:.100}")
    if not settings["leaves"] <= settings["num_leaves"] <= num_products:
        raise folder.damaged("it has more leaves than products, or searches more")
    if folder.content(_ASSETS, _MOST_CONFIG).decode("utf-8", "replace") != ASSETS:
        raise folder.damaged(f"{_ASSETS} names other files than such an index has")
    vectors = folder.array(_DATASET, "float32", (num_products, dim))
    num_blocks = -(-dim // BLOCK_DIM)
    codes = folder.array(_HASHED, "uint8", (num_products, num_blocks))
    tokens = folder.array(_TOKENS, "int32", (num_products,))
    _check_config(folder, config_of)
    _check_codebook(folder, num_blocks)
    num_tokens = _check_partitioner(folder)
    for start in range(0, num_products, _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        check_embeddings(vectors[rows])
        if codes[rows].max() >= _CENTERS:
            raise folder.damaged(f"{_HASHED} has codes without a center")
        if not 0 <= tokens[rows].min() <= tokens[rows].max() < num_tokens:
            raise folder.damaged(f"{_TOKENS} names leaves that are not there")


def _check_config(
    folder: IndexFolder, config_of: Callable[[int, int, int, int], str]
) -> None:
    from google.protobuf import text_format  # noqa: PLC0415 (slow)
    from scann.proto.scann_pb2 import ScannConfig  # noqa: PLC0415

    settings = folder.about["settings"]
    content = folder.content(_CONFIG, _MOST_CONFIG)
    found = ScannConfig.FromString(content)
    reordered = found.exact_reordering.approx_num_neighbors
    expected = config_of(
        folder.about["dim"], settings["tuned_k"], settings["num_leaves"], reordered
    )
    if _encoded(text_format.Parse(expected, ScannConfig())) != content:
        raise folder.damaged(f"{_CONFIG} is not of such an index, or of another ScaNN")
    if not 1 <= settings["reordered"] <= reordered <= folder.about["num_products"]:
        raise folder.damaged("it compares more products than there are")


def _check_codebook(folder: IndexFolder, num_blocks: int) -> None:
    from scann.proto.centers_pb2 import CentersForAllSubspaces  # noqa: PLC0415

    content = folder.content(_CODEBOOK, num_blocks * _CENTERS * 64 + 1024)
    found = CentersForAllSubspaces.FromString(content)
    made = CentersForAllSubspaces(quantization_scheme=_PRODUCT)
    last = folder.about["dim"] - BLOCK_DIM * (num_blocks - 1)
    sizes = [BLOCK_DIM] * (num_blocks - 1) + [last]
    is_right = len(found.subspace_centers) == num_blocks
    for size, block in zip(sizes, found.subspace_centers, strict=False):
        is_right &= 1 <= len(block.center) <= _CENTERS
        copy = made.subspace_centers.add()
        for center in block.center:
            values = center.feature_value_float
            is_right &= len(values) == size and bool(np.isfinite(values).all())
            copy.center.add(feature_type=_FLOAT, feature_value_float=values)
    if not is_right or _encoded(made) != content:
        raise folder.damaged(
            f"{_CODEBOOK} does not fit {folder.about['dim']} dimensions"
        )


def _check_partitioner(folder: IndexFolder) -> int:
    """Checks the centers of the leaves, and returns their number."""
    from scann.partitioning.partitioner_pb2 import SerializedPartitioner  # noqa: PLC0415

    dim, num_leaves = folder.about["dim"], folder.about["settings"]["num_leaves"]
    content = folder.content(_PARTITIONER, num_leaves * (9 * dim + 64) + 1024)
    found = SerializedPartitioner.FromString(content)
    centers = found.kmeans.kmeans_tree.root.centers
    made = SerializedPartitioner(n_tokens=len(centers))
    tree = made.kmeans.kmeans_tree
    tree.learned_spilling_type = _NO_SPILLING
    tree.root.learned_spilling_threshold = np.nan
    tree.root.leaf_id = -1
    is_right = 1 <= len(centers) <= num_leaves
    for number, center in enumerate(centers):
        values = center.dimension
        is_right &= len(values) == dim and bool(np.isfinite(values).all())
        tree.root.centers.add(dimension=values)
        tree.root.children.add(leaf_id=number, learned_spilling_threshold=np.nan)
    if not is_right or _encoded(made) != content:
        raise folder.damaged(f"{_PARTITIONER} does not fit {dim} dimensions")
    return len(centers)


def _encoded(message: Any) -> bytes:
    return message.SerializeToString(deterministic=True)
