"""Training: from an architecture and rows to the operations of a network.

``batches``, ``forks``, ``padding``, ``quiet``, ``reuse``, ``runtime``, ``state`` and ``task`` need only NumPy and the
standard library. The other modules import Keras; ``fit`` imports them.
"""
