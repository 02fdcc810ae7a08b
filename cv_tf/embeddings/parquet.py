"""Files of embeddings: written as Parquet, and read from this or another tool."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import cv_tf
from cv_tf.catalog import (
    Catalog,
    CatalogError,
    number_blocks,
    objects,
    raise_problems,
    read_batches,
    read_cells,
    read_parquet_schema,
)
from cv_tf.embeddings.embeddings import LENGTH_TOLERANCE, Embeddings, EmbeddingsError
from cv_tf.embeddings.parquet_folder import Part, find_parts, opened
from cv_tf.embeddings.precision import kept_type
from cv_tf.errors import reading
from cv_tf.files import digest_of, expanded, parse_json, repeated

# Rows read or written at a time: 64 MB of vectors with 1,024 dimensions.
CHUNK = 16_384
_HEADER = b"cv_tf"
_LABELS = ("block", "color")
_TEXTS = ("product_id", "block", "image", "color")
LISTS = ("lab", "embedding")
_OWN = (*_TEXTS, *LISTS)
_REMEDY = "Copy it again, or make it again with python -m cv_tf.embed."
# Products named in a message, at most.
_SHOWN = 5


def to_table(
    catalog: Catalog,
    vectors: np.ndarray,
    lab: np.ndarray | None = None,
    model: str = "",
    notes: str = "",
) -> pa.Table:
    """The table of products and their vectors that is written to Parquet.

    It also has the further columns of the catalog, as text, but those that are called
    as one of the file's own.

    Args:
      catalog: Catalog of n products.
      vectors: [n, dimensions] float32, of length 1.
      lab: [n, 3] float32, colors in CIELAB; None to leave them out.
      model: Fingerprint of the Embedder; "" if unknown.
      notes: Any text to be stored with the table.
    """
    names = np.array(catalog.block_names, object)
    columns = {
        "product_id": pa.array(catalog.product_id, pa.string()),
        "block": pa.array(names[catalog.block], pa.string()),
        "image": pa.array(catalog.image, pa.string()),
    }
    if catalog.color is not None:
        columns["color"] = pa.array(catalog.color, pa.string())
    columns |= {
        name: pa.array(cells, pa.string())
        for name, cells in catalog.extras.items()
        if name not in _OWN
    }
    if lab is not None:
        columns["lab"] = _lists(lab)
    columns["embedding"] = _lists(vectors)
    header = json.dumps({"model": model, "notes": notes})
    return pa.table(columns).replace_schema_metadata({_HEADER: header.encode()})


def _lists(rows: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(rows, np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])


def read_notes(path: str | Path) -> str:
    """The notes that `to_table` has stored with a table.

    Raises:
      UserError: If the file is damaged.
    """
    return read_header(read_parquet_schema(path, _REMEDY), str(path)).notes


def fingerprint_of(path: str | Path) -> str:
    """The fingerprint of the Embedder that made a file of vectors; "" if unknown.

    Raises:
      UserError: If the file is damaged.
    """
    return read_header(read_parquet_schema(path, _REMEDY), str(path)).model


def merge_tables(paths: Sequence[Path], output: Path, notes: str = "") -> None:
    """Joins files of tables of `to_table` into a new one, a chunk at a time."""
    schema = read_parquet_schema(paths[0], _REMEDY)
    header = read_header(schema, str(paths[0]))._replace(notes=notes)
    schema = schema.with_metadata({_HEADER: json.dumps(header._asdict()).encode()})
    with pq.ParquetWriter(output, schema, write_page_checksum=True) as writer:
        for path in paths:
            with opened(str(path)) as table:
                names = table.schema.names
                for batch in read_batches(table, names, CHUNK):
                    writer.write_table(pa.Table.from_batches([batch]).cast(schema))


class Header(NamedTuple):
    """What is stored with a table: the fingerprint of its Embedder, and notes."""

    model: str = ""
    notes: str = ""


def read_header(schema: pa.Schema, path: str) -> Header:
    """What is stored with a table; nothing is with that of another tool.

    Raises:
      EmbeddingsError: If it is damaged.
    """
    with reading(path, "a file of embeddings", _REMEDY, EmbeddingsError):
        header = parse_json((schema.metadata or {}).get(_HEADER, b"{}"))
        known = {name: header.get(name, "") for name in Header._fields}
        for name, value in known.items():
            if not isinstance(value, str):
                raise TypeError(f"its {name} is a {type(value).__name__}, not a text")
            value.encode()
        return Header(**known)


def read_embeddings(
    path: str | Path, extras: bool | Sequence[str] = True
) -> Embeddings:
    """Reads a file of embeddings, into little more memory than the vectors take.

    Vectors that would take a gigabyte or more, as of 262,144 products with 1,024
    dimensions, are kept in half precision, float16; others are float32.

    The file may also come from another tool: it needs the columns `product_id` and
    `embedding` (lists of numbers); `block`, `image`, `color` and `lab` are optional.
    Text is stripped, and may be numbers; "nan", "N/A" and the like, as a block or
    color, are taken as empty. Every further column of text or numbers, such as `title`,
    is one of the `extras`, as text.

    Args:
      path: Parquet file, on disk or in object storage; or a folder with the parts of a
        table (`part-*.parquet`), which are read in the order of their names.
      extras: Whether to read further columns, or which of them, as far as they are
        there; without them, less time and memory are taken.

    Raises:
      EmbeddingsError: If a column is missing, an id is a number that is not whole or
        exact, a product is there twice, vectors differ in width, are not finite, or not
        of length 1; or if a folder has no parts, or parts of several Embedders.
      OSError: If the file cannot be opened.

    Example:
      >>> import tempfile
      >>> import pyarrow as pa
      >>> import pyarrow.parquet as pq
      >>> from cv_tf.embeddings import read_embeddings
      >>> path = f"{tempfile.mkdtemp()}/my.parquet"
      >>> table = {"product_id": ["A", "B"], "embedding": [[1.0, 0.0], [0.6, 0.8]]}
      >>> pq.write_table(pa.table(table), path)
      >>> read_embeddings(path).vectors.shape
      (2, 2)
    """
    path = expanded(path)
    name, parts = Path(path).name, find_parts(path)
    num_rows = sum(part.num_rows for part in parts)
    _check_parts(name, parts, num_rows)
    names = _extras_of(parts) if extras else []
    if not isinstance(extras, bool):
        names = [name for name in names if name in extras]
    return _read(name, parts, num_rows, names)


def _extras_of(parts: Sequence[Part]) -> list[str]:
    """The further columns of text or numbers of any part, in their order."""
    fields = [field for part in parts for field in part.schema]
    own = {*_OWN}
    names = [it.name for it in fields if it.name not in own and _is_plain(it.type)]
    return list(dict.fromkeys(names))


def _is_plain(kind: pa.DataType) -> bool:
    """Whether a column is of text or numbers."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return is_text or _is_number(kind) or pa.types.is_decimal(kind)


