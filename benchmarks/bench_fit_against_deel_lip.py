"""How much faster is ``fit`` than deel-lip 1.5? The whole call, first of its process, in turns.

deel-lip needs an environment of its own, with TensorFlow 2.15: ``benchmarks/peers/setup.sh`` builds
it. Both clocks start after the imports and the loading of the data, and stop when ``fit`` returns.
Two moons: GroupSort2, 1,580 steps each. MNIST 0-8: 10 epochs each.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from common import (
    HERE,
    MNIST_0_8,
    TWO_MOONS,
    mnist_0_8,
    mnist_path,
    print_table,
    run_json,
    summarise,
    two_moons,
    write_result,
)

GOALS = {"two moons": 4.0, "MNIST 0-8": 2.5}


def fit_once(workload):
    """Time one fit in this process; print it as JSON."""
    import sklip.losses
    import sklip.training.train  # noqa: F401 (imports are not on the clock)
    from sklip import HKRClassifier

    X, y = two_moons() if workload == "two moons" else mnist_0_8()[0]
    classifier = HKRClassifier(**(TWO_MOONS if workload == "two moons" else MNIST_0_8), random_state=0)
    start = time.perf_counter()
    classifier.fit(X, y)
    print(json.dumps({"seconds": time.perf_counter() - start}))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--once", choices=list(GOALS), help="run one fit of ours and print its time")
    arguments = parser.parse_args()
    if arguments.once:
        return fit_once(arguments.once)

    home = Path(os.environ.get("SKLIP_PEERS", Path.home() / ".cache" / "sklip-peers"))
    peer = [home / "deel-lip" / "bin" / "python", HERE / "peers" / "fit_deel_lip.py"]
    if not peer[0].exists():
        sys.exit(f"{peer[0]} is missing: run benchmarks/peers/setup.sh first.")
    figures, rows = {}, []
    for workload, goal in GOALS.items():
        data = [] if workload == "two moons" else [mnist_path()]
        ours, theirs = [], []
        for _ in range(arguments.repeats):
            ours.append(run_json([sys.executable, __file__, "--once", workload])["seconds"])
            theirs.append(run_json([*peer, *data])["seconds"])
        ratios = summarise([b / a for a, b in zip(ours, theirs, strict=True)])
        figures[workload] = {"goal": goal, "sklip": ours, "deel-lip": theirs, "ratio": ratios}
        spread = f"{ratios['least']:.1f} to {ratios['greatest']:.1f}"
        times = [f"{summarise(seconds)['median']:.2f} s" for seconds in (ours, theirs)]
        rows.append([workload, *times, f"{ratios['median']:.1f}", spread, goal])
    print_table(["workload", "sklip", "deel-lip 1.5", "ratio", "spread", "goal"], rows)
    write_result("fit_against_deel_lip", figures)
    return None


if __name__ == "__main__":
    main()
