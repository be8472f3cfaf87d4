"""Whether anything can be trained on the backend of Keras in this process."""


def check_can_train() -> None:
    """Raise a RuntimeError for a backend of Keras that has no gradients, such as NumPy's."""
    import keras

    backend = keras.backend.backend()
    if backend not in ("tensorflow", "jax", "torch"):
        raise RuntimeError(
            f"Keras uses the backend {backend!r}, which computes no gradients, so that nothing can be trained. Set the "
            "environment variable KERAS_BACKEND to 'tensorflow' before Keras is imported."
        )
