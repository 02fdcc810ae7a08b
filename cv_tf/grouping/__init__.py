"""From embeddings to groups: average linkage along neighbors, cut at a threshold."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
