"""What attacks, displays and scorers ask of a whole estimator: decisions with radii, and the columns that may move."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from sklip._stack_level import users_line
from sklip.certification import Question
from sklip.exceptions import FixedColumnsWarning, NotLipschitzError
from sklip.pipelines._arguments import as_rows as as_rows
from sklip.pipelines._arguments import check_fixed, column_labels, constants_of
from sklip.pipelines._in_place import head
from sklip.pipelines._in_place import predictions as predictions
from sklip.pipelines._kept_plans import plan_of
from sklip.pipelines._refusals import refuse
from sklip.pipelines._run import Decision, Run
from sklip.rows.movable import MovableColumns
from sklip.rows.tolerances import norm_of, tolerances_of


@dataclass(frozen=True, eq=False)
class Trace:
    """What a fitted estimator decides for rows, and what may move.

    Attributes
    ----------
    rows : array, DataFrame or sparse matrix of shape (n_rows, n_columns)
        As the steps get them.
    labels : list
        Names of the columns; positions, for an array.
    norm : {1, 2, inf}
        In which displacements are measured.
    tolerances : ndarray of shape (n_columns,)
        Units of the displacement of each column; 0 for one that is held fixed, by the user or by an encoder.
    is_trained : bool
        Whether the question is the one for which the classifier was trained, which gets the rows as they are.
    is_stated : bool
        Whether the user stated the constant of a step: then there are no gradients.
    decision : sklip.pipelines._run.Decision
        Classes, radii, and margins with their gradients.
    """

    rows: Any
    labels: list
    norm: float
    tolerances: np.ndarray
    is_trained: bool
    is_stated: bool
    decision: Decision

    def columns(self, *, keep_integers: bool = False) -> MovableColumns:
        """The columns of numbers that may move; with ``keep_integers``, integers are placed in their own types.

        Raises
        ------
        ValueError
            If there is none.
        """
        return MovableColumns.of(self.rows, self.tolerances, keep_integers=keep_integers)


def trace(estimator: Any, X: Any, *, norm: Any = None, tolerances: Any = None, step_lipschitz: Any = None) -> Trace:
    """Return the decisions of a fitted estimator; parameters and errors are those of :func:`sklip.certified_radius`.

    Parameters
    ----------
    estimator : fitted estimator
    X : array-like, DataFrame or sparse matrix of shape (n_rows, n_columns) or (n_rows, height, width, channels)
    norm : {1, 2, inf, "l1", "l2", "inf"} or None, default=None
    tolerances : float, array-like, mapping or None, default=None
    step_lipschitz : mapping of str to float or None, default=None

    Returns
    -------
    Trace

    Warns
    -----
    sklip.exceptions.FixedColumnsWarning
        When a column moves that was fixed in the training.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklip import HKRClassifier
    >>> from sklip.pipelines.trace import trace
    >>> X, y = make_moons(100, noise=0.05, random_state=0)
    >>> classifier = HKRClassifier(hidden_layer_sizes=(16,), epochs=2, random_state=0)
    >>> traced = trace(make_pipeline(StandardScaler(), classifier).fit(X, y), X[:5], tolerances=[1.0, 0.0])
    >>> traced.columns().positions.tolist(), traced.decision.radii.shape
    ([0], (5,))
    """
    if isinstance(estimator, type):
        raise TypeError(f"estimator must be a fitted estimator; got the class {estimator.__name__}.")
    X = as_rows(X, estimator)
    labels = column_labels(X)
    asked = None if norm is None else norm_of(norm), None if tolerances is None else tolerances_of(tolerances, labels)
    constants = constants_of(step_lipschitz)
    run, decision, trained = _decided(estimator, X, asked, constants)
    check_fixed(tolerances, run.tolerances if asked[1] is None else asked[1], labels, run.plan.fixed)
    _check(estimator, X, decision)
    unused = constants.keys() - run.plan.stated
    if unused:
        raise ValueError(
            f"step_lipschitz names {sorted(unused)}, and the estimator has no step of that name that needs a constant. "
            "Steps are named 'step' or 'step__inner', from the pipeline or the vote on."
        )
    if decision.moves_fixed:
        warnings.warn(
            "The question moves columns that were fixed in the training, so the radii are proven, but small. Give "
            "these columns the tolerance 0, or train with a tolerance for them.",
            FixedColumnsWarning,
            stacklevel=users_line(),
        )
    is_trained = Question(run.norm, run.tolerances).key == Question(trained.norm, _units(trained, X)).key
    return Trace(X, labels, run.norm, run.tolerances, is_trained, bool(run.plan.stated), decision)


def _units(question, X):
    """The tolerances of a question; ones where each column counts in its own unit."""
    return np.ones(X.shape[1]) if question.tolerances is None else question.tolerances


def _decided(estimator, X, asked, constants):
    """The run, the decision, and the question of the training, of which come the norm and tolerances not asked for.

    Rows that the estimator does not take are refused in the words of its ``predict``.
    """
    try:
        plan, parts, is_unchanged = plan_of(estimator, X, constants)
        trained = plan.end.trained_question(parts)
        norm = trained.norm if asked[0] is None else asked[0]
        run = Run.of(plan, parts, norm, _units(trained, X) if asked[1] is None else asked[1])
        decision = plan.end.decide(run.begin(X), run)
        run.publish(is_unchanged)
        return run, decision, trained
    except (NotLipschitzError, NotFittedError):
        raise
    except Exception as error:
        failure = error
    predictions(estimator, X)
    raise failure


def _check(estimator, X, decision):
    """Raise unless the first rows with a radius are predicted as expected: an estimator may be of an unknown kind."""
    predicted = np.asarray(estimator.predict(head(X)))
    expected = np.asarray(decision.classes)[decision.class_indices[:8]]
    if (predicted != expected)[decision.radii[:8] > 0].any():
        refuse(estimator, "does not predict what sklip expects of it")
