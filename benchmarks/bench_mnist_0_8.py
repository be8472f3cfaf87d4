"""How good is the fit on MNIST 0 against 8? Test set, mean of five seeds.

784-32-16-1, GroupSort2, alpha 10, margin 1, batch 128, 10 epochs. deel-lip's demo ends at a loss of
−5.92 and an accuracy of 0.9889.
"""

import argparse

from common import MNIST_0_8, hkr_figures, mnist_0_8, report_means

from sklip import HKRClassifier

GOALS = {"loss": -6.15, "accuracy": 0.991, "certified at 1.0": 0.965}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--learning-rates", nargs="+", type=float, default=[0.001, 0.01])
    arguments = parser.parse_args()

    (X, y), (X_test, y_test) = mnist_0_8()
    runs = {
        f"learning_rate={rate}": [
            hkr_figures(
                HKRClassifier(**{**MNIST_0_8, "learning_rate": rate}, random_state=seed).fit(X, y),
                X_test,
                y_test,
                (0.5, 1.0, 1.5, 2.0),
            )
            for seed in range(arguments.seeds)
        ]
        for rate in arguments.learning_rates
    }
    report_means("mnist_0_8", "setting", GOALS, runs)


if __name__ == "__main__":
    main()
