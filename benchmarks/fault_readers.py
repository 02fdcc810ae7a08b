"""Small valid files of every kind that cv_tf reads, and what reads them."""

from __future__ import annotations

import collections
import gzip
import json
import pickle
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fault_data import draw_vectors
from fault_functions import add_answers

import cv_tf

_IDS = [f"p{number:02d}" for number in range(24)]
_CONTAINER = "urn:oasis:names:tc:opendocument:xmlns"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


class Reader(NamedTuple):
    """A kind of file, and what reads it.

    Attributes:
      write: Function that writes a valid file; it may make others beside it.
      read: Function that reads the file.
      trials: Mutations at full scale.
      at_once: Mutations that one child reads.
    """

    write: Callable[[Path], None]
    read: Callable[[Path], Any]
    trials: int = 640
    at_once: int = 80


def _rows() -> list[list[str]]:
    rows = [["product_id", "image", "style_id", "category", "color", "split", "box"]]
    for number, name in enumerate(_IDS):
        rows.append([name, f"photos/{name}.jpg", f"s{number // 3}", "Shirts", "navy"])
        rows[-1] += [("train", "validation")[number % 2], f"{number} 2 30 40"]
    return rows


def _csv_text() -> str:
    return "".join(",".join(row) + "\n" for row in _rows())


def _write_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(_csv_text().encode(), mtime=0))


def _write_parquet_catalog(path: Path) -> None:
    names, *rows = _rows()
    pq.write_table(pa.table(list(map(list, zip(*rows, strict=True))), names), path)


def _write_xlsx(path: Path) -> None:
    def cell(text: str) -> str:
        return f'<c t="inlineStr"><is><t>{text}</t></is></c>'

    rows = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in _rows())
    content = f"{_PACKAGE}/content-types"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{content}"><Override '
        f'PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship '
        f'Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": "<Relationships "
        f'xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_SHEET}"><sheetData>{rows}'
        "</sheetData></worksheet>",
    }
    _write_zip(path, parts)


