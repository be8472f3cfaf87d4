"""The public question: how far the raw columns may move before the estimator predicts another class."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing

from sklip.estimators._remoteness import FarRows
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._decisions import Decision, decide
from sklip.pipelines._point import Question, start

Norm = Literal[1, 2] | float


class CertifiedRadii(np.ndarray):
    """Radii of rows: an array of shape (n_rows,), float64, that knows what it is about.

    Slices know it, too; what is computed from radii is a plain array. Read-only.

    Parameters
    ----------
    radii : array-like of shape (n_rows,)
    norm : {1, 2, inf}, default=2
        In which displacements are measured.
    fixed_columns : tuple, default=()
        Names (positions, for arrays) of the raw columns that are held fixed: categories, and those of tolerance 0. The
        radius is about the others.
    lipschitz_bound : float or None, default=None
        Proven bound of the change of every score per unit of displacement; None for votes, which have no score.

    Examples
    --------
    >>> from sklip import CertifiedRadii
    >>> radii = CertifiedRadii([0.5, 0.25], norm=1, fixed_columns=("sex",))
    >>> radii
    CertifiedRadii([0.5 , 0.25], norm=1, fixed_columns=('sex',))
    >>> radii[:1].fixed_columns, (2 * radii).tolist()
    (('sex',), [1.0, 0.5])
    """

    norm: float
    fixed_columns: tuple
    lipschitz_bound: float | None

    def __new__(
        cls,
        radii: ArrayLike,
        *,
        norm: float = 2.0,
        fixed_columns: tuple = (),
        lipschitz_bound: float | None = None,
    ) -> "CertifiedRadii":
        made = np.array(radii, dtype=np.float64).view(cls)
        made.flags.writeable = False  # what is changed certifies nothing
        made.norm, made.fixed_columns, made.lipschitz_bound = float(norm), fixed_columns, lipschitz_bound
        return made

    def __array_finalize__(self, source):
        for name, missing in (("norm", 2.0), ("fixed_columns", ()), ("lipschitz_bound", None)):
            setattr(self, name, getattr(source, name, missing))

    def __array_wrap__(self, array, context=None, return_scalar=False):
        return array[()] if return_scalar else np.asarray(array)

    def astype(self, *arguments: Any, **options: Any) -> np.ndarray:
        """Return a plain array: rounded up, it certifies nothing."""
        return np.asarray(self).astype(*arguments, **options)

    def __reduce__(self):
        build, arguments, state = super().__reduce__()
        return build, arguments, (state, self.norm, self.fixed_columns, self.lipschitz_bound)

    def __setstate__(self, state):
        state, self.norm, self.fixed_columns, self.lipschitz_bound = state
        super().__setstate__(state)

    def __repr__(self):
        held = f", fixed_columns={self.fixed_columns!r}" if self.fixed_columns else ""
        return f"CertifiedRadii({np.array2string(np.asarray(self), separator=', ')}, norm={self.norm:g}{held})"


def certified_radius(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    norm: Norm = 2,
    tolerances: ArrayLike | Mapping | None = None,
    step_lipschitz: Mapping[str, float] | None = None,
) -> CertifiedRadii:
    """Distance that each row may move, in the units of its raw columns, without a change of ``predict``.

    Works on what is really deployed: a pipeline with its scalers, a search, a tuned threshold, a vote. Affine steps
    are multiplied into the first layer of the network, so that the bound is the norm of the product and not a product
    of norms; their rounding is part of the certificate.

    Parameters
    ----------
    estimator : fitted estimator
        :class:`sklip.HKRClassifier`, :class:`sklip.LipschitzMLP`, or one of these

        - at the end of a ``Pipeline`` of ``StandardScaler``, ``MinMaxScaler``, ``MaxAbsScaler``, ``RobustScaler``,
          ``PCA``, ``IncrementalPCA``, ``TruncatedSVD``, ``VarianceThreshold``, ``SelectKBest``, every other selector,
          ``SimpleImputer`` (for complete rows), ``ColumnTransformer``, ``FeatureUnion``, pipelines of these,
          ``"passthrough"`` and ``FunctionTransformer()``;
        - in a search (its best estimator) or a ``FrozenEstimator``;
        - in a ``FixedThresholdClassifier`` or ``TunedThresholdClassifierCV`` on ``decision_function``, or a
          ``CalibratedClassifierCV`` of two classes with ``method="sigmoid"`` and ``ensemble=False``;
        - as the members of a ``VotingClassifier`` with ``voting="hard"``: the radius in which the majority holds.
    X : array-like, DataFrame or sparse matrix of shape (n_rows, n_columns)
        Rows, as for ``estimator.predict``.
    norm : {1, 2, inf}, default=2
        In which displacements are measured: the sum of the changes of all columns, their Euclidean length, the
        largest.
    tolerances : array-like of shape (n_columns,), mapping or None, default=None
        A tolerance for each column: a displacement of column ``j`` counts as ``(x′_j − x_j) / scale_j``, so that the
        radius is in tolerances. 0 holds a column fixed; a mapping from names to tolerances holds those fixed that it
        does not name. None: every column in its own unit.
    step_lipschitz : mapping of str to float or None, default=None
        Lipschitz constants of steps that sklip does not know, by their names (``"step"``, ``"step__inner"``): for the
        Euclidean norms of the step's input and output, its rounding included. The certificate is as true as they are.

    Returns
    -------
    CertifiedRadii of shape (n_rows,), float64
        Rounded down. Every row strictly inside, of the dtypes of ``X`` or of float64, is predicted as the row is.
        (Integers beyond 2⁵³ and longer floats are rounded to float64 first: it is then that row.)
        Columns that an encoder in a ``ColumnTransformer`` takes are held fixed (``fixed_columns``).

    Raises
    ------
    NotLipschitzError
        For a step or an estimator without a known constant, by its name, and what would work; for rows with missing
        values.
    ValueError
        For a norm, tolerances or constants that make no sense, and for rows that the estimator refuses.
    sklearn.exceptions.NotFittedError
        Before ``fit``.

    Warns
    -----
    sklip.exceptions.FarFromTrainingWarning
        When a row, as the classifier sees it, is more than three times as far out as any of its training rows.

    See Also
    --------
    sklip.audit : Attacks the same estimator, inside its radii and beyond.
    sklip.HKRClassifier.certified_radius : The radius in the units in which the classifier gets its rows.

    Notes
    -----
    With ``norm=2`` and a bare classifier this is its ``certified_radius``. The radius for ``norm=1`` is at least as
    large, that for ``norm=inf`` at most: they use the operator norm that belongs to them.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklip import HKRClassifier, certified_radius
    >>> data = load_breast_cancer(as_frame=True)
    >>> model = make_pipeline(StandardScaler(), HKRClassifier(hidden_layer_sizes=(16,), epochs=10, random_state=0))
    >>> model = model.fit(data.data, data.target)
    >>> tolerances = {"mean radius": 0.1, "mean texture": 0.2}
    >>> radii = certified_radius(model, data.data, norm=float("inf"), tolerances=tolerances)
    >>> bool((radii >= 0).all()), len(radii.fixed_columns)
    (True, 28)
    """
    decision, question, labels = answer(estimator, X, norm, tolerances, step_lipschitz)
    far = FarRows(len(decision.radii))
    far.see(0, question.remoteness)
    far.advise()
    fixed = tuple(label for label, unit in zip(labels, question.tolerances, strict=True) if unit == 0)
    return CertifiedRadii(decision.radii, norm=question.norm, fixed_columns=fixed, lipschitz_bound=decision.lipschitz)


def answer(estimator, X, norm, tolerances, step_lipschitz) -> tuple[Decision, Question, list]:
    """The decision of an estimator on rows, what was asked in the end, and the names of the raw columns."""
    X = as_rows(X)
    if isinstance(estimator, type):
        raise TypeError(f"estimator must be a fitted estimator; got the class {estimator.__name__}.")
    labels = list(X.columns) if hasattr(X, "columns") else list(range(X.shape[1]))
    question = Question(_norm(norm), _tolerances(tolerances, labels), _constants(step_lipschitz))
    if X.shape[0] > 1:  # One row tells which columns encoders hold fixed.
        _ask(estimator, _safe_indexing(X, [0]), question)
    decision = _ask(estimator, X, question)
    _check(estimator, X, decision)
    unused = set(question.constants) - question.stated
    if unused:
        raise ValueError(
            f"step_lipschitz names {sorted(unused)}, and the estimator has no step of that name that needs a constant. "
            "Steps are named 'step' or 'step__inner', from the pipeline or the vote on."
        )
    return decision, question, labels


def as_rows(X):
    """Rows as something that has a shape and can be indexed; lists become arrays."""
    if not hasattr(X, "shape"):
        array = np.asarray(X)
        X = np.asarray(X, dtype=object) if array.dtype.kind in "US" else array  # text beside numbers
    if len(X.shape) != 2:
        raise ValueError(f"X must have two dimensions, rows and columns; got shape {tuple(X.shape)}.")
    return _one_entry_per_place(X) if sparse.issparse(X) else X


def _one_entry_per_place(X):
    """Sparse rows as csr or csc; entries stored in parts would be rounded part by part."""
    compressed = X if X.format in ("csr", "csc") else X.tocsr()  # which adds up the parts that a coo matrix has
    stored = X if X.format == "coo" else compressed
    if not stored.has_canonical_format:
        merged = stored.copy()
        merged.sum_duplicates()
        if merged.nnz != stored.nnz:
            raise ValueError("X stores entries of one place in several parts. Call X.sum_duplicates() first.")
    return compressed


def _check(estimator, X, decision):
    """Raise unless the first rows with a radius are predicted as was thought: an estimator may be of a kind unknown."""
    first = np.arange(min(8, X.shape[0]))
    predicted = np.asarray(estimator.predict(_safe_indexing(X, first)))
    thought = np.asarray(decision.classes)[decision.codes[first]]
    if (predicted != thought)[decision.radii[first] > 0].any():
        raise NotLipschitzError(f"{type(estimator).__name__} does not predict what sklip expects of it.")


def _ask(estimator, X, question):
    """Decide, again as long as more columns turn out to be fixed."""
    while True:
        fixed = list(question.encoded)
        question.tolerances[fixed], question.remoteness = 0.0, 0.0
        decision = decide(estimator, start(X, question), (), question)
        if len(question.encoded) == len(fixed):
            return decision


def _norm(norm):
    if isinstance(norm, bool) or norm not in (1, 2, np.inf):
        raise ValueError(f"norm must be 1, 2 or inf; got {norm!r}.")
    return norm


def _tolerances(tolerances, labels):
    """Tolerances as an array of shape (n_columns,)."""
    if tolerances is None:
        return np.ones(len(labels))
    if hasattr(tolerances, "items"):  # a mapping, a pandas Series
        given = dict(tolerances.items())
        strangers = [name for name in given if name not in labels]
        if strangers:
            raise ValueError(f"tolerances names columns that X does not have: {strangers}.")
        tolerances = [given.get(label, 0.0) for label in labels]
    units = np.array(tolerances, dtype=np.float64)
    if units.shape != (len(labels),):
        raise ValueError(
            f"tolerances must hold a tolerance for each of the {len(labels)} columns of X; got shape {units.shape}."
        )
    if not (np.isfinite(units).all() and (units >= 0).all() and units.any()):
        raise ValueError("tolerances must hold finite tolerances of 0 or more, not all 0.")
    return units


def _constants(step_lipschitz):
    if not isinstance(step_lipschitz, Mapping | None):
        raise TypeError(f"step_lipschitz must map names of steps to their constants; got {step_lipschitz!r}.")
    constants = dict(step_lipschitz or {})
    for name, constant in constants.items():
        if not (isinstance(constant, Real) and np.isfinite(constant) and constant >= 0):
            raise ValueError(f"step_lipschitz[{name!r}] must be a finite number of 0 or more; got {constant!r}.")
    return {name: float(constant) for name, constant in constants.items()}
