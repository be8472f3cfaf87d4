"""What people set on fitted transformers: options that were others in ``fit``, and fitted attributes by hand."""

import numpy as np
from sklearn.base import BaseEstimator

from tests.fuzz.draws import chance, pick, power

_OPTIONS = ("with_std", "with_mean", "with_scaling", "with_centering", "copy", "clip", "whiten")
_FITTED = ("scale_", "mean_", "center_", "min_", "components_", "explained_variance_")


def mutate(rng, step, probability=0.1):
    """Change some options and fitted attributes of a transformer, and of those within it."""
    for inner in transformers_within(step):
        if chance(rng, probability):
            options = [name for name in _OPTIONS if hasattr(inner, name)]
            if options:
                name = pick(rng, *options)
                setattr(inner, name, not getattr(inner, name))
        if chance(rng, probability / 2):
            _change_fitted(rng, inner)


def _change_fitted(rng, step):
    names = [name for name in _FITTED if isinstance(vars(step).get(name), np.ndarray)]
    if not names:
        return
    name = pick(rng, *names)
    array = getattr(step, name)
    kind = pick(rng, "float32", "float16", "larger", "extreme", "long", "negative")
    with np.errstate(all="ignore"):
        changed = {
            "float32": lambda: array.astype(np.float32),
            "float16": lambda: array.astype(np.float16),
            "larger": lambda: array * power(rng, -6, 6),
            "extreme": lambda: array * power(rng, -300, 300),
            "long": lambda: array.astype(np.longdouble),
            "negative": lambda: -array,
        }[kind]()
    if np.isfinite(changed).all() and not (name == "explained_variance_" and kind == "negative"):
        setattr(step, name, changed)


def transformers_within(step):
    """Every fitted transformer within one, the innermost ones."""
    if not isinstance(step, BaseEstimator):
        return
    if hasattr(step, "transformers_"):
        inner = [each[1] for each in step.transformers_]
    elif hasattr(step, "transformer_list"):
        inner = [each[1] for each in step.transformer_list]
    elif hasattr(step, "steps"):
        inner = [each[1] for each in step.steps]
    elif hasattr(step, "estimator"):
        inner = [step.estimator]
    else:
        yield step
        return
    for each in inner:
        yield from transformers_within(each)
