"""What people say of products: the store of their answers, tables, and what is settled.

Neither reading nor writing answers imports TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
