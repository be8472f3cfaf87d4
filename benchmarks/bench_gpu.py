"""What does a GPU give? Dense networks and a ``ConvNet`` on MNIST; under ``KERAS_BACKEND=tensorflow`` or ``jax``.

* The time of an epoch: 784-1024×3-10, batches of 256 and 1024, and a ``ConvNet`` of three convolutions with 256
  channels on 14² pixels, batches of 256. Beside it, that of an unconstrained network of the same shapes, with ReLU: by
  Keras' ``fit`` on the same arrays, and in the same compiled epoch. XLA compiles sklip's epochs and the latter on both
  backends. In turns; the first epoch of each, which compiles, is left out.
* Long trainings for the records: time, and test accuracy and certified accuracy by ``certified_radius``.
* With TF32 products on and off (``matmul_precision``): the time of an epoch; how far the steps of an epoch leave the
  kernels from orthonormal, by float64 singular values; the proven Lipschitz bound of what is served, and its test
  accuracy. Ordinary epochs end with a full retraction in precise products, ``end_epoch`` of the layers, which would
  hide what the steps do. So it is left out in this part.

It needs Keras with one backend, NumPy and scikit-learn, and no network: ``SKLIP_MNIST`` and ``SKLIP_FASHION_MNIST``
name the files of the images (Keras' ``.npz``). Without the second, Fashion-MNIST is left out.
``--quick`` is meant to take less than 8 minutes on a GPU.

Figures and goals go to ``results/gpu_BACKEND.json``. Where there is no GPU the script says so and ends; ``--cpu`` runs
it all the same, for a trial: ``--cpu --epochs 2 --width 64 --channels 8 --rows 2000 --folder /tmp/trial``.
"""

import argparse
import os
import time
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import numpy as np
from bench_images import pixel_shifts
from bench_ten_classes import figures_of
from common import (
    RESULTS,
    fashion_mnist,
    import_training,
    mnist,
    print_table,
    ratios,
    seconds_of,
    shown,
    summarise,
    write_result,
)
from gpu_networks import CONVOLUTIONS, convolutions, dense, unconstrained, unconstrained_epochs

from sklip import LipschitzMLP
from sklip.architectures import MLP

RADII = (0.3, 1.0, 1.58)

# Data, number of layers, epochs, epochs if quick, learning rate, temperature, margin offset, and how far images shift:
# uniformly up to so many pixels, rounded to whole ones. 1.5 makes the shifts by −1, 0 and 1 equally likely.
RECORDS = {
    "MNIST at 1.58": ("MNIST", 8, 120, 20, 0.003, 2.0, 2.5, None),
    "MNIST at 0.3": ("MNIST", 4, 50, 10, 0.003, 6.0, 0.8, 1.5),
    "Fashion-MNIST at 0.3": ("Fashion-MNIST", 5, 70, 10, 0.003, 8.0, 0.65, 0.75),
}

# Ratios are at most these, accuracies at least these.
GOALS = {
    "epoch seconds": {
        "dense, batch 256": {"Keras": 0.3, "compiled epoch": 2.4},
        "dense, batch 1024": {"Keras": 0.3, "compiled epoch": 2.0},
        "ConvNet, batch 256": {"compiled epoch": 1.10},
    },
    "records": {
        "MNIST at 1.58": {"certified at 1.58": 0.735},
        "MNIST at 0.3": {"certified at 0.3": 0.977, "clean": 0.993},
        "Fashion-MNIST at 0.3": {"certified at 0.3": 0.795, "clean": 0.90},
    },
}


def find_device(backend, cpu):
    """Name of the first GPU, of the CPU where that will do, or None."""
    if backend == "jax":
        import jax

        with suppress(RuntimeError):  # JAX's answer where there is none
            return jax.devices("gpu")[0].device_kind
    else:
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if gpus:
            return tf.config.experimental.get_device_details(gpus[0]).get("device_name", gpus[0].name)
    return "CPU" if cpu else None


