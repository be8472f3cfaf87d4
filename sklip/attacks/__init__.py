"""Attacks on any estimator with labels and gradients. NumPy only."""

from sklip.attacks._closest import closest_adversarial
from sklip.attacks._engine import Attack, attack
from sklip.attacks._target import Target, network_margins

__all__ = ["Attack", "Target", "attack", "closest_adversarial", "network_margins"]
