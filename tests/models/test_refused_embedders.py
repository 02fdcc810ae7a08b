"""Files that hold code, lies or damage in place of an Embedder."""

import copy
import io
import os
import random

import h5py
import numpy as np
import pytest
import tf_keras as keras
from crafted_embedders import KERNEL, PHOTOS, layer_of, write_members

from cv_tf.models import Embedder, EmbedderFileError, read_archive


class TestPoison:
    """Files that Keras itself executes, in its safe mode."""

    @pytest.fixture
    def marker(self, tmp_path):
        return tmp_path / "was-here"

    @pytest.fixture
    def old_format(self, path, marker):
        """HDF5 in place of a zip file: Keras's safe mode does not hold for it."""
        command = f"touch {marker}"
        touch = eval(f"lambda x: (__import__('os').system({command!r}), x)[1]")
        model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(touch)])
        model.save(path.with_suffix(".h5"))
        path.with_suffix(".h5").rename(path)
        marker.unlink()
        return path

    @pytest.fixture
    def foreign_module(self, write, marker):
        """A layer of the module `os`; its settings are a name of this package."""

        def change(config):
            call = [["_CONSTANT_VALUE", -1, f"touch {marker}", {}]]
            layer_of(config, "ReLU").update(
                class_name="popen",
                module="os",
                registered_name="popen",
                config="cv_tf>Whitening",
                inbound_nodes=call,
            )

        return write(change)

    @pytest.mark.parametrize("poison", ["old_format", "foreign_module"])
    def test_is_not_executed(self, poison, request, marker):
        path = request.getfixturevalue(poison)
        with pytest.raises(EmbedderFileError, match=r"embedder\.keras.*cannot be read"):
            Embedder.load(path)
        assert not marker.exists()

    @pytest.mark.integration
    @pytest.mark.parametrize("poison", ["old_format", "foreign_module"])
    def test_of_these_tests_is_real(self, poison, request, marker):
        try:
            keras.models.load_model(request.getfixturevalue(poison), compile=False)
        except Exception:
            os.wait()  # For the process that was started.
        assert marker.exists()


def _in(kind, /, **changes):
    """A change of the description of a layer."""
    return lambda config: layer_of(config, kind).update(changes)


def _set(kind, /, **changes):
    """A change of the settings of a layer."""
    return lambda config: layer_of(config, kind)["config"].update(changes)


def _embedder(**changes):
    return lambda config: config["config"].update(changes)


def _graph(**changes):
    return lambda config: config["config"]["backbone"]["config"].update(changes)


def _object(class_name="Zeros", module="keras.initializers", registered=None, **config):
    names = {"class_name": class_name, "module": module, "registered_name": registered}
    return {**names, "config": config}


SYSTEM = _object("function", "os") | {"config": "system"}
LAMBDA = _object("__lambda__", value=["4wEAAAA", None, None])
LOOP = [[["add", 0, 0, {}]]]

