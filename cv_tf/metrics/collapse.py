"""Whether embeddings still differ from each other."""

from __future__ import annotations

import numpy as np

from cv_tf.retrieval import check_embeddings


def embedding_spread(embeddings: np.ndarray) -> float:
    """Returns how far embeddings are from collapsing into one point.

    The standard deviation over the products, averaged over the dimensions and
    multiplied by the square root of their number: near 1 where the embeddings point
    everywhere, 0 where they are all equal.

    Args:
      embeddings: `[num_products, dim]` float32, L2-normalised.

    Returns:
      The spread, in [0, 1].

    Raises:
      ValueError: If the embeddings are not finite and of length 1.

    Source: Chen and He, "Exploring Simple Siamese Representation Learning" (arXiv
    2011.10566), section 4.1.
    """
    # float64: the mean of many equal float32 numbers is not quite that number.
    embeddings = check_embeddings(embeddings).astype(np.float64)
    return float(embeddings.std(axis=0).mean() * np.sqrt(embeddings.shape[1]))
