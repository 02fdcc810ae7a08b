"""From the photos of a catalog to a file of vectors.

Reading such files needs no TensorFlow; `cv_tf.embeddings.compute` and
`cv_tf.embeddings.job` do.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
