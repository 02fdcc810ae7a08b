"""Checks how the layers of a model are called, as a `.keras` file says it."""

from __future__ import annotations

from typing import Any

from cv_tf.models.plain_layers import (
    CALLED_WITH,
    MODELS,
    MOST_LAYERS,
    check_numbers,
    shown,
)

# Stands in a file in place of the name of a layer whose output would be used.
_CONSTANT = "_CONSTANT_VALUE"
_Described = dict[str, Any]


def check_calls(value: Any, layer: _Described) -> list[Any]:
    """Checks with what a layer is called, once or several times."""
    where = f"the layer '{layer['name']}'"
    if not isinstance(value, list):
        raise ValueError(f"{where} is called with {shown(value)}")
    is_operation = layer["class_name"] == "TFOpLambda"
    calls: list[Any] = []
    for call in value:
        if _is_first(call):
            calls.append(_call_argument(call, is_operation, where))
        elif isinstance(call, list) and 0 < len(call) <= MOST_LAYERS:
            calls.append([_call_argument(one, is_operation, where) for one in call])
        else:
            raise ValueError(f"{where} is called with {shown(call)}")
    return calls


def _call_argument(value: Any, is_operation: bool, where: str) -> list[Any]:
    """Checks an output of a layer, or a constant, and further arguments beside it."""
    if not _is_first(value) or len(value) > 4:
        raise ValueError(f"{where} is called with {shown(value)}")
    name, node, index, *more = value
    if more and not isinstance(more[0], dict):
        raise ValueError(f"{where} is called with {shown(more)}")
    checked: _Described = {}
    for key, argument in (more[0] if more else {}).items():
        if key not in CALLED_WITH or (key == "name" and argument is not None):
            raise ValueError(f"{where} is called with {shown({key: argument})}")
        if is_operation and _is_output(argument) and len(argument) == 3:
            checked[key] = [*argument]
        else:
            checked[key] = check_numbers(argument, f"{where}'s {key}")
    if name == _CONSTANT:
        if not is_operation or type(node) is not int or node != -1:
            raise ValueError(f"{where} is called with a constant")
        index = check_numbers(index, where)
    return [name, node, index, checked]


def _is_output(value: Any) -> bool:
    """Whether a value begins as an output of a layer: its name, call and number."""
    return (
        isinstance(value, list)
        and len(value) >= 3
        and isinstance(value[0], str)
        and value[0] != _CONSTANT
        and all(type(at) is int and 0 <= at <= MOST_LAYERS for at in value[1:3])
    )


def _is_first(value: Any) -> bool:
    """Whether a value is what a layer is called with, and no list of such."""
    if not isinstance(value, list) or len(value) < 3:
        return False
    return _is_output(value) or value[0] == _CONSTANT


def check_outputs(value: Any, where: str) -> list[Any]:
    """Checks a list of outputs of layers, at the ends of a model."""
    if not isinstance(value, list) or not value or not all(map(_is_output, value)):
        raise ValueError(f"{where} are {shown(value)}")
    return [one[:3] for one in value]


def _references(layer: _Described) -> list[list[list[Any]]]:
    """What each call of a checked layer uses: outputs [name, call, number, ...]."""
    calls = []
    for call in layer["inbound_nodes"]:
        used = [call] if isinstance(call[0], str) else [*call]
        for argument in [*used]:
            used += [one for one in argument[3].values() if _is_output(one)]
        calls.append([one for one in used if one[0] != _CONSTANT])
    return calls


def check_order(config: _Described, where: str) -> None:
    """Refuses a graph with a circle or a loose end: Keras would build it forever."""
    layers = {layer["name"]: layer for layer in config["layers"]}
    is_input = {name: layers[name]["class_name"] == "InputLayer" for name in layers}
    waiting = {name: _references(layer) for name, layer in layers.items()}
    # A model with an input has been called once when it was made.
    made = {
        name: int(
            layer["class_name"] in MODELS
            and layer["config"]["layers"][0]["class_name"] == "InputLayer"
        )
        for name, layer in layers.items()
    }

    def is_there(reference: list[Any]) -> bool:
        name, call = reference[:2]
        return name in layers and (is_input[name] or call < made[name])

    progress = True
    while progress:
        progress = False
        for name, calls in waiting.items():
            while calls and all(map(is_there, calls[0])):
                del calls[0]
                made[name] += 1
                progress = True
    ends = [*config["input_layers"], *config["output_layers"]]
    if any(waiting.values()) or not all(map(is_there, ends)):
        raise ValueError(f"{where} has layers whose inputs do not exist")
