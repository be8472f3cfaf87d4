"""What does certified_radius cost beside decision_function? 100,000 rows of 30 features, in turns."""

import argparse
import time
from functools import partial

import numpy as np
from common import print_table, summarise, write_result
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklip
from sklip import HKRClassifier

GOAL = 1.3


def seconds(function, argument):
    """Wall time of one call."""
    began = time.perf_counter()
    function(argument)
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=11)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    X = rng.standard_normal((arguments.rows, 30))
    figures, rows = {"goal": GOAL}, []
    for n_classes in (2, 10):
        y = np.arange(1000) % n_classes
        model = make_pipeline(StandardScaler(), HKRClassifier(hidden_layer_sizes=(256, 128, 64), epochs=1))
        model.fit(X[:1000] + y[:, None], y)
        classifier, Z = model[-1], model[:-1].transform(X)
        for name, certify, decide, inputs in [
            ("the method of the classifier", classifier.certified_radius, classifier.decision_function, Z),
            ("the function, on the classifier", partial(sklip.certified_radius, classifier),
             classifier.decision_function, Z),
            ("the function, on a pipeline", partial(sklip.certified_radius, model), model.decision_function, X),
        ]:  # fmt: skip
            certify(inputs[:10])
            pairs = [(seconds(certify, inputs), seconds(decide, inputs)) for _ in range(arguments.turns)]
            ratio = summarise([certified / decided for certified, decided in pairs])
            figures[f"{name}, {n_classes} classes"] = {
                "ratio": ratio,
                "certified_radius": summarise([pair[0] for pair in pairs]),
                "decision_function": summarise([pair[1] for pair in pairs]),
            }
            rows.append(
                [n_classes, name, f"{ratio['median']:.3f}", f"{ratio['least']:.3f}", f"{ratio['greatest']:.3f}"]
            )
    print_table(["classes", "certified_radius / decision_function", "median", "least", "greatest"], rows)
    write_result("certified_radius", figures)


if __name__ == "__main__":
    main()
