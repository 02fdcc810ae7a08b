"""From embeddings to groups: linkage along neighbors, cut where labels say."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