def _read(
    name: str, parts: Sequence[Part], num_rows: int, extras: Sequence[str]
) -> Embeddings:
    known = [column for column in _TEXTS if column in parts[0].schema.names]
    cells: dict[str, list[pa.Array]] = {column: [] for column in (*known, *extras)}
    vectors = lab = np.empty((0, 0), np.float32)
    done = 0
    for part in parts:
        lists = _lists_of(part)
        own = [column for column in extras if _has_plain(part, column)]
        with opened(part.path) as table:
            for batch in read_batches(table, [*known, *own, *lists], CHUNK):
                there = set(batch.schema.names)
                for column, pieces in cells.items():
                    is_there = column in there
                    pieces.append(batch[column] if is_there else pa.nulls(len(batch)))
                rows = _vectors(part.name, batch, vectors.shape[1])
                if not done:  # What is never written to takes no memory.
                    kind = kept_type(num_rows, rows.shape[1])
                    vectors = np.empty((num_rows, rows.shape[1]), kind)
                    lab = np.empty((num_rows, 3), np.float32)
                end = done + len(rows)
                vectors[done:end] = rows
                lab[done:end] = _lab(part.name, batch) if "lab" in lists else np.nan
                done = end
    texts = {column: _read_text(name, column, cells.pop(column)) for column in known}
    _check_ids(name, texts["product_id"])
    blocks = [texts["block"]] if "block" in texts else []
    block, block_names = number_blocks(blocks, num_rows)
    return Embeddings(
        name=name,
        product_id=objects(texts["product_id"]),
        vectors=vectors,
        block=block,
        block_names=block_names,
        image=objects(texts.get("image", [""] * num_rows)),
        color=objects(texts["color"]) if "color" in texts else None,
        lab=lab if any("lab" in _lists_of(part) for part in parts) else None,
        model=_header_of(parts[0]).model,
        extras={of: objects(_read_text(name, of, cells.pop(of))) for of in extras},
    )