def _write_ods(path: Path) -> None:
    def cell(text: str) -> str:
        kind = 'office:value-type="string"'
        return f"<table:table-cell {kind}><text:p>{text}</text:p></table:table-cell>"

    rows = "".join(
        f"<table:table-row>{''.join(map(cell, row))}</table:table-row>"
        for row in _rows()
    )
    names = " ".join(
        f'xmlns:{it}="{_CONTAINER}:{it}:1.0"' for it in ("office", "table", "text")
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    parts = {
        "mimetype": kind,
        "META-INF/manifest.xml": f'<m:manifest xmlns:m="{_CONTAINER}:manifest:1.0">'
        f'<m:file-entry m:full-path="/" m:media-type="{kind}"/></m:manifest>',
        "content.xml": f"<office:document-content {names}><office:body>"
        f'<office:spreadsheet><table:table table:name="A">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>",
    }
    _write_zip(path, parts)


def _write_zip(path: Path, parts: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)


def _write_vectors(path: Path) -> None:
    vectors = draw_vectors(0, 24, 8)
    table = pa.table(
        {
            "product_id": _IDS,
            "block": ["Shirts"] * 24,
            "image": [f"{name}.jpg" for name in _IDS],
            "lab": pa.FixedSizeListArray.from_arrays(np.full(72, 50, np.float32), 3),
            "embedding": pa.FixedSizeListArray.from_arrays(vectors.ravel(), 8),
        }
    )
    header = {b"cv_tf": json.dumps({"model": "mine", "notes": ""}).encode()}
    pq.write_table(table.replace_schema_metadata(header), path)


def _write_groups(path: Path) -> None:
    rows = ["product_id,group_id,group_size,confidence,copy_of,state"]
    rows += [f"{it},p{n // 3 * 3:02d},3,0.9,,new" for n, it in enumerate(_IDS)]
    path.write_text("\n".join([*rows, ""]))


def _write_said(path: Path) -> None:
    rows = ["product_a,product_b,same,by,at"]
    rows += [f"p00,{it},{('no', 'yes')[len(it) % 2]},Ann," for it in _IDS[1:]]
    path.write_text("\n".join([*rows, ""]))


def _write_weights(path: Path) -> None:
    """A state dict as PyTorch wrote it before version 1.6."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    kind = type("FloatStorage", (), {"__module__": "torch"})
    torch.FloatStorage = kind  # type: ignore[attr-defined]

    def _rebuild_tensor_v2() -> None:
        raise AssertionError

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]

    storage = object()

    class Tensor:
        def __reduce__(self) -> Any:
            return _rebuild_tensor_v2, (storage, 0, (2, 3), (3, 1), False, {})

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing: Any) -> Any:
            is_storage = thing is storage
            return ("storage", kind, "7", "cpu", 6, None) if is_storage else None

    named = {"torch": torch, "torch._utils": utils}
    before = {name: sys.modules.get(name) for name in named}
    sys.modules.update(named)
    try:
        with path.open("wb") as file:
            state = collections.OrderedDict(a=Tensor())
            sizes = {"little_endian": True, "type_sizes": {}}
            for thing in (0x1950A86A20F9469CFC6C, 1001, sizes, state, ["7"]):
                Pickler(file, protocol=2).dump(thing)
            file.write((6).to_bytes(8, "little") + np.arange(6, dtype="<f4").tobytes())
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def _copied(name: str) -> Callable[[Path], None]:
    """Copies a file that the inputs of jobs have; the child runs in their folder."""
    return lambda path: path.write_bytes(Path(name).read_bytes())


def _read_store(path: Path) -> Any:
    with cv_tf.answers.AnswerStore(path, read_only=True) as store:
        return store.answers()


def _open_store(path: Path) -> Any:
    with cv_tf.answers.AnswerStore(path) as store:
        shown = ("pair", ("x",), ("y",), (0, -1))
        store.add(cv_tf.answers.Answer(*shown))
        return store.answers()


def _read_vectors(path: Path) -> Any:
    return cv_tf.embeddings.read_embeddings(path)


def _read_weights(path: Path) -> Any:
    return cv_tf.models.torch_weights.read_state_dict(path)


def _load_embedder(path: Path) -> Any:
    return cv_tf.models.Embedder.load(path)


def _read_metrics(path: Path) -> Any:
    metrics = cv_tf.training.Workdir(path.parent).read_metrics()
    return cv_tf.metrics.format_run(metrics) if "after" in metrics else metrics


def _read_config(path: Path) -> Any:
    return cv_tf.training.Workdir(path.parent).read_config()


def _read_threshold(path: Path) -> Any:
    groups = path.with_name("groups.csv")
    model = json.loads(Path("earlier.summary.json").read_text()).get("model", "")
    return cv_tf.report.earlier_threshold(str(groups), "auto", model)


def _open_shards(path: Path) -> Any:
    output = path.parent.with_name(path.parent.name.removesuffix(".shards"))
    cv_tf.shards.Shards(output, 3, {"model": "mine", "size": 8}).open()


def _write_shards(path: Path) -> None:
    path.write_text(json.dumps({"model": "mine", "size": 8}, indent=2))


READERS = {
    "catalog.csv": Reader(
        lambda path: path.write_text(_csv_text()),
        lambda path: cv_tf.catalog.read_catalog(str(path)),
        900,
    ),
    "catalog.csv.gz": Reader(
        _write_gzip, lambda path: cv_tf.catalog.read_catalog(str(path))
    ),
    "catalog.xlsx": Reader(
        _write_xlsx, lambda path: cv_tf.catalog.read_catalog(str(path))
    ),
    "catalog.ods": Reader(
        _write_ods, lambda path: cv_tf.catalog.read_catalog(str(path))
    ),
    "catalog.parquet": Reader(
        _write_parquet_catalog, lambda path: cv_tf.catalog.read_catalog(str(path)), 900
    ),
    "vectors.parquet": Reader(_write_vectors, _read_vectors, 900),
    "parts/part-0.parquet": Reader(
        _write_vectors, lambda path: cv_tf.embeddings.read_embeddings(path.parent), 400
    ),
    "groups.csv": Reader(
        _write_groups, lambda path: cv_tf.grouping.read_earlier(str(path))
    ),
    "labels.csv": Reader(
        lambda path: path.write_text(_csv_text()),
        lambda path: cv_tf.grouping.read_labels(str(path), "train"),
        400,
    ),
    "said.csv": Reader(_write_said, lambda path: cv_tf.answers.read_said(str(path))),
    "store.sqlite": Reader(
        lambda path: add_answers(str(path), f"{path}.told", 12), _read_store
    ),
    "written.sqlite": Reader(
        lambda path: add_answers(str(path), f"{path}.told", 12), _open_store, 400
    ),
    "groups.summary.json": Reader(_copied("earlier.summary.json"), _read_threshold),
    "run/metrics.json": Reader(_copied("run/metrics.json"), _read_metrics),
    "run/config.cfg": Reader(_copied("run/config.cfg"), _read_config),
    "my.parquet.shards/job.json": Reader(_write_shards, _open_shards, 400),
    "weights.pth": Reader(_write_weights, _read_weights, 640),
    "run/embedder.keras": Reader(
        _copied("run/embedder.keras"), _load_embedder, 240, 20
    ),
}