REFUSED = {
    "another class": (lambda config: config["config"]["backbone"], "the model"),
    "no object": (lambda _: [1, 2], "describes nothing"),
    "nothing": (lambda _: {}, "not a plain layer"),
    "module of the Embedder": (lambda c: c.update(module="os"), "'os'"),
    "registered name": (lambda c: c.update(registered_name="a>b"), "'a>b'"),
    "compiled": (lambda c: c.update(compile_config={"loss": SYSTEM}), "a training"),
    "further key": (lambda c: c.update(spec_name="system"), "spec_name"),
    "Lambda": (_in("ReLU", class_name="Lambda"), "'Lambda', which is not a plain"),
    "module of a layer": (_in("ReLU", module="posix"), "'posix'"),
    "private module": (_in("ReLU", module="tf_keras.src.utils.generic_utils"), "utils"),
    "name of this package": (_in("ReLU", registered_name="cv_tf>Whitening"), "cv_tf>"),
    "class of this package": (_in("ReLU", class_name="cv_tf>Views"), "cv_tf>Views"),
    "class that is no text": (_in("ReLU", class_name=["ReLU"]), "not a plain layer"),
    "settings that are text": (_in("ReLU", config="cv_tf>Whitening"), "no settings"),
    "function as a layer": (_in("ReLU", **SYSTEM), "'function'"),
    "type as a layer": (_in("ReLU", class_name="__typespec__"), "__typespec__"),
    "tensor as a layer": (_in("ReLU", class_name="__tensor__"), "__tensor__"),
    "Embedder in an Embedder": (_in("ReLU", class_name="Embedder"), "'Embedder'"),
    "wrapped layer": (_in("ReLU", class_name="TimeDistributed"), "TimeDistributed"),
    "built otherwise": (_in("ReLU", build_config={"a": SYSTEM}), "is built with"),
    "built with text": (_in("ReLU", build_config={"input_shape": "a"}), "input_shape"),
    "activation by name": (_set("Conv2D", activation="system"), "'system', not one of"),
    "activation as function": (_set("Conv2D", activation=SYSTEM), "'function'"),
    "activation as lambda": (_set("Conv2D", activation=LAMBDA), "__lambda__"),
    "activation of a module": (
        _set("Conv2D", activation=_object("ReLU", "os", name="a")),
        "'os'",
    ),
    "activation that is a list": (_set("Conv2D", activation=[SYSTEM]), "activation"),
    "initializer": (_set("Conv2D", kernel_initializer=SYSTEM), "'function'"),
    "initializer's module": (
        _set("Conv2D", kernel_initializer=_object(module="os")),
        "'os'",
    ),
    "initializer's settings": (
        _set("Conv2D", kernel_initializer=_object("Constant", value=LAMBDA)),
        "'value' is",
    ),
    "initializer's name": (
        _set("Conv2D", kernel_initializer=_object(name=SYSTEM)),
        "has the name",
    ),
    "initializer by name": (_set("Conv2D", kernel_initializer="popen"), "'popen'"),
    "regularizer": (_set("Conv2D", kernel_regularizer=SYSTEM), "'function'"),
    "constraint": (_set("Conv2D", bias_constraint=[SYSTEM]), "constraint"),
    "dtype": (_set("Conv2D", dtype="string"), "'string', not one of"),
    "dtype's class": (_set("Conv2D", dtype=_object("PolicyV1")), "'PolicyV1'"),
    "dtype's name": (
        _set("Conv2D", dtype=_object("Policy", "keras.mixed_precision", name="os")),
        "'os', not one of",
    ),
    "unknown setting": (_set("Conv2D", weights=[1.0]), "'weights' is"),
    "setting that is an object": (_set("Conv2D", filters=LAMBDA), "'filters' is"),
    "setting that is text": (_set("Conv2D", filters="4"), "'filters' is '4'"),
    "setting that is no number": (_set("ReLU", threshold=float("nan")), "nan"),
    "setting that is infinite": (_set("ReLU", threshold=float("inf")), "inf"),
    "setting that is huge": (_set("Conv2D", filters=2**60), "'filters' is"),
    "nested settings": (_set("ReLU", threshold=[[[[[[[[[[[1]]]]]]]]]]]), "threshold"),
    "operation": (_set("TFOpLambda", function="io.write_file"), "'io.write_file', not"),
    "no operation": (_set("ReLU", function="math.add"), "has a function"),
    "constant to a layer": (
        _in("ReLU", inbound_nodes=[["_CONSTANT_VALUE", -1, 1.0, {}]]),
        "a constant",
    ),
    "text to an operation": (
        _in("TFOpLambda", inbound_nodes=[["_CONSTANT_VALUE", -1, "touch", {}]]),
        "'touch'",
    ),
    "text in an argument": (
        _in("TFOpLambda", inbound_nodes=[["re_lu", 0, 0, {"y": "touch"}]]),
        "'touch'",
    ),
    "constant in an argument": (
        _in(
            "TFOpLambda",
            inbound_nodes=[["x", 0, 0, {"y": ["_CONSTANT_VALUE", -1, "a"]}]],
        ),
        "'a'|_CONSTANT_VALUE",
    ),
    "object in an argument": (
        _in("TFOpLambda", inbound_nodes=[["re_lu", 0, 0, {"y": LAMBDA}]]),
        "__lambda__",
    ),
    "unknown argument": (
        _in("ReLU", inbound_nodes=[[["stem", 0, 0, {"filename": 1}]]]),
        "filename",
    ),
    "calls that are text": (_in("ReLU", inbound_nodes="abc"), "'abc'"),
    "circle": (_in("ReLU", inbound_nodes=LOOP), "inputs do not exist"),
    "loose end": (_in("ReLU", inbound_nodes=[[["no", 0, 0, {}]]]), "do not exist"),
    "later call": (_in("ReLU", inbound_nodes=[[["stem", 7, 0, {}]]]), "do not exist"),
    "no such output": (_graph(output_layers=[["no", 0, 0]]), "do not exist"),
    "two outputs": (_graph(output_layers=[["stem", 0, 0]] * 2), "several outputs"),
    "no layers": (_graph(layers=[]), "no layers"),
    "layers that are text": (_graph(layers="abc"), "no layers"),
    "setting of a model": (_graph(custom_objects={}), "custom_objects"),
    "two names": (_in("ReLU", name="other"), "two names"),
    "one name twice": (_set("ReLU", name="stem"), "one name"),
    "name that is no text": (_set("ReLU", name={"a": 1}), "has the name"),
    "long name": (_set("ReLU", name="a" * 10_000), "has the name"),
    "backbone that is a layer": (
        lambda c: _embedder(backbone=layer_of(c, "ReLU"))(c),
        "the backbone is 'ReLU'",
    ),
    "whitening": (_embedder(whitening=SYSTEM), "the whitening is 'function'"),
    "color input": (_embedder(color_input="cmyk"), "color_input is 'cmyk'"),
    "average": (_embedder(average=SYSTEM), "average is"),
    "image size": (_embedder(image_size=10**9), "image_size"),
    "image size that is true": (_embedder(image_size=True), "image_size"),
    "parts": (_embedder(parts="grid"), "no part layout 'grid'"),
    "parts that are an object": (_embedder(parts=SYSTEM), "parts has the name"),
    "setting of the Embedder": (_embedder(custom=SYSTEM), "instead of"),
    "wrong type of setting": (_set("Conv2D", filters=[4]), "embedder.keras"),
    "wrong shape": (_set("Conv2D", strides=[2, 2, 2]), "embedder.keras"),
    "more weights than there are": (_set("Conv2D", filters=2**24), "more weights"),
    "other weights": (_set("Conv2D", filters=5), "weights 'stem/kernel:0' are"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_descriptions_that_are_refused(kind, write):
    change, message = REFUSED[kind]
    path = write(change)
    with pytest.raises(EmbedderFileError, match=message) as caught:
        Embedder.load(path)
    assert str(path) in str(caught.value)
    assert "Copy the file again, or train again." in str(caught.value)


def test_a_model_in_a_model_in_a_model_has_an_end(write):
    def change(config):
        for _ in range(20):
            backbone = copy.deepcopy(config["config"]["backbone"])
            backbone |= {"name": backbone["config"]["name"], "inbound_nodes": []}
            layers = config["config"]["backbone"]["config"]["layers"]
            layers[1:] = [backbone]

    with pytest.raises(EmbedderFileError, match="nested too deeply"):
        Embedder.load(write(change))


def _replace(file, value, **options):
    del file[KERNEL]
    return file.create_dataset(KERNEL, data=value, **options)


def _external(file):
    del file[KERNEL]
    shape = (3, 3, 3, 4)
    external = [("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
    file.create_dataset(KERNEL, shape, "f4", external=external)


def _virtual(file):
    del file[KERNEL]
    layout = h5py.VirtualLayout((3, 3, 3, 4), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "a", (3, 3, 3, 4))
    file.create_virtual_dataset(KERNEL, layout)


def _link(link):
    def change(file):
        del file[KERNEL]
        file[KERNEL] = link

    return change


ZEROS = np.zeros((3, 3, 3, 4), np.float32)
WEIGHTS_REFUSED = {
    "missing": (lambda file: file.pop(KERNEL), "'stem/kernel:0' are missing"),
    "surplus": (
        lambda file: file.create_dataset("more", data=ZEROS),
        "no layer has: 'm",
    ),
    "misshapen": (
        lambda file: _replace(file, ZEROS[0]),
        r"float32 \[3, 3, 4\] instead",
    ),
    "of another type": (lambda file: _replace(file, ZEROS.astype("f8")), "float64"),
    "of another order": (lambda file: _replace(file, ZEROS.astype(">f4")), "plain"),
    "not a number": (lambda file: _replace(file, ZEROS / 0), "not all finite"),
    "text": (lambda file: _replace(file, "text"), "not a plain array"),
    "bytes": (lambda file: _replace(file, b"text"), "not a plain array"),
    "references": (
        lambda file: _replace(file, file.ref, dtype=h5py.ref_dtype),
        "not a plain array",
    ),
    "records": (lambda file: _replace(file, np.zeros(3, "f4,f4")), "not a plain"),
    "empty": (lambda file: _replace(file, h5py.Empty("f4")), "not a plain"),
    "compressed": (
        lambda file: _replace(file, ZEROS, compression="gzip"),
        "not a plain array",
    ),
    "in chunks": (lambda file: _replace(file, ZEROS, chunks=True), "not a plain array"),
    "never written": (
        lambda file: file.create_dataset("huge", (2**40,), "f4"),
        "outside the file",
    ),
    "in another file": (_external, "not a plain array"),
    "of other files": (_virtual, "not a plain array"),
    "link to another file": (_link(h5py.ExternalLink("/tmp/a", "b")), "are a link"),
    "link to another place": (_link(h5py.SoftLink("/whitening/vars/0")), "are a link"),
    "type in their place": (_link(np.dtype("f4")), "not a plain array"),
    "circle": (
        lambda file: file["whitening"].__setitem__("again", file["whitening"]),
        "too many, or nested too deeply",
    ),
}


@pytest.mark.parametrize("kind", WEIGHTS_REFUSED)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_weights_that_are_refused(kind, write):
    change, message = WEIGHTS_REFUSED[kind]
    with pytest.raises(EmbedderFileError, match=message):
        Embedder.load(write(change_weights=change))


@pytest.mark.parametrize("number", range(2))
def test_all_weights_are_needed(write, members, number):
    """Without any one of them, there is no Embedder that is half random."""
    with h5py.File(io.BytesIO(members["model.weights.h5"])) as file:
        places = []
        file.visititems(
            lambda place, value: (
                places.append(place) if isinstance(value, h5py.Dataset) else None
            )
        )
    for place in places[number::2]:
        with pytest.raises(EmbedderFileError, match=f"missing .'{place}'"):
            Embedder.load(
                write(change_weights=lambda file, place=place: file.pop(place))
            )


def _mutated(content, generator):
    """Some bytes changed, a piece cut out, doubled, or overwritten with zeros."""
    content = bytearray(content)
    at = generator.randrange(len(content))
    length = generator.choice((1, 2, 8, 100, 4_000))
    kind = generator.randrange(5)
    if kind == 0:
        content[at] ^= 1 << generator.randrange(8)
    elif kind == 1:
        content[at : at + length] = generator.randbytes(length)
    elif kind == 2:
        del content[at : at + length]
    elif kind == 3:
        content[at:at] = content[at : at + length]
    else:
        content[at : at + length] = bytes(length)
    return bytes(content)


@pytest.mark.parametrize("number", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_damaged_files_are_told(number, write):
    """An error that names the file, or just what the whole file holds."""
    path = write()
    whole, generator = path.read_bytes(), random.Random(number)
    expected, num_told = read_archive(path).fingerprint(), 0
    for _ in range(number):
        path.write_bytes(_mutated(whole, generator))
        try:
            found = read_archive(path).fingerprint()
        except EmbedderFileError as error:
            num_told += str(path) in str(error)
        else:
            num_told += path.read_bytes() == whole
            assert found == expected
    assert num_told > 0.8 * number


def _loaded_or_refused(path, embedder):
    try:
        loaded = Embedder.load(path)
    except EmbedderFileError as error:
        assert str(path) in str(error)
        return
    assert len(loaded.weights) == len(embedder.weights)
    assert loaded(PHOTOS).shape[0] == len(PHOTOS)


@pytest.mark.parametrize("number", [10, pytest.param(1_000, marks=pytest.mark.slow)])
def test_weights_with_a_true_checksum_are_not_trusted(
    number, path, members, small_embedder
):
    """What HDF5 says of itself is damaged; the checksums of the archive are right."""
    whole, generator = members["model.weights.h5"], random.Random(number)
    for _ in range(number):
        content = _mutated(whole, generator)
        write_members(path, members | {"model.weights.h5": content})
        _loaded_or_refused(path, small_embedder)


POISONS = (SYSTEM, LAMBDA, "os.system", None, [], {}, -1, 2**70, 1e300, ["a", -1, "b"])


def _places_of(value, place=()):
    """The places of all values in JSON."""
    yield place
    inner = value.items() if isinstance(value, dict) else ()
    for key, one in enumerate(value) if isinstance(value, list) else inner:
        yield from _places_of(one, (*place, key))


@pytest.mark.parametrize("number", [10, pytest.param(1_000, marks=pytest.mark.slow)])
def test_no_place_of_a_description_is_trusted(number, write, small_embedder):
    """Anything in place of anything: refused, or an Embedder all the same."""
    generator = random.Random(number)

    def change(config):
        *where, key = generator.choice([*_places_of(config)][1:])
        for step in where:
            config = config[step]
        config[key] = generator.choice(POISONS)

    for _ in range(number):
        _loaded_or_refused(write(change), small_embedder)
