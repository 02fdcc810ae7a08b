"""Checks what the file of an Embedder says that it is, before Keras sees it.

Keras turns the description in a `.keras` file into objects by the names of modules,
classes and functions that it finds there, and calls them. So a description is checked
to its last word: what `plain_layers.py` does not list is refused. What is checked is
made anew from the listed names, and it alone reaches Keras.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cv_tf.models import plain_layers
from cv_tf.models.graph_calls import check_calls, check_order, check_outputs
from cv_tf.models.plain_layers import (
    MOST_LAYERS,
    Origin,
    check_name,
    check_numbers,
    check_word,
    shown,
)

_Described = dict[str, Any]

_MOST_NESTED = 8  # Models in models.
_LARGEST_SIDE = 8_192  # Pixels.


def check_description(value: Any) -> _Described:
    """Checks what a file says that its Embedder is, and returns what was checked.

    Args:
      value: The JSON of a `.keras` file, as `json.loads` gives it.

    Returns:
      The same, made anew from listed names: safe to give to Keras.

    Raises:
      ValueError: If it describes anything but an Embedder of plain layers.
    """
    node, config = _described(value, plain_layers.EMBEDDER, "the model")
    wanted = {"name", "backbone", "whitening", "image_size", "color_input"}
    wanted |= {"average", "embedding", "parts"}
    if set(config) != wanted:
        raise ValueError(
            f"the Embedder has the settings {shown(sorted(config))} instead of "
            f"{sorted(wanted)}"
        )
    for name, words in plain_layers.EMBEDDER_WORDS.items():
        check_word(config[name], words, f"the Embedder's {name}")
    side = config["image_size"]
    if type(side) is not int or not 1 <= side <= _LARGEST_SIDE:
        raise ValueError(f"the Embedder's image_size is {shown(side)}")
    check_name(config["parts"], "the Embedder's parts")
    check_name(config["name"], "the Embedder")
    backbone = _layer(config["backbone"], plain_layers.MODELS, "the backbone")
    if len(backbone["config"].get("output_layers", [0])) != 1:
        raise ValueError("the backbone has several outputs")
    whitening = config["whitening"]
    if whitening is not None:
        whitening = _layer(whitening, plain_layers.WHITENING, "the whitening")
        whitening.pop("build_config", None)  # It is built as it is made.
    node["config"] = {**config, "backbone": backbone, "whitening": whitening}
    return node


def _described(
    value: Any, allowed: Mapping[str, Origin], where: str, *more: str
) -> tuple[_Described, _Described]:
    """A new description of an object of an allowed class, and its unchecked config.

    `more` are the names of keys that it may have beside those of every object.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {shown(value)}, which describes nothing")
    name = value.get("class_name")
    if not isinstance(name, str) or name not in allowed:
        raise ValueError(f"{where} is {shown(name)}, which is not a plain layer")
    module, registered_name = allowed[name]
    said = value.get("module"), value.get("registered_name")
    if said != (module, registered_name):
        raise ValueError(f"{where}, {name}, is said to be {shown(said)}")
    known = {"class_name", "module", "registered_name", "config", *more}
    known |= {"build_config", "compile_config", "shared_object_id"}
    if unknown := sorted(set(value) - known):
        raise ValueError(f"{where}, {name}, comes with {shown(unknown)}")
    if value.get("compile_config") is not None:
        raise ValueError(f"{where}, {name}, comes with the settings of a training")
    if not isinstance(config := value.get("config"), dict):
        raise ValueError(f"{where}, {name}, has no settings")
    node = {"module": module, "class_name": name, "config": config}
    return node | {"registered_name": registered_name}, config


