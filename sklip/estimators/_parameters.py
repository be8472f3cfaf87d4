"""The parameters of training in one table: their allowed values and their documentation."""

import re
from inspect import cleandoc, signature
from numbers import Integral, Real
from typing import Any, TypeVar

from sklip.estimators import _validation as validation

Estimator = TypeVar("Estimator", bound=type)

_SECTION = "Parameters\n----------\n"
_ENTRY = re.compile(r"(\w+) : (.*)\n((?: {4}.*\n)+)")


class TrainingParameters:
    """Parameters that several estimators share.

    ``alpha``, ``min_margin`` and ``class_weight`` have another meaning for each loss, so the classes describe them.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Number of units of each hidden layer. Ignored if ``model`` is given.
    activation : str
        Name of the activation: ``"groupsort2"``, ``"groupsort<n>"``, ``"fullsort"``, ``"maxmin"``,
        ``"relu"`` or ``"abs"``. All are 1-Lipschitz; those that sort keep gradients of norm 1.
    model : architecture, callable or None
        Network to train: an object of :mod:`sklip.architectures`, such as ``ConvNet(filters=(32, 64))``, or a function
        ``build(input_shape, n_scores)`` that returns a new Keras model. Its ``input_shape`` is
        (height, width, channels) for images, and (n_features,) for a table. The model may be ``Sequential`` or
        functional. It must be 1-Lipschitz, as models of :mod:`sklip.layers` are, and its last layer must be
        ``FrobeniusDense(n_scores)`` or ``SpectralDense(n_scores)``. ``fit`` refuses any other model before it trains.
        A function must have a name at the top level of a module for the estimator to be pickled. None is the dense
        network of ``hidden_layer_sizes``, ``activation`` and ``dropout``, which are ignored otherwise.
    input_shape : tuple of (int, int, int) or None
        Height, width and channels, if the rows of a table are images that were flattened in C order. It lets a
        pipeline, whose steps take tables, end in a network on images. It is not needed if ``X`` has images.
    augmentation : keras.layers.Layer or None
        Preprocessing layer of Keras that changes the images of each training batch at random, such as
        ``keras.layers.RandomTranslation(0.1, 0.1)``, or a ``Sequential`` of several. It gets images in the units of
        ``X``, and is copied from its configuration. Held-out rows and predictions are never changed. A pickle of
        an estimator that has one needs Keras to load.
    norm : {2, 1, inf, "l2", "l1", "inf"}
        Norm of the changes of a row for which the network is trained, and about which its certificates are: the
        Euclidean length of the changes of all columns, their sum, or the largest of them. 1 and inf are for tables.
        The page "What can change, and by how much?" of the guide says which one to choose.
    tolerances : float, array-like of shape (n_features,), mapping or None
        A tolerance for each column, or a mapping from names of columns: a change of column ``j`` counts as
        ``(x′_j − x_j) / tolerances_j``, in training and in certificates. Distances, and with them the parameters that
        are lengths, are then in tolerances. Columns of tolerance 0, and those that a mapping does not name, are fixed:
        certificates are about rows that differ in the others, and the network may depend on the fixed ones as it
        likes. None: each column counts in its own unit. For tables.
    monotonic_cst : array-like of shape (n_features,), mapping or None
        1 for each column with which the score must not fall, −1 for each with which it must not rise, and 0 for the
        others; or a mapping from names of columns. The score is that of ``classes_[1]``. It is proven for the served
        network, up to the rounding of the scores. For tables, and for two classes.
    optimizer : str or keras.optimizers.Optimizer
        Name of an optimizer, or an instance. An instance is copied from its configuration, with
        its learning rate. A pickle that holds an instance needs Keras to load; one that holds a
        name does not.
    learning_rate : float
        Learning rate of the optimizer if it is given by name.
    learning_rate_schedule : {"cosine", "constant"}
        ``"cosine"`` lowers the learning rate to 0 over ``epochs``, even if early stopping ends
        the training sooner; a warm start begins the schedule again. ``partial_fit`` always uses
        the constant rate.
    batch_size : int
        Number of rows per batch: an epoch has ``ceil(n_rows / batch_size)`` batches of equal size.
        Every batch holds rows of every class. If necessary, rows are repeated; the loss gives
        repeated rows a smaller weight.
    epochs : int
        Number of passes over the data.
    dropout : float in [0, 1)
        Share of the hidden units that are left out at random during training. The certificate is
        about the served network, which has all units. Ignored if ``model`` is given.
    early_stopping : bool
        Stop if the loss on held-out rows has not improved by ``tol`` for ``n_iter_no_change``
        epochs, and return to the best epoch.
    monitor : {"loss", "accuracy", "certified_accuracy"}
        Number on the held-out rows that early stopping monitors.
    epsilon : float or None
        Radius, in the units of the data, for ``certified_accuracy`` in ``history_``: the share of
        rows that are predicted right and certified at this radius. It is required to monitor
        ``certified_accuracy``.
    validation_fraction : float or None
        Share of the rows to hold out for early stopping if ``X_val`` is not given; None to
        monitor the training loss.
    n_iter_no_change : int
        Patience of early stopping, in epochs.
    tol : float
        Minimum improvement: of the loss, as a fraction of ``scale_``; of an accuracy, in absolute terms.
    callbacks : list of keras.callbacks.Callback or None
        Keras callbacks. For them, a batch is an epoch, and numbers are in the units of the
        training, that is, divided by ``scale_``. Callbacks that set the learning rate need
        ``learning_rate_schedule="constant"``.
    backend : {"auto", "keras", "numpy"}
        What trains. ``"keras"`` is Keras on TensorFlow or JAX: the environment variable ``KERAS_BACKEND`` names one of
        them, and TensorFlow is the default if both are installed. ``"numpy"`` trains dense networks on tables without
        Keras, by the same steps. It starts at once, and is slower for large networks on many rows. ``"auto"`` is Keras
        if Keras and a backend are installed, and NumPy otherwise.
    jit_compile : "auto" or bool
        Compile the training step of TensorFlow with XLA, which always compiles that of JAX. This takes a few seconds,
        once per process for each shape of network, and then about halves the time of a step. ``"auto"`` compiles if
        it pays within a single training, from 3,000 steps on. True pays in searches, because their fits share the
        compilation. Compilation changes the last bits of the result. ``"auto"`` compiles no networks with
        convolutions, as XLA makes them slower on a CPU, and none with an ``augmentation``, as XLA has no such
        operations.
    matmul_precision : {"tensorfloat32", "float32"}
        Precision of the products in the forward and the backward pass on a GPU. ``"tensorfloat32"`` lets the GPU
        round the factors to 11 bits, which is faster, unless TensorFlow or JAX is set otherwise. ``"float32"`` rounds
        nothing more. CPUs, and ``backend="numpy"``, always multiply in float32. Kernels stay orthonormal with both,
        and predictions and certificates are computed in float64.
    n_devices : int
        Number of devices of TensorFlow or JAX among which the rows of each batch are divided, such as GPUs; −1 means
        all. The loss and its gradient are those of the whole batch, up to rounding. It is for wide networks
        and large batches. On TensorFlow, XLA does not compile the steps then.
    warm_start : bool
        Start ``fit`` from the weights of the last fit.
    random_state : int, RandomState instance or None
        Seed of the initial weights, the batches, the dropout, the augmentation and the held-out rows. An int gives
        the same bits on the same machine with the same number of threads.
    verbose : int
        1 shows one live line, with the remaining time, on standard error; 2 prints a table on standard output, one row
        per epoch. Numbers are those of ``history_``.
    """

    constraints: dict[str, Any] = {
        "hidden_layer_sizes": ["array-like", validation.Interval(Integral, 1, None, closed="left")],
        "activation": [str],
        "model": "no_validation",
        "input_shape": ["array-like", None],
        "augmentation": "no_validation",
        "norm": "no_validation",  # norm_of checks it
        "tolerances": "no_validation",  # which need the columns: question_of_fit checks them
        "monotonic_cst": ["array-like", dict, None],  # directions_of_fit checks them
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
        "backend": [validation.StrOptions({"auto", "keras", "numpy"})],
        "jit_compile": [validation.StrOptions({"auto"}), "boolean"],
        "matmul_precision": [validation.StrOptions({"tensorfloat32", "float32"})],
        "n_devices": [validation.Interval(Integral, 1, None, closed="left"), validation.Options(Integral, {-1})],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }


def with_training_parameters(estimator: Estimator) -> Estimator:
    """Add the constraints and the documentation of the training parameters in the table to an estimator class.

    Entries in ``_parameter_constraints`` or in the docstring of the class replace those of the table. The defaults
    in the documentation come from the signature.
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
    """Set the attributes of an estimator to the arguments of its ``__init__``: the ``locals()`` at its beginning."""
    for name, value in passed.items():
        if name != "self":
            setattr(estimator, name, value)


def _parts(kind):
    """The parts of a docstring before, in and after its section of parameters."""
    before, _, rest = f"{cleandoc(kind.__doc__)}\n".partition(_SECTION)
    section, _, after = rest.partition("\n\n")
    return before, f"{section.rstrip()}\n", after


def _described(section):
    """Type and text of each parameter in a section, by name."""
    return {name: (kind, text) for name, kind, text in _ENTRY.findall(section)}


def _shown(default):
    return f'"{default}"' if isinstance(default, str) else repr(default)
