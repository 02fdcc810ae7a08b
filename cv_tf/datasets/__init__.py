"""Data sets that people download by hand, under the terms of their owners.

A builder reads the owner's files as they are unpacked, and stores the photos as they
are beside ids, styles, colors and categories:

- `hm_personalized_fashion`: about 105,000 articles of one retailer.
- `deepfashion_inshop`: a shop's items on models, with the owners' partition.
- `fashion_product_images`: about 44,000 products; styles are guessed from names.

Importing this package does not import TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