def _has_plain(part: Part, column: str) -> bool:
    names = part.schema.names
    return column in names and _is_plain(part.schema.field(column).type)


def _read_text(name: str, column: str, parts: Sequence[pa.Array]) -> list[str]:
    """The cells of a column, whose parts may differ in type: numbers here, text there.

    Parts of one type are read together, so that what is mended is said once.
    """
    ends = np.cumsum([len(part) for part in parts])
    rows = [
        np.arange(end - len(part), end) for end, part in zip(ends, parts, strict=True)
    ]
    cells, problems = np.empty(ends[-1], object), []
    for kind in dict.fromkeys(part.type for part in parts):
        same = [place for place, part in enumerate(parts) if part.type == kind]
        values = pa.chunked_array([parts[place] for place in same])
        where = np.concatenate([rows[place] for place in same])
        try:
            some, wrong = read_cells(name, column, values, ("product_id",), _LABELS)
        except pa.ArrowInvalid as error:
            raise EmbeddingsError(
                f"{name}: the column {column} holds bytes that are no text: {error}. "
                "Write it as text (UTF-8)."
            ) from error
        cells[where] = some
        problems += [(int(where[place]) + 1, what) for place, what in wrong]
    try:
        raise_problems(name, problems)
    except CatalogError as error:
        raise EmbeddingsError(str(error)) from error
    return cells.tolist()


def _lists_of(part: Part) -> list[str]:
    """The columns of lists; that of colors is of no type where none is known."""
    schema = part.schema
    has_lab = "lab" in schema.names and not pa.types.is_null(schema.field("lab").type)
    return ["lab", "embedding"] if has_lab else ["embedding"]


def _check_parts(name: str, parts: Sequence[Part], num_rows: int) -> None:
    """Checks the columns of each part, and that one Embedder made all vectors."""
    schema = parts[0].schema
    missing = {"product_id", "embedding"} - set(schema.names)
    if missing:
        raise EmbeddingsError(
            f"{name} has no column {' and no '.join(sorted(missing))}; it has "
            f"{', '.join(schema.names)}. Make it with python -m cv_tf.embed."
        )
    if not num_rows:
        raise EmbeddingsError(f"{name} has no products. Embed a catalogue first.")
    for part in parts:
        texts = [column for column in _TEXTS if column in part.schema.names]
        _check_types(part.name, part.schema, texts, _lists_of(part))
    models = {_header_of(part).model: part.name for part in parts}
    if len(models) > 1:
        raise EmbeddingsError(
            f"{' and '.join(list(models.values())[:2])} hold vectors of different "
            "Embedders, which cannot be compared. Embed all products with one."
        )


def _header_of(part: Part) -> Header:
    return read_header(part.schema, part.path)


def _check_types(
    name: str, schema: pa.Schema, texts: Sequence[str], lists: Sequence[str]
) -> None:
    list_types = (pa.ListType, pa.LargeListType, pa.FixedSizeListType)
    for column in (*texts, *lists):
        kind = schema.field(column).type
        if column in texts:
            is_right, expected = not pa.types.is_nested(kind), "text"
        else:
            is_list = isinstance(kind, list_types)
            is_right = is_list and _is_number(kind.value_type)
            expected = "lists of numbers"
        if not is_right:
            raise EmbeddingsError(
                f"{name}: the column {column} holds {kind}; expected {expected}."
            )


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)


