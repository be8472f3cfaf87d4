"""What trainings on one device and on several virtual CPUs do, on the Keras backend of the process; run as a script."""

import json
import re
import sys
from collections import Counter
from functools import cache
from tempfile import TemporaryDirectory

import keras
import numpy as np

import sklip
from sklip import WassersteinEstimator
from sklip.training import reuse
from tests.estimator_fixtures import blobs, classifier, mlp, moons
from tests.image_fixtures import convolutional, images

VISIBLE = 3


def few_blobs():
    """Nine rows of the blobs, of all classes."""
    X, y = blobs()
    return X[:9], y[:9]


@cache
def moons_on_disk():
    """The moons, their rows mapped from a file that is no longer in its folder."""
    X, y = moons()
    with TemporaryDirectory() as folder:
        np.save(f"{folder}/rows.npy", X)
        return np.load(f"{folder}/rows.npy", mmap_mode="r"), y


# Descent by the gradient itself: Adam would magnify the rounding errors of slopes near 0. Batches have an odd number of
# rows, 27 or 23, or are smaller than the number of devices; those of images are divided into equal parts.
DESCENT = {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "jit_compile": False}
CASES = {
    "hkr, two classes": (lambda **more: classifier(batch_size=27, **DESCENT | more), moons),
    "hkr, several classes, held-out rows": (
        lambda **more: classifier(batch_size=25, early_stopping=True, epsilon=0.1, **DESCENT | more), blobs
    ),
    "cross-entropy": (lambda **more: mlp(batch_size=25, **DESCENT | more), blobs),
    "batches of one row": (lambda **more: classifier(batch_size=1, **DESCENT | more), few_blobs),
    "transport": (
        lambda **more: WassersteinEstimator(hidden_layer_sizes=(8, 4), batch_size=27, random_state=0, **DESCENT | more),
        moons,
    ),
    "images": (lambda **more: convolutional(**DESCENT | more | {"batch_size": 50}), images),
    "rows on disk": (lambda **more: classifier(batch_size=27, **DESCENT | more), moons_on_disk),
    "all devices": (lambda **more: classifier(batch_size=27, **DESCENT | more), moons),
}  # fmt: skip
COUNTS = {"all devices": -1}


def show_devices():
    """Let TensorFlow see several CPUs, before it starts; JAX is told by an environment variable."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * VISIBLE)


def weights_of(model):
    """All weights of the served network."""
    return np.concatenate([np.ravel(array) for array in model.network_.arrays])


def differences(make, data, n_devices):
    """Greatest differences between trainings on one and on several devices, and how many certificates are broken."""
    X, y = data()
    one, several = (make(n_devices=count).fit(X, y) for count in (1, n_devices))
    expected, found = (np.concatenate(list(model.history_.values())) for model in (one, several))
    attacked = X[:30], y[:30]
    broken = 0
    if not isinstance(one, WassersteinEstimator):
        broken = sklip.audit(several, *attacked, restarts=1, verbose=False).broken.sum()
    return {
        "history": float((np.abs(found - expected) / np.maximum(1.0, np.abs(expected))).max()),
        "weights": float(np.abs(weights_of(several) - weights_of(one)).max()),
        "bound": float(several.lipschitz_bound_),
        "broken": int(broken),
    }


def refusal(**parameters):
    """The message with which a fit refuses parameters."""
    model = classifier(**parameters)
    try:
        model.fit(*moons())
    except ValueError as error:
        return str(error) if not hasattr(model, "network_") else "fitted"
    return "nothing"


def products_of_jax(n_devices):
    """Shapes of the products in a compiled step of batches of 24 rows, how many reductions, and the used precision."""
    import jax
    from jax import numpy as jnp

    from sklip.training.precision import products_in
    from tests.epoch_contracts import task
    from tests.test_epochs import train_nothing

    small = task(n_devices=n_devices, batch_size=23, held_out=False)
    epochs = train_nothing(small)
    epochs.place(small.rows, None, small.objective)
    variables = epochs._variables()
    state = type(variables)(*([variable.value for variable in kind] for kind in variables))
    carried = epochs._sharding.copied((state, jnp.zeros(len(small.objective.names))))
    order = small.order(0)
    ((rows, *batches),) = epochs._parts(order, np.zeros(len(order), np.float32))
    found = {}
    for precision in ("tensorfloat32", "float32"):
        with products_in(precision):
            lowered = jax.jit(epochs._train).lower(*carried, rows, *batches, epochs._numbers)
        products = [line for line in lowered.as_text().splitlines() if "stablehlo.dot_general" in line]
        found[precision] = Counter(re.search(r"precision = \[([^]]*)\]", line)[1] for line in products)
    text = lowered.compile().as_text()
    found["shapes"] = re.findall(r"= f32\[([\d,]+)\]\S* dot\(", text)
    found["reductions"] = len(re.findall(r" all-reduce(?:-start)?\(", text))
    return found


def replicas_of_jax():
    """Whether all devices had the same bits in each variable after each epoch, and how many variables were compared."""
    from sklip.training.epochs.sharding import Sharding

    compared, take_one = [], Sharding.of_one_device

    def compare(self, value):
        copies = {np.asarray(shard.data).tobytes() for shard in value.addressable_shards}
        compared.append(len(value.addressable_shards) == self.multiple > 1 and len(copies) == 1)
        return take_one(self, value)

    Sharding.of_one_device = compare
    try:
        classifier(n_devices=2, dropout=0.1, batch_size=27, activation="fullsort").fit(*moons())
    finally:
        Sharding.of_one_device = take_one
    return [all(compared), len(compared)]


def within_a_distribution():
    """The history of a fit within a distribution of Keras, and outside it."""
    settings = {"batch_size": 25, **DESCENT}
    outside = classifier(**settings).fit(*blobs())
    sklip.clear_compiled_networks()  # a network has the distribution in which it was built
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    try:
        inside = classifier(**settings).fit(*blobs())
    finally:
        keras.distribution.set_distribution(None)
        sklip.clear_compiled_networks()
    return [inside.history_, outside.history_]


def devices_of_tensorflow(n_devices):
    """How many products of a compiled epoch TensorFlow places on each device."""
    sklip.clear_compiled_networks()
    classifier(n_devices=n_devices, epochs=1, jit_compile=False).fit(*moons())
    graph = reuse.kept()[0].epochs._compiled_epoch.get_concrete_function().graph.as_graph_def()
    return Counter(node.device for body in graph.library.function for node in body.node_def if node.op == "MatMul")


if __name__ == "__main__":
    show_devices()
    found = {
        "differences": {name: differences(*case, COUNTS.get(name, 2)) for name, case in CASES.items()},
        "kept": [len(compiled.key[-1]) for compiled in reuse.kept()[-2:]],  # the devices of the last case
        "refusals": [refusal(n_devices=4), refusal(n_devices=0), refusal(n_devices=2, jit_compile=True)],
    }
    if keras.backend.backend() == "jax":
        found["products"] = {n: products_of_jax(n) for n in (1, 2)}
        found["replicas"] = replicas_of_jax()
        found["distribution"] = within_a_distribution()
    else:
        found["products"] = {n: devices_of_tensorflow(n) for n in (1, 2)}
    sys.stdout.write(f"\n{json.dumps(found)}\n")
