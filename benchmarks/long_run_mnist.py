"""A long training on MNIST, for a night or a GPU: how far do the certificates go? Resumable.

One epoch after the other by ``partial_fit``, with a cosine of the learning rate over all of them; after
each the classifier is written to ``--checkpoint``, from which an interrupted run goes on. Not part of
``make bench``. The goal: certified accuracy of 0.70 at radius 1.58.
"""

import argparse
import math
import os
import time
from pathlib import Path

import joblib
import numpy as np
from bench_ten_classes import CURVE, figures_of
from common import mnist, write_result

from sklip import LipschitzMLP


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=Path("long_run_mnist.joblib"))
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=36)
    parser.add_argument("--learning-rate", type=float, default=0.004)
    parser.add_argument("--temperature", type=float, default=2.0)
    parser.add_argument("--margin-offset", type=float, default=2.7)
    parser.add_argument("--rows", type=int, default=None, help="training rows, for a trial (default: all)")
    arguments = parser.parse_args()
    parameters = {name: value for name, value in vars(arguments).items() if name != "checkpoint"}

    (X, y), (X_test, y_test) = mnist()
    X, y = X[: arguments.rows], y[: arguments.rows]
    if arguments.checkpoint.exists():
        classifier, seconds, begun = joblib.load(arguments.checkpoint)
        if begun != parameters:
            parser.error(f"{arguments.checkpoint} holds a training with {begun}; give these, or another --checkpoint")
        print(f"{classifier.n_iter_} epochs are done, in {seconds:.0f} s")
    else:
        seconds = 0.0
        classifier = LipschitzMLP(
            hidden_layer_sizes=(arguments.width,) * arguments.depth,
            temperature=arguments.temperature,
            margin_offset=arguments.margin_offset,
            batch_size=256,
            random_state=0,
        )
    first = getattr(classifier, "n_iter_", 0)
    for epoch in range(first, arguments.epochs):
        start = time.perf_counter()
        rate = 0.5 * arguments.learning_rate * (1 + math.cos(math.pi * epoch / arguments.epochs))
        classifier.set_params(learning_rate=rate).partial_fit(X, y, classes=np.arange(10))
        seconds += time.perf_counter() - start
        # Written beside and moved: an interruption leaves the old file or the new one, whole.
        beside = arguments.checkpoint.with_suffix(".part")
        joblib.dump((classifier, seconds, parameters), beside)
        os.replace(beside, arguments.checkpoint)
        print(f"epoch {epoch + 1:4d} of {arguments.epochs}  {seconds:7.0f} s  "
              f"loss {classifier.history_['loss'][-1]:.4f}  accuracy {classifier.history_['accuracy'][-1]:.4f}",
              flush=True)  # fmt: skip
    figures = figures_of(classifier, X_test, y_test, (0.3, 1.0, 1.58))
    print({name: value for name, value in figures.items() if name != "curve"})
    write_result(
        "long_run_mnist", {"parameters": parameters, "seconds": seconds, "epsilons": CURVE.tolist(), **figures}
    )


if __name__ == "__main__":
    main()
