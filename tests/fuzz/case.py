"""A case: an estimator, rows, and what is asked of them. All of it follows from a seed and a number."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.flushing import CAN_FLUSH
from tests.fuzz.constants import stated_constants
from tests.fuzz.containers import Container, draw_container
from tests.fuzz.draws import chance, generator_of, pick, power
from tests.fuzz.estimators import draw_estimator
from tests.fuzz.files import classifiers_within, sent_through
from tests.fuzz.magnitudes import draw_values
from tests.fuzz.tampering import tampered
from tests.helpers import kernels_of


@dataclass
class Case:
    """What is certified, and attacked.

    Attributes
    ----------
    seed, number : int
    kind : str
        Of the estimator.
    estimator : fitted estimator
    container : Container
    values : ndarray of shape (n_rows, width)
        From which ``container.make`` makes the rows.
    file : str
        Through what the estimator was sent, or how somebody tampered with it.
    norm, tolerances, constants
        As :func:`sklip.certified_radius` takes them; no tolerances are None.
    flushes : tuple of bool
        Whether certificates, and whether predictions, are asked for in threads that flush.
    tampered : bool
        Whether somebody changed the estimator.
    rng : numpy.random.Generator
        For the attack.
    """

    seed: int
    number: int
    kind: str
    estimator: Any
    container: Container
    values: np.ndarray
    file: str
    norm: float
    tolerances: np.ndarray | None
    constants: dict
    flushes: tuple = (False, False)
    tampered: bool = False
    rng: np.random.Generator = field(repr=False, default=None)


def draw_case(seed, number, folder, n_rows=12):
    """Draw a case; files that it needs go to a folder."""
    rng = generator_of(seed, number)
    width = int(rng.integers(1, 6))
    encoded = _encoded(rng, width)
    container = draw_container(rng, width, folder, encoded)
    encoded = [] if container.sparse else encoded
    values = draw_values(rng, n_rows, width, container)
    values[:, encoded] = rng.integers(0, 2 if container.limits[1] < 2 else 3, (n_rows, len(encoded)))
    held = container.make(values)
    train = held if chance(rng, 0.6) else container.wide(values)
    kind, estimator = draw_estimator(rng, container.readings(train)[0], train, container, encoded)
    constants = stated_constants(estimator)
    changed = chance(rng, 0.1)
    plainly = changed and chance(rng, 0.6)  # the method of a classifier is asked as well
    estimator, file = tampered(rng, estimator) if changed else sent_through(rng, estimator, folder)
    return Case(
        seed=seed,
        number=number,
        kind=kind,
        estimator=estimator,
        container=container,
        values=values,
        file=file,
        norm=2 if plainly else pick(rng, 2, 2, 2, 1, np.inf),
        tolerances=None if plainly else _tolerances(rng, width),
        constants=constants,
        flushes=_flushes(rng, estimator),
        tampered=changed,
        rng=rng,
    )


def _flushes(rng, estimator):
    """In which threads what is asked; in threads that flush more often, where that matters."""
    weights = [kernel for each in classifiers_within(estimator) for kernel in kernels_of(each.network_)]
    tiny = any((np.abs(kernel[kernel != 0]) < 2.0**-1000).any() for kernel in weights)
    if not CAN_FLUSH or not chance(rng, 0.6 if tiny else 0.05):
        return False, False
    return pick(rng, (True, True), (True, False), (False, True))


def _encoded(rng, width):
    """Columns of categories."""
    if width < 2 or not chance(rng, 0.1):
        return []
    return sorted(rng.choice(width, int(rng.integers(1, width)), replace=False).tolist())


def _tolerances(rng, width):
    if chance(rng, 0.6):
        return None
    tolerances = np.array(
        [pick(rng, 1.0, 1.0, 0.5, 0.1, power(rng, -6, 6), power(rng, -150, 150), 0.0) for _ in range(width)]
    )
    return tolerances if tolerances.any() else None
