"""Training: from an architecture and rows to the operations of a network.

``architecture``, ``augmentation``, ``callbacks``, ``compilation``, ``loop``, ``optimizer``, ``saving`` and the package
``epochs`` import Keras; ``fit`` imports them if Keras trains. The other modules need only NumPy.
"""
