"""What does a GPU give? 784-1024×3-10 on MNIST; runs unattended, under ``KERAS_BACKEND=tensorflow`` or ``jax``.

* The time of an epoch beside that of an unconstrained Keras network of the same shape, Dense and ReLU, by Keras'
  ``fit`` on the same arrays; in turns, the first epoch of each, which compiles, left out.
* One long training: its time, and test accuracy and certified accuracy by ``certified_radius``.
* How far kernels are from orthonormal at the end of each epoch, by float64 singular values, with TF32 products on and
  off; and the proven Lipschitz bound of what is served.

Figures go to ``results/gpu_BACKEND.json``. Where there is no GPU the script says so and ends; ``--cpu`` runs it all the
same, for a trial: ``--cpu --epochs 2 --width 64 --rows 2000 --folder /tmp/trial``.
"""

import argparse
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from bench_ten_classes import figures_of
from common import RESULTS, import_training, mnist, print_table, ratios, seconds_of, shown, summarise, write_result

from sklip import LipschitzMLP

RADII = (0.3, 1.0, 1.58)


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


def set_tf32(backend, enabled):
    """Let float32 products run in TF32, or forbid it."""
    if backend == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "tensorfloat32" if enabled else "float32")
    else:
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(enabled)


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


def epoch_times(make, widths, X, y, turns, epochs):
    """Seconds of an epoch of sklip and of Keras, a median in each turn; by name."""
    from networks import unconstrained

    EpochTimes, _ = watchers()
    network = unconstrained(X.shape[1], widths, 10)
    runs = {"sklip": [], "Keras": []}
    for _ in range(turns):
        times = EpochTimes()
        make(epochs, callbacks=[times]).fit(X, y)
        runs["sklip"].append(float(np.median(times.seconds[1:])))
        times = EpochTimes()
        network.fit(X, y, batch_size=256, epochs=epochs, verbose=0, callbacks=[times])
        runs["Keras"].append(float(np.median(times.seconds[1:])))
    return runs


def orthonormality(backend, make, X, y, epochs):
    """Extreme singular values at the end of each epoch, and the bound that is proven, with TF32 on and off."""
    _, Kernels = watchers()
    found = {}
    for name, enabled in (("on", True), ("off", False)):
        set_tf32(backend, enabled)
        kernels = Kernels()
        classifier = make(epochs, callbacks=[kernels]).fit(X, y)
        found[name] = {
            "least": min(least for least, _ in kernels.extremes),
            "greatest": max(greatest for _, greatest in kernels.extremes),
            "lipschitz_bound_": float(classifier.lipschitz_bound_),
        }
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=100, help="of the long training")
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--rows", type=int, default=None, help="training rows, for a trial (default: all)")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--cpu", action="store_true", help="run without a GPU too")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the JSON goes")
    arguments = parser.parse_args()

    import_training()
    import keras

    backend = keras.backend.backend()
    if backend not in ("jax", "tensorflow"):
        parser.error(f"KERAS_BACKEND is {backend}; this script knows tensorflow and jax.")
    device = find_device(backend, arguments.cpu)
    if device is None:
        print(f"{backend} sees no GPU: nothing was measured. --cpu runs the script without one.")
        return
    (X, y), (X_test, y_test) = mnist()
    X, y = X[: arguments.rows], y[: arguments.rows]
    widths = (arguments.width,) * 3

    def make(epochs, **parameters):
        return LipschitzMLP(
            hidden_layer_sizes=widths, temperature=2.0, margin_offset=2.0, learning_rate=0.004, batch_size=256,
            epochs=epochs, random_state=0, **parameters,
        )  # fmt: skip

    runs = epoch_times(make, widths, X, y, arguments.turns, epochs=4)
    ratio = ratios(runs["sklip"], runs["Keras"])
    rows = [["an epoch, sklip", shown(summarise(runs["sklip"]))], ["an epoch, Keras", shown(summarise(runs["Keras"]))]]
    rows.append(["sklip / Keras", shown(ratio)])
    print(rows, flush=True)
    classifier = make(arguments.epochs)
    seconds = seconds_of(classifier.fit, X, y)
    long = {"seconds": seconds, **figures_of(classifier, X_test, y_test, RADII)}
    rows += [[f"{arguments.epochs} epochs: {name}", f"{value:.4g}"] for name, value in long.items() if name != "curve"]
    kernels = orthonormality(backend, make, X, y, epochs=min(3, arguments.epochs))
    for name, found in kernels.items():
        above, below = found["greatest"] - 1, 1 - found["least"]
        rows.append([f"TF32 {name}: singular values beyond 1, short of 1", f"{above:.1e}, {below:.1e}"])
    print_table([f"{device}, {backend}", ""], rows)
    figures = {
        "device": device, "backend": backend, "widths": widths, "rows": len(X), "turns": arguments.turns,
        "epochs": arguments.epochs, "epoch seconds": {name: summarise(run) for name, run in runs.items()},
        "ratio": ratio, "long run": long, "orthonormality": kernels,
    }  # fmt: skip
    write_result(f"gpu_{backend}", figures, packages=[backend], folder=arguments.folder)


if __name__ == "__main__":
    main()
