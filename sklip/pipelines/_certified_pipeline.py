"""CertifiedPipeline: a pipeline whose network is trained for a question about the raw columns."""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from sklip._labels import check_labels, read_labels
from sklip._overrides import refuse_overrides
from sklip.certification import Question
from sklip.estimators._validation import unchanged_on_error
from sklip.rows.containers import as_rows_container
from sklip.rows.tolerances import norm_of

if TYPE_CHECKING:
    from sklip.pipelines._certified_radii import CertifiedRadii

# The modules that read pipelines know this class, so its methods import them late.


def _classifier_has(name):
    """Return a check of whether the classifier has a method; the error says why not."""

    def check(self):
        return getattr(self._classifier, name) is not None

    return check


class CertifiedPipeline(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Pipeline whose network is trained for a question about the raw columns.

    In a pipeline, a classifier sees only what the steps before it make. This estimator asks the whole pipeline: it fits
    the steps, finds out how each column behind them comes from a raw column, and trains the classifier for the same
    question in these columns. So the proven constant of the whole pipeline is 1 in the norm and the tolerances of the
    raw columns.

    Parameters
    ----------
    estimator : Pipeline, HKRClassifier or LipschitzMLP
        A pipeline that ends in one of these classifiers, or in a pipeline of this kind. Before the classifier may be
        scalers, ``SimpleImputer``, selectors, ``"passthrough"``, ``FunctionTransformer()``, encoders in a
        ``ColumnTransformer``, and a ``ColumnTransformer``, ``FeatureUnion`` or ``Pipeline`` of all these. The
        classifier keeps its defaults of ``norm``, ``tolerances`` and ``monotonic_cst``.
    norm : {2, 1, inf, "l2", "l1", "inf"}, default=2
        In which changes of the raw columns are measured: their Euclidean length, their sum, the largest of them.
    tolerances : float, array-like of shape (n_features,), mapping or None, default=None
        A tolerance for each raw column: its change counts as a multiple of it. A mapping, or a Series of pandas, goes
        by the names of the columns, and holds those fixed that it does not name; so does a tolerance of 0. One number
        is for all columns that may move, and None is 1.0: each column counts in its own unit. Columns that an encoder
        takes are always held fixed.
    monotonic_cst : array-like of int of shape (n_features,), dict of str to int or None, default=None
        1 for raw columns with which the score never falls, −1 for those with which it never rises, and 0 for others.
        A dict goes by the names of the columns, and the others get 0. Only for two classes.

    Attributes
    ----------
    estimator_ : Pipeline, HKRClassifier or LipschitzMLP
        The fitted pipeline, an ordinary one. It predicts the same without this estimator.
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    n_features_in_ : int
        Number of raw columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the raw columns, if all of them were text.
    norm_ : {2, 1, inf}
        Norm of the question.
    tolerances_ : ndarray of shape (n_features,)
        Tolerances of all raw columns; 0 for columns that are held fixed.
    fixed_columns_ : list
        Names of the raw columns that are held fixed, by a tolerance of 0, a mapping that does not name them, or an
        encoder; positions, if the columns have no names.
    lipschitz_bound_ : float
        Proven bound of the change of every score per unit of change in the raw question, of the whole pipeline.

    See Also
    --------
    sklip.certified_radius : Radii of pipelines, in any question. Of this estimator, by default in that of ``fit``.
    sklip.HKRClassifier : Trains for a question about the columns that it gets.

    Notes
    -----
    A column behind the steps is ``a x + c`` for a raw column ``x``. If ``x`` has the tolerance ``t``, the classifier is
    trained for the tolerance ``|a| t``. If ``k`` columns come from ``x``, their tolerances are ``√k`` times as large
    for ``norm=2``, and ``k`` times for ``norm=1``, so that a change of ``x`` is no larger behind the steps. Columns
    that come from fixed ones, such as encoded categories, and indicators of missing values get the tolerance 0. A
    direction is that of ``x`` times the sign of ``a``. Steps that mix columns, such as ``PCA``, leave no such column,
    and are refused.

    Lengths among the parameters of the classifier, such as ``min_margin`` and ``epsilon``, are in the raw tolerances.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklip import CertifiedPipeline, HKRClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> classifier = HKRClassifier(hidden_layer_sizes=(16,), epochs=10, backend="numpy", random_state=0)
    >>> rulers = {"petal length (cm)": 0.1, "petal width (cm)": 0.1}  # the sepals do not change
    >>> model = CertifiedPipeline(make_pipeline(StandardScaler(), classifier), norm="inf", tolerances=rulers).fit(X, y)
    >>> model.fixed_columns_
    ['sepal length (cm)', 'sepal width (cm)']
    >>> bool(abs(model.lipschitz_bound_ - 1) < 1e-9)
    True
    >>> model.certified_radius(X[:3]).shape  # in millimetres, for both columns at once
    (3,)
    """

    def __init__(
        self,
        estimator: Any,
        *,
        norm: 'Literal[1, 2, "l1", "l2", "inf"] | float' = 2,
        tolerances: ArrayLike | Mapping | None = None,
        monotonic_cst: ArrayLike | Mapping | None = None,
    ):
        self.estimator = estimator
        self.norm = norm
        self.tolerances = tolerances
        self.monotonic_cst = monotonic_cst

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Fit the steps, translate the question, and train the classifier for it.

        Parameters
        ----------
        X : array-like, DataFrame or sparse matrix of shape (n_rows, n_features)
            Raw training rows.
        y : array-like of shape (n_rows,)
            Class labels: numbers, text or booleans.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows, for the classifier. If metadata routing is enabled, the steps that request it get it,
            too.
        X_val : array-like, DataFrame or sparse matrix of shape (n_held_out, n_features), default=None
            Held-out rows for the classifier, raw as ``X``: the fitted steps transform them.
        y_val : array-like of shape (n_held_out,), default=None
            Labels of the held-out rows.
        sample_weight_val : array-like of shape (n_held_out,), default=None
            Weights of the held-out rows.
        **params : dict
            Parameters of the ``fit`` of steps, as ``step__parameter``.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If parameters or data cannot be used; the estimator is left as it was.
        NotLipschitzError
            For a step that mixes columns, or has no constant that sklip knows, by its name.

        Warns
        -----
        sklip.exceptions.UnlikeScalesWarning
            If there are no tolerances, and the raw columns have very different units.
        sklip.exceptions.TrainingInterruptedWarning
            And all other warnings of the ``fit`` of the classifier.
        """
        from sklip.pipelines import _fitting as fitting
        from sklip.pipelines._in_place import head
        from sklip.pipelines._translation import advise_on_units, directions_of, translation
        from sklip.pipelines.trace import trace

        with unchanged_on_error(self):
            norm = norm_of(self.norm)
            fitting.refuse_own_question(fitting.classifier_of(self.estimator))
            raw_rows = self._rows(X, reset=True)
            y = check_labels(y, raw_rows.shape[0])
            directions = directions_of(self)
            estimator = clone(self.estimator)
            rows = fitting.fit_steps(estimator, raw_rows, y, sample_weight, params)
            translated = translation(estimator, raw_rows, norm, self.tolerances, directions)
            question = {"norm": norm, "tolerances": translated.tolerances}
            if translated.directions.any():
                question["monotonic_cst"] = translated.directions
            classifier = fitting.classifier_of(estimator).set_params(**question)
            given = {"sample_weight": sample_weight, "y_val": y_val, "sample_weight_val": sample_weight_val}
            if X_val is not None:
                given["X_val"] = fitting.transform(estimator, self._rows(X_val, name="X_val"))
            classifier.fit(rows, y, **{name: value for name, value in given.items() if value is not None})
            if self.tolerances is None:
                advise_on_units(rows, translated)
            self.estimator_, self.classes_ = estimator, classifier.classes_
            self.norm_, self.tolerances_ = norm, translated.raw_tolerances
            self.fixed_columns_ = [translated.labels[column] for column in np.flatnonzero(self.tolerances_ == 0)]
            self._sources = translated.sources
            self.lipschitz_bound_ = trace(self, head(raw_rows)).decision.lipschitz
        return self

    def _rows(self, X, *, reset=False, name="X"):
        """Raw rows, in a container with a shape, with the columns of ``fit``."""
        X = as_rows_container(X, name, widen=False)
        shape = X.shape if hasattr(X, "shape") else np.shape(X)
        if len(shape) != 2:
            raise ValueError(
                f"{name} must have two dimensions, rows and columns; got shape {tuple(shape)}. Reshape your data: "
                f"{name}.reshape(1, -1) is one row, and {name}.reshape(-1, 1) is one column."
            )
        if getattr(getattr(X, "dtype", None), "kind", "") == "c":
            raise ValueError(f"Input {name}: Complex data not supported. Give real and imaginary parts as columns.")
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _answer(self, name, X):
        """The result of a method of the fitted pipeline."""
        check_is_fitted(self)
        return getattr(self.estimator_, name)(self._rows(X))

    @property
    def _question(self) -> Question:
        """The question for which the pipeline was trained."""
        return Question(self.norm_, self.tolerances_)

    @property
    def _classifier(self):
        """The classifier at the end, fitted if the pipeline is."""
        from sklip.pipelines._fitting import classifier_of

        return classifier_of(getattr(self, "estimator_", self.estimator))

    @property
    def feature_weights_(self) -> np.ndarray:
        """How much each raw column counts, of shape (n_features_in_,); only if the classifier has ``feature_weights_``.

        A change of column ``j`` by one tolerance moves a score by at most ``feature_weights_[j]``. It is the Euclidean
        norm of the weights of the columns that come from ``j``, their sum if ``j`` has a direction, and 0 for columns
        that are held fixed.
        """
        check_is_fitted(self)
        classifier, moves = self._classifier, self._sources >= 0
        weights, sources = classifier.feature_weights_[moves], self._sources[moves]
        directions = getattr(classifier, "monotonic_cst", None)
        # A linear function is added for directions, whose weights add up.
        powers = np.full(len(weights), 2) if directions is None else np.where(directions[moves] == 0, 2, 1)
        sums = np.bincount(sources, weights**powers, minlength=self.n_features_in_)
        sums[sources[powers == 2]] **= 0.5
        return sums

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict class labels.

        Parameters
        ----------
        X : array-like, DataFrame or sparse matrix of shape (n_rows, n_features)
            Raw rows.

        Returns
        -------
        ndarray of shape (n_rows,)
            Labels.
        """
        return self._answer("predict", X)

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Scores of the classifier.

        Parameters
        ----------
        X : array-like, DataFrame or sparse matrix of shape (n_rows, n_features)
            Raw rows.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes), float64
            Each changes by at most ``lipschitz_bound_`` times the change of a row, in the norm and the tolerances of
            ``fit``.
        """
        return self._answer("decision_function", X)

    @available_if(_classifier_has("predict_proba"))
    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Probabilities of the classes, if the classifier has them.

        Parameters
        ----------
        X : array-like, DataFrame or sparse matrix of shape (n_rows, n_features)
            Raw rows.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Probabilities, in the order of ``classes_``.
        """
        return self._answer("predict_proba", X)

    @available_if(_classifier_has("predict_log_proba"))
    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Logarithms of the probabilities, if the classifier has them.

        Parameters
        ----------
        X : array-like, DataFrame or sparse matrix of shape (n_rows, n_features)
            Raw rows.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Logarithms, in the order of ``classes_``.
        """
        return self._answer("predict_log_proba", X)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Accuracy: the share of the rows that are predicted right.

        Parameters
        ----------
        X : array-like, DataFrame or sparse matrix of shape (n_rows, n_features)
            Raw rows.
        y : array-like of shape (n_rows,)
            True labels of the rows.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.

        Returns
        -------
        float
            Accuracy, from 0 to 1.
        """
        return super().score(X, read_labels(y), sample_weight)

    def certified_radius(self, X: ArrayLike) -> "CertifiedRadii":
        """Distance that each row may move without a change of its prediction, in the question of ``fit``.

        Parameters
        ----------
        X : array-like, DataFrame or sparse matrix of shape (n_rows, n_features)
            Raw rows.

        Returns
        -------
        CertifiedRadii of shape (n_rows,), float64
            What :func:`sklip.certified_radius` returns for this estimator, which answers in other norms and tolerances,
            too.
        """
        from sklip.pipelines._radius import certified_radius

        return certified_radius(self, X)

    def _labels_and_radii(self, X):
        """``predict`` and ``certified_radius`` from one forward pass."""
        from sklip.pipelines.trace import trace

        refuse_overrides(self, CertifiedPipeline)
        decision = trace(self, X).decision
        return np.asarray(decision.classes)[decision.class_indices], decision.radii

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        with suppress(AttributeError, TypeError, ValueError):  # of something that is no estimator, which fit refuses
            tags.input_tags = get_tags(self.estimator).input_tags
        return tags
