"""Photos behind addresses: each is fetched once, and kept in a cache on disk."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
