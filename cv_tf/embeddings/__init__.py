"""From a catalogue's photos to a file of vectors.

What reads such files needs no TensorFlow; `cv_tf.embeddings.compute` and
`cv_tf.embeddings.job` do.
"""

from cv_tf.embeddings.embeddings import Embeddings, EmbeddingsError
from cv_tf.embeddings.parquet import read_embeddings

__all__ = ["Embeddings", "EmbeddingsError", "embed", "job", "read_embeddings"]
