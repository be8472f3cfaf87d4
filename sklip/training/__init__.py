"""From an architecture and data to trained weights; the only part of sklip that runs Keras.

``batches``, ``rows``, ``state`` and ``backend`` are NumPy and the standard library; the other modules
import Keras, and are imported by ``fit``.
"""
