"""Plans are kept between calls, as long as the estimator lives and nothing in it changes."""

from contextlib import suppress
from weakref import WeakKeyDictionary, ref

from sklip.pipelines._decisions import read
from sklip.pipelines._run import Plan
from sklip.pipelines._state import state_of

MOST_PLANS = 8
"""How many plans of an estimator are kept, for rows of different columns and for different constants."""

# By estimator: its state, and plans by columns and constants, with weak references to the parts that they name.
_kept_plans: WeakKeyDictionary = WeakKeyDictionary()


def plan_of(estimator, X, constants: dict[str, float]) -> tuple[Plan, tuple]:
    """Return what :func:`sklip.pipelines._decisions.read` returns: kept from an earlier call, or read now.

    A plan is kept for the columns of the rows and the stated constants, under all attributes of the estimator and of
    what it holds: see :func:`sklip.pipelines._state.state_of`, which also says what that costs at each call. So a
    change of any parameter or fitted attribute is noticed, in place too. Neither the estimator nor any row is kept
    alive.
    """
    try:
        state = state_of(estimator)
        before, plans = _kept_plans.get(estimator, (None, {}))
    except Exception:  # its state cannot be told, or it cannot be a key
        return read(estimator, X, constants)
    key = tuple(X.columns) if hasattr(X, "columns") else X.shape[1], tuple(sorted(constants.items()))
    if before != state:
        plans = {}
    elif key in plans:
        plan, references = plans[key]
        parts = tuple(reference() for reference in references)
        if all(part is not None for part in parts):
            return plan, parts
    plan, parts = read(estimator, X, constants)
    with suppress(Exception):
        if state == state_of(estimator):  # another thread may have changed it meanwhile
            if len(plans) >= MOST_PLANS:
                plans.clear()
            plans[key] = plan, tuple(map(ref, parts))
            _kept_plans[estimator] = state, plans
    return plan, parts
