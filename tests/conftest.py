import gc
import os
import sys
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import settings
from sklearn.datasets import load_breast_cancer, load_digits, make_moons
from sklearn.preprocessing import StandardScaler

from sklip.training import reuse

settings.register_profile("quick", deadline=None, max_examples=25, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# Tests of many shapes take turns, and a compilation is most of a short fit; tests/test_reuse.py has the limit itself.
reuse.CAPACITY = 48


class _Seldom:
    """Collects the garbage of some networks that are dropped at once.

    A collection looks at all networks that are kept. With 48 of them, it takes half as long as a compilation.
    """

    def __init__(self, every=16):
        self._every, self._left = every, every

    def collect(self):
        self._left -= 1
        if self._left == 0:
            self._left = self._every
            gc.collect()


reuse.gc = _Seldom()


def pytest_collection_finish():
    """Spare every collection of garbage the look at what the imports left, which stays anyway."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _seeded():
    """Start every test from the same random state, without importing Keras for those that do not.

    TensorFlow's own seed is left alone, as setting it drops all kernels: the next fit in each compiled network would
    take half a second more. Modules that train by Keras' own ``fit``, which shuffles rows by this seed, set it.
    """
    if "keras" in sys.modules:
        with pytest.MonkeyPatch.context() as patch:
            if "tensorflow" in sys.modules:
                patch.setattr(sys.modules["tensorflow"].random, "set_seed", lambda seed: None)
            sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture
def no_compiled_networks(monkeypatch):
    """No network is kept when a test begins; those of other tests come back after it, as each took a second."""
    monkeypatch.setattr(reuse, "_idle", OrderedDict())
    monkeypatch.setattr(reuse, "gc", gc)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def moons():
    return make_moons(1000, noise=0.05, random_state=0)


@pytest.fixture(scope="session")
def digits():
    """Ten classes, 64 pixels in [0, 1]."""
    X, y = load_digits(return_X_y=True)
    return X / 16.0, y


@pytest.fixture(scope="session")
def breast_cancer():
    """Two classes, 30 standardised features."""
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture
def pyplot():
    """Pyplot without windows; its figures are closed afterwards."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    plt.close("all")
    yield plt
    plt.close("all")
