"""How much faster is ``fit`` than deel-lip 1.5 and deel-torchlip 1.0.5? The whole call, in turns.

First calls: a fresh process each, ``fit`` with the default of ``jit_compile``. Later calls: the fits after the first of
a process, each of a new network; sklip's with ``jit_compile=True``, the median of three. PyTorch compiles nothing here:
of deel-torchlip the later call is measured, after a fit of one epoch. The clocks start after the imports and the
loading of the data, and stop when ``fit`` returns. Two moons: 256-128-64, 1,580 steps of 256 rows. MNIST 0-8: 32-16, 10
epochs. Loss and accuracy of the same fits stand beside: two moons on the training rows, MNIST on the test rows.

The peers have environments of their own: ``benchmarks/peers/setup.sh`` builds them.
"""

import argparse
import json
import sys

import numpy as np
from common import (
    HERE,
    MNIST_0_8,
    TWO_MOONS,
    import_training,
    mnist_0_8,
    mnist_path,
    peer,
    print_table,
    ratios,
    run_json,
    seconds_of,
    shown,
    summarise,
    two_moons,
    write_result,
    xla,
)

# Data, activation, and the goals of the first and of a later call.
WORKLOADS = {
    "two moons, GroupSort2": ("two moons", "groupsort2", {"first": 5.0, "later": 10.0}),
    "two moons, FullSort": ("two moons", "fullsort", {"later": 4.0}),
    "MNIST 0-8, GroupSort2": ("MNIST 0-8", "groupsort2", {"first": 3.0, "later": 12.0}),
}
PEERS = {"deel-lip": "fit_deel_lip.py", "torchlip": "fit_torchlip.py"}


def fit_sklip(data, activation, fits, later, seed):
    """Time some fits in this process, one after the other; print them as JSON."""
    from sklip import HKRClassifier

    import_training()
    moons = data == "two moons"
    (X, y), (X_test, y_test) = (two_moons(), two_moons()) if moons else mnist_0_8()
    parameters = {**(TWO_MOONS if moons else MNIST_0_8), "activation": activation}
    if later:
        parameters |= xla(HKRClassifier)
    seconds = []
    for number in range(fits):
        classifier = HKRClassifier(**parameters, random_state=seed + number)
        seconds.append(seconds_of(classifier.fit, X, y))
    loss = classifier.loss_terms(X_test, y_test)["loss"]
    print(json.dumps({"seconds": seconds, "loss": loss, "accuracy": float(classifier.score(X_test, y_test))}))


def turn(data, activation, goals, seed, peers):
    """Seconds of the calls, loss and accuracy of each library: one turn."""
    here = [sys.executable, __file__, "--data", data, "--activation", activation, "--seed", seed]
    found = {}
    later = run_json([*here, "--fits", 4, "--later"])
    found["sklip"] = {"later": float(np.median(later["seconds"][1:])), **{k: later[k] for k in ("loss", "accuracy")}}
    if "first" in goals:
        found["sklip"]["first"] = run_json([*here, "--fits", 1])["seconds"][0]
    for library in peers:
        # What comes before a later call warms the process up; where its time is not asked for, one epoch does.
        both = "first" in goals and library == "deel-lip"
        command = [peer(library), HERE / "peers" / PEERS[library], "--activation", activation, "--seed", seed]
        command += ["--epochs", 10 if both else 1, 10]
        command += [] if data == "two moons" else ["--mnist", mnist_path()]
        run = run_json(command)
        first, later = run.pop("seconds")
        found[library] = {**({"first": first} if both else {}), "later": later, **run}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--data", choices=["two moons", "MNIST 0-8"], help="run fits of ours, print their times, end")
    parser.add_argument("--activation", default="groupsort2")
    parser.add_argument("--fits", type=int, default=1)
    parser.add_argument("--later", action="store_true", help="as for later calls: with XLA")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.data:
        return fit_sklip(arguments.data, arguments.activation, arguments.fits, arguments.later, arguments.seed)

    calls, quality, versions = {}, {}, {}
    for number in range(arguments.turns):
        for name in arguments.workloads:
            data, activation, goals = WORKLOADS[name]
            found = turn(data, activation, goals, 10 * number, arguments.peers)
            print(f"turn {number + 1}: {name}: {found}", flush=True)
            for library, run in found.items():
                versions |= {library: run["version"]} if "version" in run else {}
                kept = quality.setdefault(name, {}).setdefault(library, {"loss": [], "accuracy": []})
                for figure, values in kept.items():
                    values.append(run[figure])
                for call, goal in ((call, goal) for call, goal in goals.items() if call in run):
                    entry = calls.setdefault(f"{name}, {call} call", {"goal": goal, "seconds": {}})
                    entry["seconds"].setdefault(library, []).append(run[call])
    rows = []
    for name, entry in calls.items():
        times = entry["seconds"]
        measured = [library for library in arguments.peers if library in times]
        entry["ratio"] = {library: ratios(times[library], times["sklip"]) for library in measured}
        rows.append([
            name,
            *(f"{summarise(times[of])['median']:.2f} s" if of in times else "" for of in ("sklip", *arguments.peers)),
            *(shown(entry["ratio"][library]) if library in measured else "" for library in arguments.peers),
            entry["goal"],
        ])  # fmt: skip
    header = ["call", "sklip", *arguments.peers, *(f"{library} / sklip" for library in arguments.peers)]
    print_table([*header, "goal (deel-lip)"], rows)
    print_table(
        ["workload", "library", "loss", "accuracy"],
        [
            [name, library, *(shown(summarise(values), 4) for values in run.values())]
            for name, libraries in quality.items()
            for library, run in libraries.items()
        ],
    )
    write_result("fit_against_deel_lip", {"turns": arguments.turns, "calls": calls, "quality": quality}, **versions)
    return None


if __name__ == "__main__":
    main()
