"""Nearest neighbors of embeddings: exact, or with ScaNN where there are many."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