def watchers():
    """Keras callbacks: one that times epochs, one that measures kernels at their end."""
    import keras

    class EpochTimes(keras.callbacks.Callback):
        """Seconds of each epoch."""

        def __init__(self):
            super().__init__()
            self.seconds = []

        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            float(logs["loss"])  # what has been asked for is done
            self.seconds.append(time.perf_counter() - self.began)

    class Kernels(keras.callbacks.Callback):
        """Least and greatest singular value of the hidden kernels, of each epoch."""

        def __init__(self):
            super().__init__()
            self.extremes = []

        def on_epoch_end(self, epoch, logs=None):
            kernels = [weight for weight in self.model.get_weights() if weight.ndim == 2][:-1]
            values = [np.linalg.svd(kernel.astype(np.float64), compute_uv=False) for kernel in kernels]
            self.extremes.append([float(min(v[-1] for v in values)), float(max(v[0] for v in values))])

    return EpochTimes, Kernels


def classifier_of(model, epochs, **parameters):
    """The classifier whose epochs are timed."""
    settings = {"temperature": 2.0, "margin_offset": 2.0, "learning_rate": 0.004, "batch_size": 256, **parameters}
    return LipschitzMLP(model=model, epochs=epochs, jit_compile=True, random_state=0, **settings)


def epoch_times(networks, y, batch, turns, epochs):
    """Seconds of an epoch: of sklip, of Keras' fit, and of the compiled epoch without constraints; by name.

    ``networks`` is a function that makes new ones.
    """
    EpochTimes, _ = watchers()
    (model, X, hidden), (*_, others) = networks(), networks()
    y, flat = y[: len(X)], X.reshape(len(X), -1)
    network, compiled = unconstrained(hidden, flat.shape[1]), unconstrained_epochs(others, flat, y, batch)
    compiled()
    runs = {"sklip": [], "Keras": [], "compiled epoch": []}
    for _ in range(turns):
        times = EpochTimes()
        classifier_of(model, epochs, batch_size=batch, callbacks=[times]).fit(X, y)
        runs["sklip"].append(float(np.median(times.seconds[1:])))
        times = EpochTimes()
        network.fit(flat, y, batch_size=batch, epochs=epochs, verbose=0, callbacks=[times])
        runs["Keras"].append(float(np.median(times.seconds[1:])))
        runs["compiled epoch"].append(float(np.median([seconds_of(compiled) for _ in range(epochs - 1)])))
    return runs


def record(data, width, layers, epochs, rate, temperature, margin, shift):
    """Seconds of a long training, and what it reaches on the test rows."""
    import keras

    (X, y), (X_test, y_test) = data
    parameters = {"jit_compile": True}
    if shift is not None:
        X, X_test = (rows.reshape(-1, 28, 28, 1) for rows in (X, X_test))
        # XLA has no such operations on TensorFlow.
        parameters = {"augmentation": pixel_shifts(shift)}
    classifier = LipschitzMLP(
        hidden_layer_sizes=(width,) * layers, temperature=temperature, margin_offset=margin, epochs=epochs,
        optimizer=keras.optimizers.Adam(rate, beta_2=0.99), batch_size=256, random_state=0, **parameters,
    )  # fmt: skip
    seconds = seconds_of(classifier.fit, X, y)
    return {"seconds": seconds, "epochs": epochs, **figures_of(classifier, X_test, y_test, RADII)}


def orthonormality(model, train, test, epochs):
    """Extreme singular values as the steps of each epoch leave them; time, bound and accuracy with TF32 on and off."""
    from sklip.layers.constrained import ConstrainedLayer, StiefelLayer

    EpochTimes, Kernels = watchers()
    found = {}
    for name, precision in (("on", "tensorfloat32"), ("off", "float32")):
        times, kernels = EpochTimes(), Kernels()
        classifier = classifier_of(model, epochs, callbacks=[times, kernels], matmul_precision=precision)
        # A network with callbacks is compiled for this fit alone, so no other training lacks the retraction.
        with patch.object(StiefelLayer, "end_epoch", ConstrainedLayer.end_epoch):
            classifier.fit(*train)
        found[name] = {
            "epoch seconds": float(np.median(times.seconds[1:])),
            "accuracy": float(classifier.score(*test)),
            "least": min(least for least, _ in kernels.extremes),
            "greatest": max(greatest for _, greatest in kernels.extremes),
            "lipschitz_bound_": float(classifier.lipschitz_bound_),
        }
    return found


