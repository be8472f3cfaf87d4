"""Plans are kept between calls, as long as the estimator lives and nothing in it changes."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary, ref

from sklip.pipelines._decisions import read
from sklip.pipelines._plan import Plan
from sklip.pipelines._state import state_of

MOST_PLANS = 8
"""How many plans of an estimator are kept, for rows of different columns and for different constants."""


@dataclass(frozen=True, eq=False)
class _Kept:
    """Plans of one state of an estimator, by columns and constants, with weak references to the parts they name."""

    state: list
    plans: dict


_kept_plans: WeakKeyDictionary = WeakKeyDictionary()


def plan_of(estimator, X, constants: dict[str, float]) -> tuple[Plan, tuple]:
    """Return what :func:`sklip.pipelines._decisions.read` returns: kept from an earlier call, or read now.

    A plan is kept for the columns of the rows and the stated constants, under all attributes of the estimator and of
    what it holds: see :func:`sklip.pipelines._state.state_of`, which also says what that costs at each call. So a
    change of any parameter or fitted attribute is noticed, in place too. Neither the estimator nor any row is kept
    alive.
    """
    try:
        state, _ = state_of(estimator)
        kept = _kept_plans.get(estimator)
    except TypeError:  # a state that cannot be told, or an estimator that cannot be a key
        return read(estimator, X, constants)
    columns = tuple(X.columns) if hasattr(X, "columns") else X.shape[1]
    key = type(X), columns, tuple(sorted(constants.items()))
    if kept is None or kept.state != state:
        kept = _Kept(state, {})
    elif key in kept.plans:
        plan, references = kept.plans[key]
        parts = tuple(reference() for reference in references)
        if all(part is not None for part in parts):
            return plan, parts
    plan, parts = read(estimator, X, constants)
    _keep(estimator, kept, key, plan, parts)
    return plan, parts


def _keep(estimator, kept, key, plan, parts):
    """Keep a plan, unless its parts are not those that the state is about."""
    try:
        references = tuple(map(ref, parts))
        state, identities = state_of(estimator)
    except TypeError:
        return
    # Another thread may have changed it meanwhile; and an attribute may be made anew each time that it is asked for.
    if state == kept.state and identities.issuperset(map(id, parts)):
        if len(kept.plans) >= MOST_PLANS:
            kept.plans.clear()
        kept.plans[key] = plan, references
        _kept_plans[estimator] = kept
