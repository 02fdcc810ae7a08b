"""TFDS builders of fashion data sets, one module each.

- `synthetic_color_variants`: drawn garments; generated, not downloaded.
- `hm_personalized_fashion`: about 105,000 articles of one retailer.
- `deepfashion_inshop`: items of a shop on models, with the owners' partition.
- `fashion_product_images`: about 44,000 products; styles are guessed from names.

All but the first are downloaded by hand, under the terms of their owners. Their
builders read the owner's files as they are unpacked, and store the unchanged photos
with ids, styles, colors and categories. Importing a module registers its builder:

```python
import cv_tf.datasets.hm_personalized_fashion

builder = tfds.builder("hm_personalized_fashion/strict")
builder.manual_dir = "downloads"  # Has articles.csv and images/.
builder.download_and_prepare(file_format="array_record")
```

Importing this package does not import TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
