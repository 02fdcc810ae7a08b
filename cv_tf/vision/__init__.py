"""On-device image work on whole batches: parts, color, geometry.

Layers take [batch, height, width, 3] pixels in 0..255, as functions do that do not say
`planes`; all compile with static shapes; random ones take a seed, int32 [2], and have
no state.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
