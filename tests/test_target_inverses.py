"""Bands behind transformed targets: each inverse, its rounding, and those that are refused by name."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

from sklip import NotLipschitzError, certified_band
from sklip.pipelines._inverses import inverse_of
from tests.band_fixtures import UNITS, attack, fit, raw, small
from tests.flushing import CAN_FLUSH, in_flushing_thread

INVERSES = {
    "exp": {"func": np.log, "inverse_func": np.exp},
    "expm1": {"func": np.log1p, "inverse_func": np.expm1},
    "none": {},
    "function": {"transformer": FunctionTransformer(np.log, np.exp)},
    "standard": {"transformer": StandardScaler()},
    "no mean": {"transformer": StandardScaler(with_mean=False)},
    "no scale": {"transformer": StandardScaler(with_std=False)},
    "limits": {"transformer": MinMaxScaler((0.1, 0.7), clip=True)},
    "robust": {"transformer": RobustScaler()},
    "robust, no scale": {"transformer": RobustScaler(with_scaling=False)},
    "largest": {"transformer": MaxAbsScaler(copy=False)},
}


@pytest.mark.parametrize("name", INVERSES)
def test_no_row_within_the_radius_is_predicted_outside_behind_each_inverse(name):
    inner = make_pipeline(StandardScaler(), small(1.0))
    model = fit(TransformedTargetRegressor(inner, **INVERSES[name]))
    for norm in (2, np.inf):
        for radius in (1e-10, 0.3):
            outside, reached = attack(model, raw()[0], radius, norm=norm)
            assert outside == 0
            assert reached > 0.2 or radius != 0.3
    y = raw()[1]
    both = fit(TransformedTargetRegressor(small([1.0, 3.0], tolerances=UNITS), **INVERSES[name]), y=np.c_[y, 2 * y])
    outside, _ = attack(both, raw()[0], 0.3)
    assert outside == 0


def test_transformed_targets_anywhere():
    X, y = raw()
    of_logs = TransformedTargetRegressor(small(1.0), func=np.log, inverse_func=np.exp)
    outer = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), of_logs), transformer=StandardScaler(with_mean=False)
    )
    search = fit(GridSearchCV(outer, {"check_inverse": [True]}, cv=2))
    outside, reached = attack(FrozenEstimator(search), X, 0.3)
    assert outside == 0 and reached > 0.2
    column = fit(TransformedTargetRegressor(make_pipeline(StandardScaler(), small(1.0))), y=y[:, None])
    assert certified_band(column, X, 0.1)[0].shape == column.predict(X).shape


def test_bands_of_logarithms_are_the_exponentials_of_the_ends():
    X, y = raw()
    inner = fit(small(1.0, tolerances=UNITS), X, np.log(y))
    model = fit(TransformedTargetRegressor(small(1.0, tolerances=UNITS), func=np.log, inverse_func=np.exp))
    np.testing.assert_allclose(certified_band(model, X, 0.5), np.exp(inner.certified_band(X, 0.5)), rtol=1e-12)
    lower, upper = certified_band(model, X, 1e4)
    assert (lower == 0).all() and (upper == np.inf).all()
    lower, upper = certified_band(model, X, np.inf)
    assert (lower == 0).all() and (upper == np.inf).all()


def fitted_inverse(name, scale=3.0, center=-7.0):
    model = TransformedTargetRegressor(Ridge(), **INVERSES[name]).fit(*raw())
    for attribute, value in (("scale_", scale), ("mean_", center), ("center_", center), ("min_", center)):
        if getattr(model.transformer_, attribute, None) is not None:
            setattr(model.transformer_, attribute, np.array([value]))
    return model, inverse_of(model, on_word=False)


@pytest.mark.parametrize("name", INVERSES)
@given(
    values=st.lists(st.floats(-800, 800) | st.floats(-1e-300, 1e-300) | st.floats(-1e300, 1e300), min_size=2),
    scale=st.floats(2.0**-1022, 1e300),
    center=st.floats(-1e9, 1e9) | st.floats(-1e-300, 1e-300),
)  # fmt: skip
def test_what_an_inverse_computes_between_two_ends_is_in_the_band(name, values, scale, center):
    model, inverse = fitted_inverse(name, scale, center)
    numbers = np.sort(np.array(values))

    def computed():
        with np.errstate(all="ignore"):
            together = model.transformer_.inverse_transform(numbers[:, None].copy())[:, 0]
            alone = [model.transformer_.inverse_transform(np.array([[number]]))[0, 0] for number in numbers]
        return np.concatenate([together, alone]), inverse.band(numbers[:1, None], numbers[-1:, None])

    ways = [computed(), in_flushing_thread(computed)] if CAN_FLUSH else [computed()]
    for found, _ in ways:
        for _, (low, high) in ways:
            assert ((low[0] <= found) & (found <= high[0])).all()


@pytest.mark.parametrize("name", ["exp", "expm1"])
def test_functions_of_several_roundings_may_be_off_by_eight_units_in_the_last_place(name):
    function, inverse = getattr(np, name), fitted_inverse(name)[1]
    ends = np.random.default_rng(0).uniform(-30.0, 30.0, (200, 1))
    lower, upper = inverse.band(ends, ends)
    exact = function(ends.astype(np.longdouble))
    slack = 8 * np.spacing(np.abs(function(ends)))
    assert (lower <= exact - slack).all() and (exact + slack <= upper).all()
    assert (upper - lower <= 64 * slack).all()


def test_ends_that_are_not_numbers_have_no_band():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = TransformedTargetRegressor(Ridge(), func=np.square, inverse_func=np.sqrt).fit(*raw())
    inverse = inverse_of(model, on_word=True)
    lower, upper = inverse.band(np.array([[-1.0], [4.0], [-np.inf]]), np.array([[4.0], [9.0], [1.0]]))
    np.testing.assert_allclose(lower[:, 0], [-np.inf, 2.0, -np.inf])
    np.testing.assert_allclose(upper[:, 0], [np.inf, 3.0, np.inf])


WORDS = {
    "PowerTransformer": {"transformer": PowerTransformer()},
    "inverse_func=negative": {"func": np.negative, "inverse_func": np.negative},
    "inverse_func=exp2": {"func": np.log2, "inverse_func": np.exp2},
}


@pytest.mark.parametrize("name", WORDS)
def test_other_inverses_are_refused_by_name_or_taken_on_the_users_word(name):
    model = fit(TransformedTargetRegressor(make_pipeline(StandardScaler(), small(1.0)), **WORDS[name]))
    with pytest.raises(NotLipschitzError, match=rf"inverse of .*{name}.*numpy\.exp .*monotone_inverse=True"):
        certified_band(model, raw()[0], 0.1)
    outside, reached = attack(model, raw()[0], 0.2, monotone_inverse=True)
    assert outside == 0 and reached > 0.2


def test_inverses_that_were_changed_are_not_known():
    model = fit(TransformedTargetRegressor(make_pipeline(StandardScaler(), small(1.0)), transformer=StandardScaler()))
    before = certified_band(model, raw()[0], 0.1)
    model.transformer_.scale_ *= 2.0
    after = certified_band(model, raw()[0], 0.1)
    np.testing.assert_allclose(after[1] - after[0], 2 * (before[1] - before[0]), rtol=1e-9)
    model.transformer_.scale_ *= -1.0
    with pytest.raises(NotLipschitzError, match="inverse of StandardScaler, which sklip does not know"):
        certified_band(model, raw()[0], 0.1)
    model.transformer_.inverse_transform = lambda z: z
    with pytest.raises(NotLipschitzError, match="hides its method 'inverse_transform'"):
        certified_band(model, raw()[0], 0.1)
    with_arguments = FunctionTransformer(np.log, np.exp, inv_kw_args={"dtype": np.float32})
    model = fit(TransformedTargetRegressor(small(1.0), transformer=with_arguments))
    with pytest.raises(NotLipschitzError, match="inverse_func=exp"):
        certified_band(model, raw()[0], 0.1)

    class Doubled(TransformedTargetRegressor):
        def predict(self, X):
            return 2 * super().predict(X)

    with pytest.raises(NotLipschitzError, match="Doubled has no certificate"):
        certified_band(fit(Doubled(small(1.0))), raw()[0], 0.1)
