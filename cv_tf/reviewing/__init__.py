"""What people say of groups: which question next, and the page where they answer.

Importing this room does not import TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
