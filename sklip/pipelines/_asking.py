"""A question about raw rows to a fitted estimator: arguments are checked, and the end of its plan answers."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from sklip._stack_level import users_line
from sklip.certification import Question
from sklip.exceptions import FixedColumnsWarning, NotLipschitzError
from sklip.pipelines._arguments import as_rows, check_fixed, column_labels, constants_of
from sklip.pipelines._in_place import predictions
from sklip.pipelines._kept_plans import plan_of
from sklip.pipelines._run import Run
from sklip.rows.tolerances import norm_of, tolerances_of


@dataclass(frozen=True, eq=False)
class Answer:
    """What the end of a plan says of rows.

    Attributes
    ----------
    labels : list
        Names of the columns; positions, for an array.
    run : Run
    trained : Question
        For which the estimator was trained.
    found : object
        What the end returned.
    unused : list of str
        Names of stated constants that no step has.
    """

    labels: list
    run: Run
    trained: Question
    found: Any
    unused: list[str]

    def check_constants(self) -> None:
        """Raise for a stated constant that no step has."""
        if self.unused:
            raise ValueError(
                f"step_lipschitz names {self.unused}, and the estimator has no step of that name that needs a "
                "constant. Steps are named 'step' or 'step__inner', from the pipeline or the vote on."
            )


def rows_of(estimator: Any, X: Any) -> Any:
    """Rows as the steps of an estimator get them."""
    if isinstance(estimator, type):
        raise TypeError(f"estimator must be a fitted estimator; got the class {estimator.__name__}.")
    return as_rows(X, estimator)


def ask(
    estimator: Any, X: Any, norm: Any, tolerances: Any, step_lipschitz: Any, *, read: Callable, find: Callable
) -> Answer:
    """Read an estimator, or take the plan that is kept of it, and let its end answer.

    Parameters
    ----------
    estimator : fitted estimator
    X : array, frame or sparse matrix of shape (n_rows, n_columns)
        What :func:`rows_of` returns.
    norm, tolerances, step_lipschitz : object
        As in :func:`sklip.certified_radius`.
    read : callable
        :func:`sklip.pipelines._decisions.read`, or what reads other estimators into plans.
    find : callable
        From the end of the plan, the raw rows as a batch and the run to the answer.
    """
    labels = column_labels(X)
    asked = None if norm is None else norm_of(norm), None if tolerances is None else tolerances_of(tolerances, labels)
    constants = constants_of(step_lipschitz)
    run, found, trained = _found(estimator, X, asked, constants, read, find)
    check_fixed(tolerances, run.tolerances if asked[1] is None else asked[1], labels, run.plan.fixed)
    return Answer(labels, run, trained, found, sorted(constants.keys() - run.plan.stated))


def units_of(question: Question, X: Any) -> np.ndarray:
    """The tolerances of a question; ones where each column counts in its own unit."""
    return np.ones(X.shape[1]) if question.tolerances is None else question.tolerances


def advise_on_fixed(answer: str) -> None:
    """Warn that the question moves columns that were fixed in the training, and what the answer is like."""
    warnings.warn(
        f"The question moves columns that were fixed in the training, so {answer}. Give these columns the tolerance 0, "
        "or train with a tolerance for them.",
        FixedColumnsWarning,
        stacklevel=users_line(),
    )


def _found(estimator, X, asked, constants, read, find):
    """The run, the answer, and the question of the training, of which come the norm and tolerances not asked for.

    Rows that the estimator does not take are refused in the words of its ``predict``.
    """
    try:
        plan, parts, is_unchanged = plan_of(estimator, X, constants, read)
        trained = plan.end.trained_question(parts)
        norm = trained.norm if asked[0] is None else asked[0]
        run = Run.of(plan, parts, norm, units_of(trained, X) if asked[1] is None else asked[1])
        found = find(plan.end, run.begin(X), run)
        run.publish(is_unchanged)
        return run, found, trained
    except (NotLipschitzError, NotFittedError):
        raise
    except Exception as error:
        failure = error
    predictions(estimator, X)
    raise failure
