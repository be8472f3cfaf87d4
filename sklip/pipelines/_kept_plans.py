"""Plans are kept between calls, as long as the estimator lives and nothing in it changes."""

from collections.abc import Callable
from contextlib import suppress
from weakref import WeakKeyDictionary, ref

from sklip.pipelines._decisions import read
from sklip.pipelines._run import Plan
from sklip.pipelines._state import state_of

MOST_PLANS = 8  # of an estimator that are kept, for rows of different columns and for different constants
# By estimator: its state, and plans by columns and constants, with weak references to the parts that they name.
_kept_plans: WeakKeyDictionary = WeakKeyDictionary()


def plan_of(estimator, X, constants: dict[str, float], read: Callable = read) -> tuple[Plan, tuple, Callable[[], bool]]:
    """Return what :func:`sklip.pipelines._decisions.read` returns: kept from an earlier call, or read now.

    Another ``read`` reads other estimators, and its plans are kept apart.

    The third result says whether the estimator is still what it was, so that more may be kept of it.

    A plan is kept for the columns of the rows and the stated constants, under all attributes of the estimator and of
    what it holds: see :func:`sklip.pipelines._state.state_of`, which also says what that costs at each call. So a
    change of any parameter or fitted attribute is noticed, in place too. Neither the estimator nor any row is kept
    alive.
    """
    try:
        state = state_of(estimator)
        before, plans = _kept_plans.get(estimator, (None, {}))
    except Exception:  # its state cannot be told, or it cannot be a key
        return *read(estimator, X, constants), lambda: False
    key = read, tuple(X.columns) if hasattr(X, "columns") else X.shape[1], tuple(sorted(constants.items()))

    def is_unchanged():
        with suppress(Exception):
            return state == state_of(estimator)
        return False

    plans = plans if before == state else {}
    plan, references = plans.get(key, (None, ()))
    parts = tuple(reference() for reference in references)
    if plan is not None and all(part is not None for part in parts):
        return plan, parts, is_unchanged
    plan, parts = read(estimator, X, constants)
    with suppress(Exception):
        if is_unchanged():  # another thread may have changed it meanwhile
            if len(plans) >= MOST_PLANS:
                plans.clear()
            plans[key] = plan, tuple(map(ref, parts))
            _kept_plans[estimator] = state, plans
    return plan, parts, is_unchanged
