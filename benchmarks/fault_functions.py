"""What has no verb: indexes and answers, as functions that children run."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fault_data import draw_vectors

from cv_tf.answers import Answer, AnswerStore


def build_indexes(seed: int) -> None:
    """Saves an index of each kind in the folder of this process."""
    from cv_tf.retrieval import ExactIndex, ScannIndex  # noqa: PLC0415

    vectors = draw_vectors(seed, 1200)
    ExactIndex(vectors).save("index_exact")
    ScannIndex.build(vectors, 0.9, 5).save("index_scann")


def save_index(source: str, folder: str) -> None:
    """Saves an index that is there already in another folder."""
    from cv_tf.retrieval import load_index  # noqa: PLC0415

    load_index(source).save(folder, overwrite=True)


def read_index(folder: str) -> str:
    """What an index finds, as a digest."""
    from cv_tf.retrieval import load_index  # noqa: PLC0415

    index = load_index(folder)
    found = index.search(draw_vectors(0, 1200)[:50], 4)
    return hashlib.sha256(found.indices.tobytes()).hexdigest()


def add_answers(path: str, told: str, number: int) -> None:
    """Adds answers until there are `number`, and tells each once it is kept.

    Raises `AssertionError` if an answer that was told is not there, or one is twice.
    """
    with AnswerStore(path) as store:
        seen = [answer.by for answer in store.answers()]
        known = Path(told).read_text().split() if Path(told).exists() else []
        assert seen[: len(known)] == known, (len(known), len(seen))  # noqa: S101
        assert seen == [f"{n}" for n in range(len(seen))]  # noqa: S101
        with Path(told).open("a") as file:
            for by in seen[len(known) :]:  # Kept, but not told before the kill.
                file.write(f"{by}\n")
            for n in range(len(seen), number):
                shown = ("pair", (f"a{n}",), (f"b{n}",), (0, -1))
                store.add(Answer(*shown, f"{n}", at="2025-01-01T00:00:00.000Z"))
                file.write(f"{n}\n")
                file.flush()