def parsed(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer turns and epochs")
    parser.add_argument("--epochs", type=int, default=None, help="of each long training, for a trial")
    parser.add_argument("--width", type=int, default=1024, help="of dense layers")
    parser.add_argument("--channels", type=int, default=256, help="of convolutions")
    parser.add_argument("--rows", type=int, default=None, help="training and test rows, for a trial (default: all)")
    parser.add_argument("--turns", type=int, default=None, help="default: 5, or 2 if quick")
    parser.add_argument("--cpu", action="store_true", help="run without a GPU too")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the JSON goes")
    return parser.parse_args(argv)


def datasets(n_rows):
    """Training and test rows of MNIST, and of Fashion-MNIST if its file is named."""
    found = {"MNIST": mnist()}
    if "SKLIP_FASHION_MNIST" in os.environ:
        found["Fashion-MNIST"] = fashion_mnist()
    return {name: [(X[:n_rows], y[:n_rows]) for X, y in parts] for name, parts in found.items()}


def main(argv=None):
    arguments = parsed(argv)
    import_training()
    import keras

    backend = keras.backend.backend()
    device = find_device(backend, arguments.cpu)
    if device is None:
        print(f"{backend} sees no GPU: nothing was measured. --cpu runs the script without one.")
        return
    data = datasets(arguments.rows)
    X, y = data["MNIST"][0]
    widths = (arguments.width,) * 3
    turns = arguments.turns or (2 if arguments.quick else 5)
    compared = {
        "dense, batch 256": (lambda: dense(widths, X), 256),
        "dense, batch 1024": (lambda: dense(widths, X), 1024),
        "ConvNet, batch 256": (lambda: convolutions(arguments.channels, X), 256),
    }

    rows, epoch_seconds = [], {}
    for name, (networks, batch) in compared.items():
        runs, goals = epoch_times(networks, y, batch, turns, epochs=4), GOALS["epoch seconds"][name]
        against = {other: ratios(runs["sklip"], runs[other]) for other in ("Keras", "compiled epoch")}
        epoch_seconds[name] = {"runs": {who: summarise(run) for who, run in runs.items()}, "ratios": against}
        rows += [[f"{name}: an epoch, {who}", shown(summarise(run)), ""] for who, run in runs.items()]
        rows += [[f"{name}: sklip / {other}", shown(ratio), goals.get(other, "")] for other, ratio in against.items()]
    records = {}
    for name, (of, layers, epochs, if_quick, *settings) in RECORDS.items():
        if of in data:
            epochs = arguments.epochs or (if_quick if arguments.quick else epochs)
            records[name] = found = record(data[of], arguments.width, layers, epochs, *settings)
            rows += [
                [f"{name}: {figure}", f"{value:.4g}", GOALS["records"][name].get(figure, "")]
                for figure, value in found.items()
                if figure != "curve"
            ]
    kernels = orthonormality(MLP(hidden_layer_sizes=widths), *data["MNIST"], epochs=3)
    for name, found in kernels.items():
        above, below = found["greatest"] - 1, 1 - found["least"]
        rows.append([f"TF32 {name}: singular values beyond 1, short of 1", f"{above:.1e}, {below:.1e}", ""])
        reached = f"{found['epoch seconds']:.3g} s, {found['accuracy']:.4f}"
        rows.append([f"TF32 {name}: an epoch, accuracy", reached, ""])
    print_table([f"{device}, {backend}", "", "goal"], rows)
    figures = {
        "device": device, "backend": backend, "rows": len(X), "turns": turns, "goals": GOALS, "widths": widths,
        "channels": arguments.channels, "convolutions": CONVOLUTIONS,
        "epoch seconds": epoch_seconds, "records": records, "orthonormality": kernels,
    }  # fmt: skip
    write_result(f"gpu_{backend}", figures, packages=[backend], folder=arguments.folder)


if __name__ == "__main__":
    main()
