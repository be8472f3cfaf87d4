"""Radii that know what they are about: what keeps the knowledge, and what becomes plain numbers."""

import copy
import pickle

import joblib
import numpy as np
import pytest

from sklip import CertifiedRadii


@pytest.fixture
def radii():
    return CertifiedRadii([0.5, 0.25, 1.0], norm=1, fixed_columns=("a",), lipschitz_bound=2.0, missing_columns=("b",))


def _about(radii):
    return radii.norm, radii.fixed_columns, radii.lipschitz_bound, radii.missing_columns


@pytest.mark.parametrize(
    "part",
    [
        lambda radii: radii[:2],
        lambda radii: radii[::-1],
        lambda radii: radii[[2, 0]],
        lambda radii: radii[radii > 0.3],
        copy.copy,
        copy.deepcopy,
        lambda radii: pickle.loads(pickle.dumps(radii)),
        lambda radii: pickle.loads(pickle.dumps(radii, protocol=2)),
    ],
)
def test_parts_and_stored_radii_know_what_they_are_about(radii, part):
    made = part(radii)
    assert type(made) is CertifiedRadii
    assert _about(made) == _about(radii) == (1.0, ("a",), 2.0, ("b",))
    with pytest.raises(ValueError, match="read-only"):
        made[0] = 7.0
    with pytest.raises(ValueError, match="WRITEABLE"):
        made.flags.writeable = True


def test_joblib_stores_them(radii, tmp_path):
    joblib.dump(radii, tmp_path / "radii")
    assert repr(joblib.load(tmp_path / "radii")) == repr(radii)


@pytest.mark.parametrize(
    "change",
    [
        lambda radii: radii.dot(np.eye(3)),
        lambda radii: np.dot(radii, np.eye(3)),
        lambda radii: np.full_like(radii, 9.0),
        lambda radii: np.empty_like(radii),
        lambda radii: radii.byteswap(),
        lambda radii: radii.view(),
        lambda radii: radii.view(np.int64),
        lambda radii: radii.copy(),
        lambda radii: np.copy(radii),
        lambda radii: radii.astype(np.float32),
        lambda radii: radii.astype(float),
        lambda radii: radii.round(1),
        lambda radii: radii.clip(0, 1),
        lambda radii: radii.repeat(2),
        lambda radii: radii.cumsum(),
        lambda radii: radii.reshape(-1, 1),
        lambda radii: radii[:, None],
        lambda radii: radii.T,
        lambda radii: radii.imag,
        lambda radii: radii.real,
        lambda radii: np.concatenate([radii, radii]),
        lambda radii: np.where(radii > 0, radii, 1.0),
        lambda radii: np.sort(radii),
        lambda radii: np.minimum(radii, 1.0, out=np.empty(3)),
        lambda radii: np.broadcast_to(radii, (2, 3)),
        lambda radii: 2 * radii,
        lambda radii: -radii,
        lambda radii: radii > 0.3,
        np.array,
    ],
)
def test_what_is_made_of_radii_is_plain(radii, change):
    assert type(change(radii)) is np.ndarray


@pytest.mark.parametrize("number", [np.mean, np.median, np.max, lambda radii: radii[0], lambda radii: radii @ radii,
                                    lambda radii: radii.sum(), np.add.reduce])  # fmt: skip
def test_numbers_of_radii_are_plain(radii, number):
    assert type(number(radii)) is np.float64


def test_arrays_that_numpy_makes_of_this_type_know_nothing(radii):
    for made in (np.arange(3.0).view(CertifiedRadii), np.array(radii, subok=True)):
        assert np.isnan(made.norm)
        assert made.fixed_columns == made.missing_columns == ()
        assert made.lipschitz_bound is None


@pytest.mark.parametrize("name", ["norm", "dtype", "shape", "strides", "fixed_columns", "anything"])
def test_they_cannot_be_changed(radii, name):
    with pytest.raises(AttributeError, match=f"CertifiedRadii cannot be changed, and '{name}' of them neither"):
        setattr(radii, name, 1)


def test_masked_arrays_of_radii_know_nothing(radii):
    masked = 2 * np.ma.asarray(radii)
    assert not hasattr(masked, "norm")


def test_they_print_with_what_they_are_about(radii):
    expected = "CertifiedRadii([0.5 , 0.25, 1.  ], norm=1, fixed_columns=('a',), missing_columns=('b',))"
    assert repr(radii) == expected
    assert str(radii) == "[0.5  0.25 1.  ]"
    assert repr(CertifiedRadii([1.0])) == "CertifiedRadii([1.], norm=2)"
