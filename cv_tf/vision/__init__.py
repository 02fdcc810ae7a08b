"""Image operations on whole batches: parts, color and geometry.

Images are [batch, height, width, 3] pixels in 0..255, except where arguments are named
`planes`. All compile with static shapes; random ones take a seed, int32 [2].
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
