"""Pages and tables for people to look at, and files for other tools to read.

Importing this room does not import TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
