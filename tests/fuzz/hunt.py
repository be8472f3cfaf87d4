"""Pairs of rows inside certified radii, and whether ``predict`` tells them apart."""

import re
import warnings
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

import sklip
from tests.flushing import in_flushing_thread
from tests.fuzz.balls import strictly_inside
from tests.fuzz.draws import chance, pick
from tests.fuzz.ways import blind_ways, felt_slopes, of_length_one, steepest

_FACTORS = (1 - 2.0**-53, 1 - 1e-12, 1 - 1e-9, 0.999, 0.9, 0.5, 0.1, 1e-3)


@dataclass(frozen=True)
class Broken:
    """A pair that breaks a certificate: where it is, and what is needed to see it again."""

    seed: int
    number: int
    row: list
    other: list
    radius: float
    labels: tuple
    how: str


@dataclass
class Outcome:
    """What became of a case."""

    number: int
    pairs: int = 0
    broken: list = field(default_factory=list)
    refused: str | None = None
    raised: Counter = field(default_factory=Counter)
    altered: bool = False
    certified: float = 0.0
    tightest: float = 0.0


def hunt(case, certify=None):
    """Certify the rows of a case, look for changes of ``predict`` inside the radii, and count.

    Parameters
    ----------
    case : tests.fuzz.case.Case
    certify : callable or None
        From the case and rows to radii; None for :func:`certificates` of sklip.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return _Hunt(case, certify or certificates).run()


def certificates(case, rows):
    """Radii of sklip, and the positions of columns that they hold fixed."""
    bare = hasattr(case.estimator, "certified_radius") and case.norm == 2 and case.tolerances is None
    if bare and case.number % 2:
        return case.estimator.certified_radius(rows), []
    radii = sklip.certified_radius(
        case.estimator, rows, norm=case.norm, tolerances=case.tolerances, step_lipschitz=case.constants
    )
    names = case.container.names
    return np.asarray(radii), [names.index(name) if names else name for name in radii.fixed_columns]


class _Hunt:
    def __init__(self, case, certify):
        self.case, self.certify, self.rng = case, certify, case.rng
        self.outcome = Outcome(case.number)

    def run(self):
        case, outcome = self.case, self.outcome
        rows = case.container.make(case.values)
        self.readings = case.container.readings(case.container.make(case.values))
        try:
            self.radii, fixed = self._in_thread(0, self.certify, case, rows)
        except Exception as error:
            outcome.refused = said(error)
            return outcome
        outcome.altered = not np.array_equal(case.container.readings(rows)[-1], self.readings[-1], equal_nan=True)
        self.units = np.ones(case.values.shape[1]) if case.tolerances is None else case.tolerances.copy()
        self.units[fixed] = 0.0
        self.labels = self._predict(case.container.make, case.values)
        certified = (self.radii > 0) & np.array([label is not None for label in self.labels])
        outcome.certified = float(certified.mean())
        if certified.any():
            self.index = np.flatnonzero(certified)
            self._attack()
        return outcome

    def _in_thread(self, which, function, *arguments):
        return in_flushing_thread(function, *arguments) if self.case.flushes[which] else function(*arguments)

    # What the estimator says -----------------------------------------------------------------

    def _predict(self, make, values, budget=None):
        """Labels of shape (n,), None where ``predict`` raises; batches that raise are asked by halves."""
        budget = [24] if budget is None else budget
        labels = np.full(len(values), None, dtype=object)
        if not len(values) or budget[0] <= 0:
            return labels
        budget[0] -= 1
        try:
            labels[:] = list(self._in_thread(1, self.case.estimator.predict, make(values)))
        except Exception as error:
            if len(values) == 1:
                self.outcome.raised[said(error)] += 1
                return labels
            half = len(values) // 2
            labels[:half] = self._predict(make, values[:half], budget)
            labels[half:] = self._predict(make, values[half:], budget)
        return labels

    def _score(self, values):
        """A score of some model within the estimator, where it has one; nan elsewhere."""
        try:
            scores = np.asarray(self.model.decision_function(self.case.container.wide(values)))
        except Exception:
            return np.full(len(values), np.nan)
        return scores if scores.ndim == 1 else scores[:, self.pair[0]] - scores[:, self.pair[1]]

    def _choose_score(self):
        self.model = pick(self.rng, *_scoring_models(self.case.estimator))
        n_classes = len(getattr(self.model, "classes_", [0, 1]))
        self.pair = self.rng.permutation(max(n_classes, 2))[:2]

    # Where it is asked -----------------------------------------------------------------------

    def _attack(self):
        before, radii, norm, units = self.readings[0][self.index], self._reach(), self.case.norm, self.units
        ways = list(blind_ways(self.rng, before, norm, units))
        self._choose_score()
        slopes = felt_slopes(self._score, before, radii * pick(self.rng, 1e-4, 0.01, 0.5), units)
        straight = steepest(slopes, norm, units)
        ways += [straight, -straight]
        bent = felt_slopes(self._score, before + 0.9 * radii[:, None] * straight, radii * 0.05, units)
        ways.append(steepest(bent, norm, units))
        ways.append(-ways[-1])
        self._try(before, radii, ways)
        self._try(before, radii, self._towards_flips(before, radii, ways))
        self._alone(before)

    def _reach(self):
        """Radii; where they are infinite, any length."""
        radii = self.radii[self.index].astype(np.float64)
        sizes = np.abs(self.readings[0][self.index]).max(axis=1) + 1e-300
        far = np.clip(sizes * 10.0 ** self.rng.uniform(-6, pick(self.rng, 3, 30, 300), len(radii)), 0, 1e300)
        return np.where(np.isfinite(radii), radii, far)

    def _try(self, before, radii, ways):
        """Go along each way, by some parts of the radius, in the container of the rows and in float64."""
        container, points, index = self.case.container, [], []
        for way in ways:
            for factor in self.rng.choice(_FACTORS, 3, replace=False, p=(0.2, 0.2, 0.15, 0.15, 0.1, 0.1, 0.05, 0.05)):
                points.append(before + factor * radii[:, None] * way)
                index.append(np.arange(len(before)))
        if not points:
            return
        points, index = np.concatenate(points), np.concatenate(index)
        points = np.where(np.isfinite(points), points, before[index])
        if container.integer:
            points[: len(points) // 2] = (
                np.trunc(points[: len(points) // 2] - before[index][: len(points) // 2])
                + (before[index][: len(points) // 2])
            )
        for make in (container.make, container.wide):
            self._judge(make, points, self.index[index])

    def _judge(self, make, points, index):
        """Predict the points that lie inside, and compare with the labels of their rows."""
        points, index, others = self._inside(make, points, index)
        labels = self._predict(make, points)
        answered = np.array([label is not None for label in labels], dtype=bool)
        self.outcome.pairs += int(answered.sum())
        for place in np.flatnonzero(answered & _differ(labels, self.labels[index])):
            self._report(index[place], others[place], labels[place], len(points), make == self.case.container.wide)

    def _inside(self, make, points, index):
        """Those points that, held by a container, lie strictly inside, whichever way they are read."""
        finite = np.array([True] * len(points))
        try:
            readings = self.case.container.readings(make(points))
        except Exception:
            return points[:0], index[:0], points[:0]
        for reading, row in zip(readings + readings[-1:], self.readings + self.readings[-1:], strict=False):
            finite &= strictly_inside(row[index], reading, self.radii[index], norm=self.case.norm, units=self.units)
        held = readings[0]
        return points[finite], index[finite], held[finite]

    def _towards_flips(self, before, radii, ways):
        """Ways towards changes of ``predict`` outside, and across the boundary that is felt there."""
        wide, labels = self.case.container.wide, self.labels[self.index]
        nearest, way_there = np.full(len(before), np.inf), np.zeros_like(before)
        for way in ways[2:]:
            for factor in (1.001, 1.5, 4.0):
                points = before + factor * radii[:, None] * way
                points = np.where(np.isfinite(points).all(axis=1)[:, None], points, before)
                changed = self._flips(wide, points, labels) & (factor < nearest)
                nearest[changed], way_there[changed] = factor, way[changed]
        found = np.flatnonzero(np.isfinite(nearest))
        if not len(found):
            return []
        low, high = np.zeros(len(found)), nearest[found]
        for _ in range(8):
            middle = (low + high) / 2
            changed = self._flips(
                wide, before[found] + (middle * radii[found])[:, None] * way_there[found], labels[found]
            )
            low, high = np.where(changed, low, middle), np.where(changed, middle, high)
        finite = np.isfinite(self.radii[self.index])[found]
        self.outcome.tightest = float((1 / high[finite]).max(initial=0.0))
        edge = before.copy()
        edge[found] += (high * radii[found])[:, None] * way_there[found]
        across = steepest(felt_slopes(self._score, edge, radii * 1e-3, self.units), self.case.norm, self.units)
        return [way_there, across, -across]

    def _flips(self, make, points, labels):
        found = self._predict(make, points, [6])
        return np.array([label is not None for label in found], dtype=bool) & _differ(found, labels)

    def _alone(self, before):
        """Ask for some rows and points one by one."""
        container = self.case.container
        for _ in range(4):
            place = int(self.rng.integers(len(before)))
            way = of_length_one(self.rng.standard_normal(before.shape[1]), self.case.norm, self.units) * (
                self.units > 0
            )
            point = before[place] + self._reach()[place] * pick(self.rng, 0.0, 0.5, 0.999) * way
            make = container.make if chance(self.rng, 0.6) else container.wide
            if np.isfinite(point).all():
                self._judge(make, point[None], self.index[[place]])

    def _report(self, row, other, label, n_points, wide):
        self.outcome.broken.append(
            Broken(
                self.case.seed,
                self.case.number,
                self.readings[0][row].tolist(),
                other.tolist(),
                float(self.radii[row]),
                (str(self.labels[row]), str(label)),
                f"{'in float64' if wide else 'in the dtype of the rows'}, with {n_points - 1} others",
            )
        )


def _differ(these, those):
    """Whether labels are others; not-a-number is itself."""
    return (these != those) & ~((these != these) & (those != those))


def said(error):
    """A message without what differs from case to case."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|\[[^]]*\]|-?\d+(\.\d+)?(e[-+]?\d+)?", "…", str(error).split("\n")[0])
    return f"{type(error).__name__}: {text[:110]}"


def _scoring_models(estimator):
    if hasattr(estimator, "estimators_"):
        return estimator.estimators_
    if hasattr(estimator, "calibrated_classifiers_"):
        return [estimator.calibrated_classifiers_[0].estimator]
    return [estimator]
