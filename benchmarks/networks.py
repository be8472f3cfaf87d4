"""Unconstrained Keras networks, and SciKeras around them: what sklip is measured against."""

import keras

from sklip.layers import activation_layer


def unconstrained(n_features, widths, n_scores, *, activation="relu", learning_rate=0.004, jit_compile="auto"):
    """Compile Dense layers with Adam and the cross-entropy of logits, for labels that are class numbers."""
    layers = [keras.Input((n_features,))]
    for width in widths:
        layers += [keras.layers.Dense(width), activation_layer(activation)]
    network = keras.Sequential([*layers, keras.layers.Dense(n_scores)])
    loss = keras.losses.BinaryCrossentropy if n_scores == 1 else keras.losses.SparseCategoricalCrossentropy
    network.compile(keras.optimizers.Adam(learning_rate), loss(from_logits=True), jit_compile=jit_compile)
    return network


def scikeras_classifier(build, **parameters):
    """SciKeras' classifier around a function that builds a Keras network, with the tags of today's scikit-learn."""
    from scikeras.wrappers import KerasClassifier

    class Classifier(KerasClassifier):
        """SciKeras 0.13 does not say that it is a classifier."""

        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.estimator_type = "classifier"
            return tags

    return Classifier(build, verbose=0, random_state=0, **parameters)
