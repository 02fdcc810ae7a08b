"""`synthetic_color_variants`: a catalog that is drawn, not downloaded.

Importing this package registers the data set with TensorFlow Datasets:

```python
import tensorflow_datasets as tfds
import cv_tf.datasets.synthetic_color_variants

builder = tfds.builder("synthetic_color_variants", data_dir=folder)
builder.download_and_prepare(file_format="array_record")
products = builder.as_data_source(split="train")
```
"""

from cv_tf.datasets.synthetic_color_variants.dataset_builder import (
    SyntheticColorVariants,
    SyntheticConfig,
)

__all__ = ["SyntheticColorVariants", "SyntheticConfig"]
