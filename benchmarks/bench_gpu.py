"""What does a GPU give? 784-1024×3-10 on MNIST; runs unattended, under ``KERAS_BACKEND=tensorflow`` or ``jax``.

* The time of an epoch, batches of 256 and 1024, beside that of an unconstrained network of the same shape, Dense and
  ReLU: by Keras' ``fit`` on the same arrays, and in the same compiled epoch; in turns, the first epoch of each, which
  compiles, left out.
* Long trainings for the records: time, and test accuracy and certified accuracy by ``certified_radius``.
* With TF32 products on and off (``matmul_precision``): the time of an epoch; how far kernels are from orthonormal at
  the end of each, by float64 singular values; the proven Lipschitz bound of what is served, and its test accuracy.

It needs Keras with one backend, NumPy and scikit-learn, and no network: ``SKLIP_MNIST`` and ``SKLIP_FASHION_MNIST``
name the files of the images (Keras' ``.npz``). Without the second, Fashion-MNIST is left out.
``--quick`` is meant to take less than 8 minutes on a GPU.

Figures go to ``results/gpu_BACKEND.json``. Where there is no GPU the script says so and ends; ``--cpu`` runs it all the
same, for a trial: ``--cpu --epochs 2 --width 64 --rows 2000 --folder /tmp/trial``.
"""

import argparse
import os
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
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

from sklip import LipschitzMLP

RADII = (0.3, 1.0, 1.58)

