"""Which photos have vectors already: told by their content, not by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cv_tf.catalog import Catalog, objects, write_parquet
from cv_tf.errors import reading
from cv_tf.pipeline import Reject, is_digest, may_pass

_KINDS = {
    "product_id": pa.string(),
    "content": pa.string(),
    "reason": pa.string(),
    "run": pa.int32(),
}
_REMEDY = "Remove it: the next run embeds all photos anew."


@dataclass(frozen=True, eq=False)
class KnownPhotos:
    """The photos of n products after a run, in the order of the catalogue.

    Products without a reason have a row each in the file of vectors, in the same order.

    Attributes:
      product_id: [n] object (str).
      content: [n] object (str), what a vector depends on besides the Embedder and how
        frames are found: digest and box of the photo (`contents_of`). "" if it is not
        known, or if the photo is to be tried again.
      reason: [n] object (str), why a photo cannot be used; "" if it has a vector.
      run: [n] int32, number of the run in which each content was there first.
    """

    product_id: np.ndarray
    content: np.ndarray
    reason: np.ndarray
    run: np.ndarray

    def __len__(self) -> int:
        return len(self.product_id)

    @property
    def vector_row(self) -> np.ndarray:
        """Row of each product in the file of vectors, [n] int64; -1 without vector."""
        has_vector = self.reason == ""
        return np.where(has_vector, np.cumsum(has_vector) - 1, -1)

    def rejects(self, catalog: Catalog) -> list[Reject]:
        """The products of the same catalogue whose photos cannot be used."""
        rows = np.flatnonzero(self.reason != "")
        columns = (self.product_id[rows], catalog.image[rows], self.reason[rows])
        return [Reject(*row) for row in zip(*columns, strict=True)]

    def write(self, path: Path) -> None:
        """Writes a Parquet file, whose pages have checksums."""
        columns = {
            name: pa.array(getattr(self, name), of) for name, of in _KINDS.items()
        }
        write_parquet(path, pa.table(columns))

    @classmethod
    def read(cls, path: Path) -> KnownPhotos:
        """Reads what `write` has written.

        Raises:
          UserError: If the file is damaged.
          OSError: If it cannot be opened.
        """
        with reading(path, "a table of known photos", _REMEDY):
            with path.open("rb") as file:
                table = pq.read_table(file, page_checksum_verification=True)
            if table.schema.remove_metadata() != pa.schema(_KINDS):
                raise TypeError(f"its columns are {', '.join(table.schema.names)}")
            texts = {n: objects(table[n].to_pylist()) for n in list(_KINDS)[:-1]}
            return cls(**texts, run=table["run"].to_numpy().astype(np.int32))


def contents_of(catalog: Catalog, digests: Sequence[str]) -> list[str]:
    """What the vector of each of n products depends on: its photo and its box.

    Args:
      catalog: The n products.
      digests: Digest of each photo, or why it cannot be read.

    Returns:
      n texts; "" for photos that cannot be read.
    """
    contents = [digest if is_digest(digest) else "" for digest in digests]
    if catalog.box is not None:
        for row in np.flatnonzero(~np.isnan(catalog.box).any(axis=1)):
            if contents[row]:
                contents[row] += f"@{catalog.box[row].tobytes().hex()}"
    return contents


@dataclass(frozen=True, eq=False)
class PhotoPlan:
    """Where the vector of each of n products comes from.

    Attributes:
      product_id: [n] object (str).
      content: n texts, of `contents_of`.
      reason: n texts, why a photo is known to be of no use; "" for others.
      run: n numbers of the runs in which these contents were there first.
      last_row: [n] int64, row in the vectors of the last run; -1 if there is none.
      chosen: [m] int64, ascending: the first product of each content to embed.
      num_changed: Number of products that were there, with another content.
      num_added: Number of products that were not there.
      num_gone: Number of products that are no longer there.
    """

    product_id: np.ndarray
    content: Sequence[str]
    reason: Sequence[str]
    run: Sequence[int]
    last_row: np.ndarray
    chosen: np.ndarray
    num_changed: int = 0
    num_added: int = 0
    num_gone: int = 0
    _place: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        digests: Sequence[str],
        last: KnownPhotos | None,
        run: int,
        takes_over: bool = True,
    ) -> PhotoPlan:
        """Compares a catalogue with the last run.

        Args:
          catalog: The n products.
          digests: Digest of each photo, or why it cannot be read.
          last: What was known after the last run; None if there was none.
          run: Number of this run.
          takes_over: Whether the vectors of the last run are of the same Embedder.
        """
        contents = contents_of(catalog, digests)
        row_of: dict[str, int] = {}
        if last is not None and takes_over:
            for row, content in enumerate(last.content):
                if content:
                    row_of.setdefault(content, row)
        vector_row = [] if last is None else last.vector_row.tolist()
        reasons, runs, last_rows = [], [], []
        first: dict[str, int] = {}
        for row, (content, digest) in enumerate(zip(contents, digests, strict=True)):
            old = row_of.get(content, -1)
            reason = "" if content else digest
            if old >= 0 and last is not None:
                reason = last.reason[old]
            elif content:
                first.setdefault(content, row)
            reasons.append(reason)
            runs.append(run if old < 0 or last is None else int(last.run[old]))
            last_rows.append(vector_row[old] if old >= 0 else -1)
        chosen = np.array(sorted(first.values()), np.int64)
        place = {contents[row]: place for place, row in enumerate(chosen)}
        return cls(
            catalog.product_id,
            contents,
            reasons,
            runs,
            np.array(last_rows, np.int64),
            chosen,
            *_count(catalog.product_id.tolist(), contents, last),
            place,
        )

    def completed(
        self, rejects: Mapping[str, str], is_changed: np.ndarray
    ) -> tuple[KnownPhotos, np.ndarray]:
        """What is known once the chosen products are embedded.

        Args:
          rejects: Reasons by `product_id` of those that could not be.
          is_changed: [m] bool, chosen products whose photos were replaced meanwhile:
            nobody knows of which content their vectors are.

        Returns:
          What is known, and the row of each product in the file of the vectors that are
          new, [n] int64; -1 for products of other rows, or without vectors.
        """
        why = [rejects.get(self.product_id[row], "") for row in self.chosen]
        is_used = np.array([not reason for reason in why], bool)
        new_row = np.where(is_used, np.cumsum(is_used) - 1, -1)
        content, reason = list(self.content), list(self.reason)
        rows = np.full(len(content), -1, np.int64)
        for row, of in enumerate(self.content):
            if (place := self._place.get(of, -1)) >= 0:
                reason[row], rows[row] = why[place], new_row[place]
                if is_changed[place] or may_pass(why[place]):
                    content[row] = ""
        run = np.array(self.run, np.int32)
        columns = objects(content), objects(reason)
        return KnownPhotos(self.product_id, *columns, run), rows


def _count(
    ids: Sequence[str], contents: Sequence[str], last: KnownPhotos | None
) -> tuple[int, int, int]:
    """Numbers of products with another content, that are added, and that are gone."""
    if last is None:
        return 0, len(ids), 0
    before = dict(zip(last.product_id.tolist(), last.content.tolist(), strict=True))
    there = [(before[i], c) for i, c in zip(ids, contents, strict=True) if i in before]
    changed = sum(was != now for was, now in there)
    return changed, len(ids) - len(there), len(before) - len(there)


def newest_photos(known: KnownPhotos, since: int, least: int, most: int) -> np.ndarray:
    """Rows of the newest photos with vectors, [m] int64, ascending; each photo once.

    They are those that were not there in the run `since` and before it: all of the last
    run, or some of earlier ones, too, where these are fewer than `least`. Of more than
    `most`, a sample counts, which is always the same.
    """
    rows = np.flatnonzero((known.run > since) & (known.reason == ""))
    _, first = np.unique(known.content[rows].astype(str), return_index=True)
    rows = rows[np.sort(first)]
    rows = rows[np.argsort(-known.run[rows], kind="stable")]
    number = max(least, int((known.run[rows] == known.run.max(initial=0)).sum()))
    rows = rows[:number]
    if len(rows) > most:
        rows = np.random.default_rng(0).choice(rows, most, replace=False)
    return np.sort(rows)
