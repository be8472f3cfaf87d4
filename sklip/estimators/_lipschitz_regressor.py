"""LipschitzRegressor: numbers with bands that are proven."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from sklip.estimators import _advice as advice
from sklip.estimators import _validation as validation
from sklip.estimators._certified_regressor import CertifiedRegressor
from sklip.estimators._keyword_arguments import refuses_unknown_keywords
from sklip.estimators._number_training import NumberTraining
from sklip.estimators._parameters import store_parameters, with_training_parameters

if TYPE_CHECKING:
    import keras

    from sklip.architectures._architecture import Architecture


@with_training_parameters
class LipschitzRegressor(NumberTraining, CertifiedRegressor):
    """Regressor with a proven band: its prediction cannot change faster than by a stated constant.

    The prediction is ``lipschitz · g(x)``, plus a constant, where ``g`` is a 1-Lipschitz network. So a row that is off
    by ``r`` is predicted within ``lipschitz · r`` of the prediction. :meth:`certified_band` gives these limits,
    rounding included. The constant also regularises: a small one makes a smooth function.

    Parameters
    ----------
    lipschitz : float, array-like of shape (n_outputs,) or "auto"
        Largest change of a prediction, in the units of ``y``, per unit that a row moves: a promise about the
        target. ``"auto"`` tries constants on held-out rows, which takes some 15 times as long as one training. A warm
        start, and ``partial_fit``, keep the constant of the first call.
    loss : {"squared_error", "absolute_error", "huber", "quantile"}
        What is minimised. ``"squared_error"`` is half the square. ``"huber"`` is that up to ``delta``, and a line
        beyond.
    delta : float or "auto"
        Error from which on ``"huber"`` is a line, in the units of ``y``; ``"auto"`` is the standard deviation of ``y``.
    quantile : float
        The quantile that ``"quantile"`` estimates.
    monitor : {"loss", "mean_absolute_error", "mean_squared_error"}
        Number on the held-out rows that early stopping monitors.
    tol : float
        Minimum improvement, as a fraction of ``lipschitz_ · scale_``, or of its square.

    Attributes
    ----------
    lipschitz_ : float or ndarray of shape (n_outputs,)
        The constant of each target.
    lipschitz_path_ : dict of str to ndarray
        What ``"auto"`` tried: ``"lipschitz"``, and the ``"cost"`` of each on held-out rows, in standard deviations of
        the target (their squares, for squared losses). Empty for a stated constant.
    lipschitz_bound_ : float
        Proven upper bound of the Lipschitz constant of every prediction, in the norm and the tolerances of ``fit``: the
        largest of ``lipschitz_``, up to rounding.
    target_center_ : float or ndarray of shape (n_outputs,)
        Mean of the targets of the training rows.
    n_outputs_ : int
        Number of targets.
    n_features_in_ : int
        Number of columns seen in ``fit``; of images, the number of values of one.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if all of them were text.
    network_ : sklip.served.ServedNetwork
        The served network: predictions and bands use it and nothing else.
    history_ : dict of str to list of float
        ``loss``, ``mean_absolute_error`` and ``mean_squared_error``: one number per epoch, the mean over its batches,
        in the units of ``y``. With held-out rows, also the same names with ``val_`` before them. Several targets
        count in multiples of their constants.
    n_iter_ : int
        Number of epochs of the last ``fit``, plus those of ``partial_fit`` since then.
    norm_ : {2, 1, inf}
        Norm for which the network was trained.
    tolerances_ : ndarray of shape (n_features,) or None
        Tolerances for which it was trained, 0 for fixed columns; None if each column counts in its own unit.
    feature_weights_ : ndarray of shape (n_features,)
        Of a network trained for ``norm=inf``: how much a prediction changes at most with each column. Others have none.
    center_ : ndarray of shape (n_features,)
        Mean of the training rows; of images, flattened in C order.
    scale_ : float
        Root-mean-square Euclidean distance of the training rows to ``center_``, in tolerances if there are any. For
        ``norm=inf``, it is divided by the root of the number of columns that may change; fixed columns do not count.

    See Also
    --------
    LipschitzMLP : Classification with the same network.
    sklearn.linear_model.Ridge : A linear function whose constant is limited by a penalty.
    sklearn.neural_network.MLPRegressor : Networks without a constraint and without bands.

    Notes
    -----
    A constant below what the data need makes predictions too flat; a constant far above makes wide bands. For a linear
    function, the constant is the norm of its coefficients, which the ``alpha`` of ridge regression limits.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklip import LipschitzRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X = StandardScaler().fit_transform(X)
    >>> regressor = LipschitzRegressor(hidden_layer_sizes=(32, 16), lipschitz=40.0, epochs=20, random_state=0).fit(X, y)
    >>> lower, upper = regressor.certified_band(X, radius=0.1)
    >>> bool(((lower <= regressor.predict(X)) & (regressor.predict(X) <= upper)).all())
    True
    >>> bool(((upper - lower) <= 2 * 0.1 * 40.0 * (1 + 1e-9) + 1e-6).all())
    True
    """

    _parameter_constraints = {
        "lipschitz": [
            validation.Interval(Real, 0, None, closed="neither"),
            validation.StrOptions({"auto"}),
            "array-like",
        ],
        "loss": [validation.StrOptions({"squared_error", "absolute_error", "huber", "quantile"})],
        "delta": [validation.Interval(Real, 0, None, closed="neither"), validation.StrOptions({"auto"})],
        "quantile": [validation.Interval(Real, 0, 1, closed="neither")],
        "monitor": [validation.StrOptions({"loss", "mean_absolute_error", "mean_squared_error"})],
    }
    _fixed_parameters = {"class_weight": None, "epsilon": None}

    def __init__(
        self,
        *,
        lipschitz: float | ArrayLike | Literal["auto"] = "auto",
        loss: Literal["squared_error", "absolute_error", "huber", "quantile"] = "squared_error",
        delta: float | Literal["auto"] = "auto",
        quantile: float = 0.5,
        hidden_layer_sizes: int | Sequence[int] = (64, 64),
        activation: str = "groupsort2",
        model: "Architecture | Callable[[tuple[int, ...], int], keras.Model] | None" = None,
        input_shape: tuple[int, int, int] | None = None,
        augmentation: "keras.layers.Layer | None" = None,
        norm: 'Literal[1, 2, "l1", "l2", "inf"] | float' = 2,
        tolerances: ArrayLike | Mapping | None = None,
        monotonic_cst: ArrayLike | Mapping | None = None,
        optimizer: "str | keras.optimizers.Optimizer" = "adam",
        learning_rate: float = 0.02,
        learning_rate_schedule: Literal["cosine", "constant"] = "cosine",
        batch_size: int = 32,
        epochs: int = 60,
        dropout: float = 0.0,
        early_stopping: bool = False,
        monitor: Literal["loss", "mean_absolute_error", "mean_squared_error"] = "loss",
        validation_fraction: float | None = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        callbacks: "Sequence[keras.callbacks.Callback] | None" = None,
        backend: Literal["auto", "keras", "numpy"] = "auto",
        jit_compile: bool | Literal["auto"] = "auto",
        matmul_precision: Literal["tensorfloat32", "float32"] = "tensorfloat32",
        n_devices: int = 1,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        store_parameters(self, locals())

    @refuses_unknown_keywords
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train the network and prove its Lipschitz bound.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Training rows, in any units.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows. A weight of 0 is the same as leaving out the row.
        X_val : array-like of shape (n_held_out, n_features) or that of images, default=None
            Held-out rows, in the units of ``X``, on which early stopping measures progress.
        y_val : array-like of shape (n_held_out,) or (n_held_out, n_outputs), default=None
            Targets of the held-out rows.
        sample_weight_val : array-like of shape (n_held_out,), default=None
            Weights of the held-out rows.

        Returns
        -------
        self
            The fitted regressor.

        Raises
        ------
        ValueError, TypeError
            If parameters or data cannot be used; the regressor is left as it was.
        sklip.exceptions.TrainingDivergedError
            If training ends with weights that are not finite; the regressor is left as it was.
        RuntimeError, ModuleNotFoundError
            If training with Keras is impossible, as in :meth:`HKRClassifier.fit`.

        Warns
        -----
        sklip.exceptions.UnlikeScalesWarning, UnlikeHeldOutRowsWarning
            If rows are probably not in the right units.
        sklip.exceptions.UnlikeConstantWarning
            If a stated constant is probably not in the units of the data.
        sklearn.exceptions.ConvergenceWarning
            If the epochs ran out before early stopping ended the training, at a constant learning rate.
        """
        with self._training() as given:
            self._fit(given, X, y, sample_weight, (X_val, y_val, sample_weight_val))
        return self

    @refuses_unknown_keywords
    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Continue training for one epoch over these rows, at the constant learning rate.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows. Unless ``fit`` was called before, the rows of the first call determine ``center_``, ``scale_``,
            ``target_center_`` and ``lipschitz_`` for all later calls: ``"auto"`` chooses once.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.

        Returns
        -------
        self
            The fitted regressor.

        Raises
        ------
        ValueError, TypeError
            If parameters or data cannot be used; the regressor is left as it was.
        RuntimeError, ModuleNotFoundError
            As in ``fit``.
        """
        with self._training() as given:
            self._fit_one_epoch(given, X, y, sample_weight, not hasattr(self, "network_"))
        return self

    def _check_parameters(self):
        given = super()._check_parameters()
        if not isinstance(given.lipschitz, str):
            given.lipschitz = np.asarray(given.lipschitz, np.float64)
            if not (np.isfinite(given.lipschitz) & (given.lipschitz > 0)).all() or given.lipschitz.ndim > 1:
                raise ValueError(f"The 'lipschitz' parameter must hold positive numbers; got {self.lipschitz!r}.")
        return given

    def _loss_of_training(self, given, unit):
        losses = given.engine.losses()
        if given.loss == "huber":
            delta = float(self._target_spread.mean()) if given.delta == "auto" else float(given.delta)
            return losses.Huber(delta / unit)
        if given.loss == "quantile":
            return losses.Pinball(float(given.quantile))
        return losses.SquaredError() if given.loss == "squared_error" else losses.AbsoluteError()

    def _advise(self, given, rows):
        if not isinstance(given.lipschitz, str):
            advice.advise_on_constant(self._constants, self._target_spread, self.scale_)
