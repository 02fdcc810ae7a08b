"""What a design is made of: the fields of a category and the options of a field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cv_tf.datasets.synthetic_color_variants.canvas import Canvas

# Field name to option name; everything about a style but its colors.
Design = Mapping[str, str]


@dataclass(frozen=True)
class Field:
    """One thing that designs of a category differ in.

    Attributes:
      options: What it can be.
      common: Share of designs with the first option; the others share the rest.
      unless: A field and the option of it under which this field cannot be seen;
        it then keeps its first option.
    """

    options: tuple[str, ...]
    common: float = 0.85
    unless: tuple[str, str] | None = None


@dataclass(frozen=True)
class Garment:
    """A category of products.

    Attributes:
      fields: What its designs differ in.
      draw: Draws a design on a canvas.
      zoom: How much closer the camera comes for it.
    """

    fields: Mapping[str, Field]
    draw: Callable[[Canvas, Design], None]
    zoom: float = 1.0

    def sample(self, rng: np.random.Generator) -> Design:
        """Draws a design, field by field."""
        drawn = {name: _option(field, rng) for name, field in self.fields.items()}
        return self.canonical(drawn)

    def canonical(self, design: Design) -> Design:
        """Sets every field that cannot be seen to its first option."""
        result = dict(design)
        for name, field in self.fields.items():
            if field.unless and design[field.unless[0]] == field.unless[1]:
                result[name] = field.options[0]
        return result

    def neighbors(self, design: Design) -> Iterator[Design]:
        """All designs that differ from `design` in one field, and visibly."""
        for name, field in self.fields.items():
            for option in field.options:
                changed = {**design, name: option}
                if option != design[name] and changed == self.canonical(changed):
                    yield changed


def _option(field: Field, rng: np.random.Generator) -> str:
    others = len(field.options) - 1
    shares = [field.common] + [(1 - field.common) / others] * others
    return str(rng.choice(field.options, p=shares))
