import sys

import pytest

from cv_tf.methods import build as addons


@pytest.fixture
def not_installed(monkeypatch):
    """A machine without tensorflow-addons."""
    monkeypatch.delitem(sys.modules, "tensorflow_addons", raising=False)

    def missing(name):
        if name == "tensorflow_addons":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return sys.modules[name] if name in sys.modules else __import__(name)

    monkeypatch.setattr(addons.importlib, "import_module", missing)


def test_addons_imports_and_keras_keeps_its_own_modules():
    aliases = [f"keras.src.{name}" for name in addons._MOVED_MODULES]
    before = [sys.modules.get(name) for name in aliases]
    try:
        tfa = addons.import_addons()
    except ImportError as error:
        pytest.skip(str(error))
    loss = tfa.losses.TripletSemiHardLoss()([0, 0], [[0.0, 1.0], [1.0, 0.0]])
    assert loss.numpy() == pytest.approx(1 + 2**0.5)
    assert [sys.modules.get(name) for name in aliases] == before
    assert addons.import_addons() is tfa


def test_where_it_is_missing_the_error_says_what_to_install(not_installed, monkeypatch):
    monkeypatch.setattr(addons.sys, "version_info", (3, 11, 9))
    with pytest.raises(ImportError, match=r"pip install 'cv_tf\[addons\]'"):
        addons.import_addons()


def test_on_a_newer_python_the_error_says_that_it_cannot_be(not_installed, monkeypatch):
    monkeypatch.setattr(addons.sys, "version_info", (3, 12, 1))
    with pytest.raises(ImportError, match=r"Python 3.11 and older, and this is .*3.12"):
        addons.import_addons()
