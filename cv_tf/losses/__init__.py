"""Losses: each a pure function on tensors and a thin Keras loss over it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
