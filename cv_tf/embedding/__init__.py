"""From a catalogue's photos to a file of vectors.

What reads such files needs no TensorFlow; `cv_tf.embedding.embed` and
`cv_tf.embedding.job` do.
"""

from cv_tf.embedding.embeddings import Embeddings, EmbeddingsError
from cv_tf.embedding.read import read_embeddings

__all__ = ["Embeddings", "EmbeddingsError", "embed", "job", "read_embeddings"]