def _layer(
    value: Any, allowed: Mapping[str, Origin], where: str, depth: int = 0
) -> _Described:
    """Checks a layer, or a model as deep in others as `depth` says."""
    if depth > _MOST_NESTED:
        raise ValueError(f"{where} is nested too deeply")
    node, config = _described(value, allowed, where, "name", "inbound_nodes")
    name = node["class_name"]
    check_name(config.get("name"), where)
    where = f"the layer '{config['name']}'"
    if name in plain_layers.MODELS:
        node["config"] = _model(config, name, where, depth)
    else:
        node["config"] = _settings(config, f"{where} ({name})")
        if ("function" in config) != (name == "TFOpLambda"):
            raise ValueError(f"{where} ({name}) has a function, or none")
    if (build := value.get("build_config")) is not None:
        if not isinstance(build, dict) or set(build) != {"input_shape"}:
            raise ValueError(f"{where} is built with {shown(build)}")
        shape = check_numbers(build["input_shape"], f"{where}'s input_shape")
        node["build_config"] = {"input_shape": shape}
    return node


def _model(config: _Described, name: str, where: str, depth: int) -> _Described:
    """Checks the layers of a model, and that each can be called after the others."""
    functional = name == "Functional"
    known = {"name", "trainable", "layers", "build_input_shape"}
    if functional:
        known = {"name", "trainable", "layers", "input_layers", "output_layers"}
    if unknown := sorted(set(config) - known):
        raise ValueError(f"{where} has the settings {shown(unknown)}")
    layers = config.get("layers")
    if not isinstance(layers, list) or not 0 < len(layers) <= MOST_LAYERS:
        raise ValueError(f"{where} has no layers, or more than {MOST_LAYERS}")
    checked = {**config}
    for key in ("trainable", "build_input_shape"):
        if key in config:
            checked[key] = check_numbers(config[key], f"{where}'s {key}")
    allowed = {**plain_layers.LAYERS, **plain_layers.MODELS}
    checked["layers"] = [
        _layer(layer, allowed, f"a layer in {where}", depth + 1) for layer in layers
    ]
    names = [layer["config"]["name"] for layer in checked["layers"]]
    if len(set(names)) < len(names):
        raise ValueError(f"{where} has several layers of one name")
    if functional:
        for layer, given in zip(checked["layers"], layers, strict=True):
            if given.get("name") != layer["config"]["name"]:
                raise ValueError(f"{where} has a layer of two names")
            layer["name"] = given["name"]
            layer["inbound_nodes"] = check_calls(given.get("inbound_nodes"), layer)
        for key in ("input_layers", "output_layers"):
            checked[key] = check_outputs(config.get(key), f"{where}'s {key}")
        check_order(checked, where)
    return checked


def _settings(config: _Described, where: str) -> _Described:
    """Checks the arguments of a layer, or of a part of one."""
    checked: _Described = {}
    for key, value in config.items():
        of = f"{where}: {shown(key)}"
        part = key.rpartition("_")[2]
        if key == "optional" and value is False:
            continue  # Of inputs since TensorFlow 2.21; 2.20 knows only the default.
        if key == "name":
            checked[key] = check_name(value, where)
        elif key == "seed" and type(value) is int:
            checked[key] = value % 2**31
        elif key == "dtype":
            checked[key] = _dtype(value, of)
        elif value is not None and part in plain_layers.PARTS:
            checked[key] = _part(value, plain_layers.PARTS[part], of)
        elif key == "activation" and isinstance(value, dict):
            checked[key] = _layer(value, plain_layers.ACTIVATION_LAYERS, of)
        elif key in plain_layers.WORDS and isinstance(value, str):
            checked[key] = check_word(value, plain_layers.WORDS[key], of)
        elif key in plain_layers.NUMBERS or (
            value is None and (part in plain_layers.PARTS or key in plain_layers.WORDS)
        ):
            checked[key] = check_numbers(value, of)
        else:
            raise ValueError(f"{of} is {shown(value)}, which no plain layer has")
    return checked


def _part(value: Any, allowed: Mapping[str, Origin], where: str) -> _Described:
    """Checks an initializer, a regularizer, a constraint."""
    node, config = _described(value, allowed, where)
    return node | {"config": _settings(config, where)}


def _dtype(value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        return check_word(value, plain_layers.FLOATS, where)
    node, config = _described(value, plain_layers.POLICY, where)
    if set(config) != {"name"}:
        raise ValueError(f"{where} has the settings {shown(sorted(config))}")
    names = (*plain_layers.FLOATS, "mixed_float16", "mixed_bfloat16")
    return node | {"config": {"name": check_word(config["name"], names, where)}}
