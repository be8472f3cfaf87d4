"""Random choices, all of which follow from a seed and the number of a case."""

import numpy as np


def generator_of(seed, number):
    """The generator of one case."""
    return np.random.default_rng([seed, number])


def chance(rng, probability):
    return bool(rng.random() < probability)


def pick(rng, *options):
    """One of the options; each as likely as the others."""
    return options[int(rng.integers(len(options)))]


def power(rng, low, high):
    """A number of random size, between ``10 ** low`` and ``10 ** high``."""
    return float(10.0 ** rng.uniform(min(low, high), max(low, high)))