def _lab(name: str, batch: pa.RecordBatch) -> np.ndarray:
    """The colors of some rows, [m, 3] float32; NaN where there is no color."""
    colors = np.full((len(batch), 3), np.nan, np.float32)
    width = _widths(batch["lab"])
    _refuse(
        name,
        batch["product_id"],
        (width != 3) & (width != 0),
        "have a color in 'lab' that is not of three numbers",
        "Write L, a and b, or leave the color out",
    )
    flat = batch["lab"].flatten().cast(pa.float32())
    colors[width == 3] = flat.to_numpy(zero_copy_only=False).reshape(-1, 3)
    return colors


def _widths(column: pa.Array) -> np.ndarray:
    """The number of values of each list; 0 where there is no list."""
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    return lengths.to_numpy(zero_copy_only=False)


def _vectors(name: str, batch: pa.RecordBatch, dimensions: int) -> np.ndarray:
    """The vectors of some rows, [m, dimensions] float32, checked; 0 is any number."""
    column = batch["embedding"]
    refuse = functools.partial(_refuse, name, batch["product_id"])
    width = _widths(column)
    refuse(width == 0, "have no vector", "Embed them, or leave their rows out")
    expected = dimensions or int(width[0])
    refuse(
        width != expected,
        f"have a vector of another width than {expected}",
        "One file holds the vectors of one Embedder: embed all products again",
    )
    flat = column.flatten().cast(pa.float32())
    rows = flat.to_numpy(zero_copy_only=False).reshape(len(batch), expected)
    with np.errstate(over="ignore", invalid="ignore"):
        length = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    refuse(
        ~np.isfinite(length),
        "have a vector with NaN or infinity",
        "Training has probably diverged, or the file is damaged",
    )
    refuse(
        np.abs(length - 1) > LENGTH_TOLERANCE,
        "have a vector that is not of length 1",
        "Divide each vector by its L2 norm",
    )
    return rows


def _refuse(name: str, ids: pa.Array, bad: np.ndarray, what: str, remedy: str) -> None:
    if bad.any():
        some = ids.take(pa.array(np.flatnonzero(bad)[:_SHOWN]))
        products = read_cells(name, "product_id", some)[0]
        more = ", ..." if bad.sum() > _SHOWN else ""
        raise EmbeddingsError(
            f"{name}: products {', '.join(products)}{more} {what}. {remedy}."
        )


def _check_ids(name: str, ids: list[str]) -> None:
    if "" in ids:
        raise EmbeddingsError(f"{name}: row {ids.index('') + 1} has no product_id.")
    if twice := repeated(ids):
        raise EmbeddingsError(
            f"{name}: {len(ids) - len(set(ids))} products are there twice, the first "
            f"is {twice[0]!r}. Every product has one row: remove the others."
        )


def fingerprint(path: str | Path) -> str:
    """A digest of what an Embedder does, stored with every file of its vectors.

    Vectors can only be compared with those of the same Embedder. That is the one of
    equal layers and weights, whatever its layers are named and when it was saved. A
    file with a date and names of its process, as plain Keras writes it, has the SHA-256
    of its bytes instead, by which the vectors that it has made are known. So has a file
    that is no Embedder: loading tells what is wrong with it.

    Raises:
      OSError: If the file cannot be opened.
    """
    about = Path(path).stat()
    return _fingerprint(str(path), about.st_ino, about.st_size, about.st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _fingerprint(path: str, *_: int) -> str:
    """The fingerprint of a file in one state: its number, size, and time of change."""
    try:
        archive = cv_tf.models.read_archive(path)
    except cv_tf.models.EmbedderFileError:
        return digest_of(path)
    return digest_of(path) if archive.is_dated else archive.fingerprint()
