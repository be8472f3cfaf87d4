"""The parameters of training: in one table what may be passed, and what each of them is."""

import re
from inspect import cleandoc, signature
from numbers import Integral, Real
from typing import Any, TypeVar

from sklip.estimators import _validation as validation

Estimator = TypeVar("Estimator", bound=type)

_SECTION = "Parameters\n----------\n"
_ENTRY = re.compile(r"(\w+) : (.*)\n((?: {4}.*\n)+)")


class TrainingParameters:
    """Parameters that several estimators have.

    ``alpha``, ``min_margin`` and ``class_weight`` mean something else to each loss: the classes describe them.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer.
    activation : str
        ``"groupsort2"``, ``"groupsort<n>"``, ``"fullsort"``, ``"maxmin"``, ``"relu"`` or ``"abs"``.
        All are 1-Lipschitz; the sorting ones keep gradients of norm 1.
    optimizer : str or keras.optimizers.Optimizer
        Name, or an instance, which is copied from its configuration and brings its own
        learning rate. A pickle that holds an instance needs Keras to load; one that holds a
        name does not.
    learning_rate : float
        Learning rate of an optimizer that is given by its name.
    learning_rate_schedule : {"cosine", "constant"}
        ``"cosine"`` brings the learning rate to 0 over ``epochs``, also where early stopping
        ends sooner; a warm start begins it anew. ``partial_fit`` is always constant.
    batch_size : int
        An epoch is ``ceil(n_rows / batch_size)`` batches of equal size. Every batch holds every
        class, if need be by repeating rows, which the loss makes up for.
    epochs : int
        Passes over the data.
    dropout : float in [0, 1)
        Share of hidden units left out at random while training. The certificate is about the
        network that serves, which has all of them.
    early_stopping : bool
        Stop when the loss on held-out rows has not improved by ``tol`` for
        ``n_iter_no_change`` epochs, and go back to the best epoch.
    monitor : {"loss", "accuracy", "certified_accuracy"}
        What early stopping watches on the held-out rows.
    epsilon : float or None
        Radius, in the units of the data, at which ``history_`` records the share of rows that are
        right and certified, as ``certified_accuracy``; needed to monitor it.
    validation_fraction : float or None
        Share of the rows held out for early stopping when ``X_val`` is not given; None to
        watch the training loss.
    n_iter_no_change : int
        Patience of early stopping, in epochs.
    tol : float
        Least improvement: of the loss as a fraction of ``scale_``, of an accuracy as it is.
    callbacks : list of keras.callbacks.Callback or None
        Keras callbacks. A batch, for them, is an epoch, and what they see is in the units of
        the training, that is divided by ``scale_``. Those that set the learning rate need
        ``learning_rate_schedule="constant"``.
    jit_compile : "auto" or bool
        Whether XLA compiles the training step, which takes a few seconds once for each shape of network in a
        process and then about halves the time of a step. ``"auto"``: where it pays within this one training, from
        3,000 steps. True pays in searches, whose fits share the compilation. It changes the last bits of
        the result.
    warm_start : bool
        Whether ``fit`` goes on from the weights of the last one.
    random_state : int, RandomState instance or None
        Seed of the initial weights, the batches, the dropout and the held-out rows. An int gives
        the same bits on the same machine at the same number of threads.
    verbose : int
        1 for one live line, with the time left, on standard error; 2 for a table on standard output, one row per
        epoch. Numbers are those of ``history_``.
    """

    constraints: dict[str, Any] = {
        "hidden_layer_sizes": ["array-like", validation.Interval(Integral, 1, None, closed="left")],
        "activation": [str],
        "alpha": [validation.Interval(Real, 0, 1e9, closed="both")],
        "min_margin": [validation.Interval(Real, 0, None, closed="neither"), validation.StrOptions({"auto"})],
        "optimizer": "no_validation",
        "learning_rate": [validation.Interval(Real, 0, 1e9, closed="right")],
        "learning_rate_schedule": [validation.StrOptions({"cosine", "constant"})],
        "batch_size": [validation.Interval(Integral, 1, None, closed="left")],
        "epochs": [validation.Interval(Integral, 1, None, closed="left")],
        "dropout": [validation.Interval(Real, 0, 1, closed="left")],
        "class_weight": [validation.StrOptions({"balanced"}), dict, None],
        "early_stopping": ["boolean"],
        "validation_fraction": [validation.Interval(Real, 0, 1, closed="neither"), None],
        "monitor": [validation.StrOptions({"loss", "accuracy", "certified_accuracy"})],
        "epsilon": [validation.Interval(Real, 0, 1e18, closed="both"), None],
        "n_iter_no_change": [validation.Interval(Integral, 1, None, closed="left")],
        "tol": [validation.Interval(Real, 0, None, closed="left")],
        "callbacks": ["array-like", None],
        "jit_compile": [validation.StrOptions({"auto"}), "boolean"],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }


def with_training_parameters(estimator: Estimator) -> Estimator:
    """Give the parameters of an estimator that trains their constraints and their documentation, from the table.

    What the class has in ``_parameter_constraints``, or describes in its docstring, comes before the table. The
    docstring says no defaults: they are those of the signature.
    """
    parameters = signature(estimator).parameters
    constraints = {**TrainingParameters.constraints, **vars(estimator).get("_parameter_constraints", {})}
    estimator._parameter_constraints = {name: constraints[name] for name in parameters}  # type: ignore[attr-defined]
    if estimator.__doc__:  # Python leaves docstrings out under -OO
        before, own, after = _parts(estimator)
        entries = {**_described(_parts(TrainingParameters)[1]), **_described(own)}
        text = [
            f"{name} : {entries[name][0]}, default={_shown(parameter.default)}\n{entries[name][1]}"
            for name, parameter in parameters.items()
        ]
        estimator.__doc__ = "".join([before, _SECTION, *text, "\n", after])
    return estimator


def store_parameters(estimator: object, passed: dict[str, Any]) -> None:
    """Set the attributes of an estimator to what its ``__init__`` was passed: the ``locals()`` at its beginning."""
    for name, value in passed.items():
        if name != "self":
            setattr(estimator, name, value)


def _parts(kind):
    """A docstring before its section of parameters, in it and after it."""
    before, _, rest = f"{cleandoc(kind.__doc__)}\n".partition(_SECTION)
    section, _, after = rest.partition("\n\n")
    return before, f"{section.rstrip()}\n", after


def _described(section):
    """Type and text of each parameter in a section, by name."""
    return {name: (kind, text) for name, kind, text in _ENTRY.findall(section)}


def _shown(default):
    return f'"{default}"' if isinstance(default, str) else repr(default)
