"""What attacks, displays and scorers ask of a whole estimator: decisions with radii, and the columns that may move."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklip.certification import Question
from sklip.pipelines._arguments import as_rows as as_rows
from sklip.pipelines._asking import advise_on_fixed, ask, rows_of, units_of
from sklip.pipelines._decisions import read
from sklip.pipelines._in_place import head
from sklip.pipelines._in_place import predictions as predictions
from sklip.pipelines._refusals import refuse
from sklip.pipelines._run import Decision
from sklip.rows.movable import MovableColumns


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
    X = rows_of(estimator, X)
    answer = ask(
        estimator, X, norm, tolerances, step_lipschitz, read=read, find=lambda end, batch, run: end.decide(batch, run)
    )
    run, decision, trained = answer.run, answer.found, answer.trained
    _check(estimator, X, decision)
    answer.check_constants()
    if decision.moves_fixed:
        advise_on_fixed("the radii are proven, but small")
    is_trained = Question(run.norm, run.tolerances).key == Question(trained.norm, units_of(trained, X)).key
    return Trace(X, answer.labels, run.norm, run.tolerances, is_trained, bool(run.plan.stated), decision)


def _check(estimator, X, decision):
    """Raise unless the first rows with a radius are predicted as expected: an estimator may be of an unknown kind."""
    predicted = np.asarray(estimator.predict(head(X)))
    expected = np.asarray(decision.classes)[decision.class_indices[:8]]
    if (predicted != expected)[decision.radii[:8] > 0].any():
        refuse(estimator, "does not predict what sklip expects of it")