# Data, number of layers, epochs, epochs if quick, learning rate, temperature, margin offset, whether images shift.
RECORDS = {
    "MNIST at 1.58": ("MNIST", 8, 120, 20, 0.003, 2.0, 2.5, False),
    "MNIST at 0.3": ("MNIST", 4, 50, 10, 0.003, 6.0, 0.8, True),
    "Fashion-MNIST at 0.3": ("Fashion-MNIST", 5, 30, 10, 0.003, 8.0, 0.5, False),
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


def unconstrained_epochs(widths, X, y, batch):
    """A function that runs an epoch of an unconstrained network in the compiled epoch of the backend."""
    import keras

    from sklip.layers import FrobeniusDense
    from sklip.losses import TauCategoricalCrossentropy
    from sklip.training.batches import plan_batches
    from sklip.training.epochs import epochs_of_backend
    from sklip.training.objective import Objective
    from sklip.training.saving import SavedAsItIs

    values = features = keras.Input((X.shape[1],))
    for width in widths:
        values = keras.layers.Dense(width, "relu")(values)
    network = SavedAsItIs(features, FrobeniusDense(10)(values))  # the class of the last layer is that of all heads
    optimizer, loss = keras.optimizers.Adam(0.004), TauCategoricalCrossentropy()
    network.compile(optimizer, loss, jit_compile=True)
    optimizer.build(network.trainable_variables)
    targets, weights = np.where(y[:, None] == np.arange(10), 1.0, -1.0).astype(np.float32), np.ones(len(X), np.float32)
    epochs = epochs_of_backend()(network, Objective(loss), validates=False, sets_rates=False)
    epochs.place((X, targets, weights), None, Objective(loss))
    plan, rng = plan_batches(y, weights, 10, batch, False), np.random.default_rng(0)
    return lambda: epochs.run(plan.epoch(rng), None)


def epoch_times(make, widths, X, y, batch, turns, epochs):
    """Seconds of an epoch: of sklip, of Keras' fit, and of the compiled epoch without constraints; by name."""
    from networks import unconstrained

    EpochTimes, _ = watchers()
    network, compiled = unconstrained(X.shape[1], widths, 10), unconstrained_epochs(widths, X, y, batch)
    compiled()
    runs = {"sklip": [], "Keras": [], "compiled epoch": []}
    for _ in range(turns):
        times = EpochTimes()
        make(epochs, batch_size=batch, callbacks=[times]).fit(X, y)
        runs["sklip"].append(float(np.median(times.seconds[1:])))
        times = EpochTimes()
        network.fit(X, y, batch_size=batch, epochs=epochs, verbose=0, callbacks=[times])
        runs["Keras"].append(float(np.median(times.seconds[1:])))
        runs["compiled epoch"].append(float(np.median([seconds_of(compiled) for _ in range(epochs - 1)])))
    return runs


def record(data, width, layers, epochs, rate, temperature, margin, shifted):
    """Seconds of a long training, and what it reaches on the test rows."""
    import keras

    (X, y), (X_test, y_test) = data
    parameters = {}
    if shifted:
        X, X_test = (rows.reshape(-1, 28, 28, 1) for rows in (X, X_test))
        parameters["augmentation"] = keras.layers.RandomTranslation(1 / 28, 1 / 28, fill_mode="constant")
    classifier = LipschitzMLP(
        hidden_layer_sizes=(width,) * layers, temperature=temperature, margin_offset=margin, epochs=epochs,
        optimizer=keras.optimizers.Adam(rate, beta_2=0.99), batch_size=256, random_state=0, **parameters,
    )  # fmt: skip
    seconds = seconds_of(classifier.fit, X, y)
    return {"seconds": seconds, "epochs": epochs, **figures_of(classifier, X_test, y_test, RADII)}


def orthonormality(make, train, test, epochs):
    """Extreme singular values at the end of each epoch, and what TF32 on and off give: time, bound and accuracy."""
    EpochTimes, Kernels = watchers()
    found = {}
    for name, precision in (("on", "tensorfloat32"), ("off", "float32")):
        times, kernels = EpochTimes(), Kernels()
        classifier = make(epochs, callbacks=[times, kernels], matmul_precision=precision).fit(*train)
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
    parser.add_argument("--width", type=int, default=1024)
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

    def make(epochs, **parameters):
        settings = {"temperature": 2.0, "margin_offset": 2.0, "learning_rate": 0.004, "batch_size": 256, **parameters}
        return LipschitzMLP(hidden_layer_sizes=widths, epochs=epochs, random_state=0, **settings)

    rows, epoch_seconds = [], {}
    for batch in (256, 1024):
        runs = epoch_times(make, widths, X, y, batch, turns, epochs=4)
        against = {name: ratios(runs["sklip"], runs[name]) for name in ("Keras", "compiled epoch")}
        epoch_seconds[str(batch)] = {"runs": {name: summarise(run) for name, run in runs.items()}, "ratios": against}
        rows += [[f"an epoch, batch {batch}, {name}", shown(summarise(run))] for name, run in runs.items()]
        rows += [[f"batch {batch}, sklip / {name}", shown(ratio)] for name, ratio in against.items()]
    records = {}
    for name, (of, layers, epochs, if_quick, *settings) in RECORDS.items():
        if of in data:
            epochs = arguments.epochs or (if_quick if arguments.quick else epochs)
            records[name] = found = record(data[of], arguments.width, layers, epochs, *settings)
            rows += [[f"{name}: {figure}", f"{value:.4g}"] for figure, value in found.items() if figure != "curve"]
    kernels = orthonormality(make, *data["MNIST"], epochs=3)
    for name, found in kernels.items():
        above, below = found["greatest"] - 1, 1 - found["least"]
        rows.append([f"TF32 {name}: singular values beyond 1, short of 1", f"{above:.1e}, {below:.1e}"])
        rows.append([f"TF32 {name}: an epoch, accuracy", f"{found['epoch seconds']:.3g} s, {found['accuracy']:.4f}"])
    print_table([f"{device}, {backend}", ""], rows)
    figures = {
        "device": device, "backend": backend, "widths": widths, "rows": len(X), "turns": turns,
        "epoch seconds": epoch_seconds, "records": records, "orthonormality": kernels,
    }  # fmt: skip
    write_result(f"gpu_{backend}", figures, packages=[backend], folder=arguments.folder)


if __name__ == "__main__":
    main()
