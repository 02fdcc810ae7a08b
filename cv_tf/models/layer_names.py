"""Names of layers in a description that do not depend on what was made before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

_Described = dict[str, Any]
# Gives the layers of one model, in order, the names that they are to have.
_Naming = Callable[[Sequence[_Described]], Sequence[str]]


def snake_case(class_name: str) -> str:
    """Keras's name of the layers of a class: `conv2d` for `Conv2D`."""
    words = re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", class_name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", words).lower()


def numbered(class_names: Sequence[str]) -> Iterator[str]:
    """Keras's places of layers in the file of weights: conv2d, conv2d_1, re_lu, ..."""
    seen: Counter[str] = Counter()
    for name in map(snake_case, class_names):
        yield f"{name}_{seen[name]}" if seen[name] else name
        seen[name] += 1


def repeatable(layers: Sequence[_Described]) -> list[str]:
    """The names of the layers of one model; automatic ones are counted anew.

    Keras counts the layers of a process: a layer is `conv2d_7` because of seven others
    somewhere. Here, it is the place in the model that counts.
    """
    stems = [_automatic_stem(layer) for layer in layers]
    names = [layer["config"]["name"] for layer in layers]
    taken = {name for name, stem in zip(names, stems, strict=True) if not stem}
    counts = Counter({"input": 1})  # The first is `input_1`.
    renamed = []
    for name, stem in zip(names, stems, strict=True):
        while stem:
            name = f"{stem}_{counts[stem]}" if counts[stem] else stem  # noqa: PLW2901
            counts[stem] += 1
            if name not in taken:
                break
        renamed.append(name)
    return renamed


def places(layers: Sequence[_Described]) -> list[str]:
    """The places of the layers of one model, as names."""
    return [*map(str, range(len(layers)))]


def with_names(node: _Described, naming: _Naming) -> _Described:
    """A checked description with other names of all its layers.

    Args:
      node: What `check_description` returns.
      naming: `repeatable` or `places`.
    """
    (name,) = naming([node])
    config = {**node["config"], "name": name}
    for part in ("backbone", "whitening"):
        if config.get(part):
            config[part] = with_names(config[part], naming)
    if "layers" in config:
        _rename_layers(config, naming)
    return {**node, "config": config}


def _rename_layers(config: _Described, naming: _Naming) -> None:
    """Renames the layers of a model's settings, and what refers to them."""
    before = [layer["config"]["name"] for layer in config["layers"]]
    names = dict(zip(before, naming(config["layers"]), strict=True))

    def renamed(value: Any) -> Any:
        """A call or an output with the new names of layers."""
        if isinstance(value, dict):
            return {key: renamed(one) for key, one in value.items()}
        if isinstance(value, list) and value and isinstance(value[0], str):
            return [names.get(value[0], value[0]), *map(renamed, value[1:])]
        return [*map(renamed, value)] if isinstance(value, list) else value

    layers = []
    for layer in config["layers"]:
        inner = with_names(layer, naming)["config"]
        name = names[layer["config"]["name"]]
        changed = {**layer, "config": {**inner, "name": name}}
        if "inbound_nodes" in layer:
            changed["name"] = name
            changed["inbound_nodes"] = renamed(layer["inbound_nodes"])
        layers.append(changed)
    config["layers"] = layers
    for ends in ("input_layers", "output_layers"):
        if ends in config:
            config[ends] = renamed(config[ends])


def _automatic_stem(layer: _Described) -> str:
    """What an automatic name of a layer begins with; "" if it has another name."""
    name, class_name = layer["config"]["name"], layer["class_name"]
    stems = [snake_case(class_name)]
    if class_name == "InputLayer":
        stems = ["input"]
    elif class_name == "Functional":
        stems = ["model", "functional"]
    elif class_name == "TFOpLambda":
        stems = [f"tf.{layer['config']['function']}"]
    matches = (
        stem for stem in stems if re.fullmatch(rf"{re.escape(stem)}(_\d+)?", name)
    )
    return next(matches, "")
