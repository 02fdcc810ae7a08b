"""What a garment is: the fields of its designs, their options, and a drawing of them.

The modules of this package hold the garments; `styles.GARMENTS` lists all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from cv_tf.datasets.synthetic_color_variants.canvas import Canvas

# Name of each field to the option chosen: all of a style except its colors.
Design = Mapping[str, str]


@dataclass(frozen=True)
class Field:
    """One detail that designs of a category differ in.

    Attributes:
      options: Names of the options.
      common: Probability of the first option, 0 to 1; the others share the rest.
      unless: Another field and the option of it that hides this field; this field then
        keeps its first option.
    """

    options: tuple[str, ...]
    common: float = 0.85
    unless: tuple[str, str] | None = None


@dataclass(frozen=True)
class Garment:
    """A category of products.

    Attributes:
      fields: Name of each field to the field.
      draw: Draws a design on a canvas.
      zoom: Scale of the drawing in the photo, relative to other garments.
    """

    fields: Mapping[str, Field]
    draw: Callable[[Canvas, Design], None]
    zoom: float = 1.0

    def sample(self, rng: np.random.Generator) -> Design:
        """Samples a design, field by field."""
        drawn = {}
        for name, field in self.fields.items():
            others = len(field.options) - 1
            shares = [field.common] + [(1 - field.common) / others] * others
            drawn[name] = str(rng.choice(field.options, p=shares))
        return self.canonical(drawn)

    def canonical(self, design: Design) -> Design:
        """Sets every hidden field to its first option."""
        result = dict(design)
        for name, field in self.fields.items():
            if field.unless and design[field.unless[0]] == field.unless[1]:
                result[name] = field.options[0]
        return result

    def neighbors(self, design: Design) -> Iterator[Design]:
        """Yields all designs that visibly differ from `design` in exactly one field."""
        for name, field in self.fields.items():
            for option in field.options:
                changed = {**design, name: option}
                if option != design[name] and changed == self.canonical(changed):
                    yield changed
