"""The vectors of a night: those that are there are taken over, others are made."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cv_tf.catalog import Catalog, CatalogError
from cv_tf.embeddings import (
    Embedded,
    EmbeddingJob,
    RowsOf,
    catalog_digest,
    embed_catalog,
    gather_vectors,
)
from cv_tf.pipeline import most_frequent, photo_digests, write_rejects
from cv_tf.updating.known_photos import KnownPhotos, PhotoPlan
from cv_tf.updating.state_folder import LastRun, StateFolder


class NightlyVectors:
    """Brings the file of embeddings up to date with a catalogue.

    Attributes:
      state: The folder of the files.
      catalog: Today's products.
      job: How photos are embedded; which, and into what file, is said here.
      made_by: What vectors depend on beside photos.
      last: The last run; None if there was none.
    """

    def __init__(
        self,
        state: StateFolder,
        catalog: Catalog,
        job: EmbeddingJob,
        made_by: Mapping[str, Any],
        last: LastRun | None,
    ):
        self.state = state
        self.catalog = catalog
        self.job = job
        self.made_by = made_by
        self.last = last

    def plan(self, digests: Sequence[str], number: int) -> PhotoPlan:
        """Which photos are to be embedded in the run of this number.

        `digests` are those of the photos, or why they cannot be read.
        """
        known = self._known_photos()
        takes_over = self._takes_over(known)
        return PhotoPlan.of(self.catalog, digests, known, number, takes_over)

    def make(
        self, plan: PhotoPlan, digests: Sequence[str]
    ) -> tuple[KnownPhotos, Mapping[str, int]]:
        """Makes the file of embeddings, of rejects, and of what is known of photos.

        Returns what is known by now, and the number of new photos by the outcome of
        their frames.

        Raises:
          CatalogError: If no photo can be used.
        """
        embedded, fresh = self._embed(plan)
        known, new_row = self._complete(plan, embedded, digests)
        self._write_vectors(plan, known, fresh, new_row)
        return known, embedded.frames.numbers if embedded else {}

    def _known_photos(self) -> KnownPhotos | None:
        """What the last run knew; None where it is missing or damaged."""
        state = self.state
        if self.last is None or not state.is_as_written(self.last, state.photos):
            return None
        return KnownPhotos.read(state.photos)

    def _takes_over(self, known: KnownPhotos | None) -> bool:
        """Whether the vectors of the last run are of use, with a warning if not."""
        if self.last is None:
            return False
        why = ""
        if self.last.made_by != self.made_by:
            why = "the Embedder, --frame or --dimensions are others"
        elif known is None:
            why = f"'{self.state.photos.name}' is not as it was written"
        elif not self.state.is_as_written(self.last, self.state.embeddings):
            why = f"'{self.state.embeddings.name}' is not as it was written"
        if why:
            print(f"All photos are embedded anew: {why}.")
        return not why

    def _embed(self, plan: PhotoPlan) -> tuple[Embedded | None, Path]:
        """Embeds the photos of no known content into a file; None if there are none."""
        catalog = self.catalog.select(plan.chosen)
        told = [catalog_digest(catalog), self.made_by]
        content = json.dumps([*told, self.job.shard_size])
        digest = hashlib.sha256(content.encode()).hexdigest()
        name = f"embedded-{digest[:16]}"
        self.state.clear_scratch(name)
        output = self.state.scratch / f"{name}.parquet"
        if not len(plan.chosen):
            return None, output
        chosen = tuple(plan.chosen.tolist())
        job = dataclasses.replace(self.job, output=str(output), chosen=chosen)
        return embed_catalog(job, catalog, may_be_empty=True), output

    def _complete(
        self, plan: PhotoPlan, embedded: Embedded | None, digests: Sequence[str]
    ) -> tuple[KnownPhotos, np.ndarray]:
        """What is known by now, and the rows of products among the new vectors."""
        rejects = (
            {it.product_id: it.reason for it in embedded.rejects} if embedded else {}
        )
        is_changed = np.zeros(len(plan.chosen), bool)
        if len(plan.chosen):  # A photo may have been replaced meanwhile.
            some = dataclasses.replace(self.catalog, name="photos").select(plan.chosen)
            now = photo_digests(some, self.state.digests)
            pairs = zip(now, plan.chosen.tolist(), strict=True)
            is_changed[:] = [digest != digests[row] for digest, row in pairs]
        known, new_row = plan.completed(rejects, is_changed)
        rejected = known.rejects(self.catalog)
        made = self.state.made
        if len(rejected) == len(known):
            path = made(self.state.rejects)
            write_rejects(path, rejected)
            raise CatalogError(
                f"{self.catalog.name}: no photo can be used. {most_frequent(rejected)} "
                f"'{path}' has all reasons; the other files are as they were."
            )
        if rejected:
            write_rejects(made(self.state.rejects), rejected)
        known.write(made(self.state.photos))
        return known, new_row

    def _write_vectors(
        self, plan: PhotoPlan, known: KnownPhotos, fresh: Path, new_row: np.ndarray
    ) -> None:
        rows = np.flatnonzero(known.reason == "")
        parts = ((self.state.embeddings, plan.last_row), (fresh, new_row))
        gather_vectors(
            self.state.made(self.state.embeddings),
            self.catalog.select(rows),
            [RowsOf(path, of[rows]) for path, of in parts if (of[rows] >= 0).any()],
        )
