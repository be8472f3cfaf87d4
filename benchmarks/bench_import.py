"""What do ``import sklip`` and a process that serves cost? Fresh processes, in turns."""

import argparse
import pickle
import sys
import tempfile
from pathlib import Path

from common import print_table, run_json, summarise, two_moons, write_result

from sklip import HKRClassifier

GOAL = 0.3
MEMORY_GOAL = 200
IMPORT = """
import json, time
start = time.perf_counter()
import {module}
print(json.dumps(time.perf_counter() - start))
"""
# Not ru_maxrss: a child process starts with the peak of the one that it was forked from.
SERVE = """
import json, re, sys
from pathlib import Path
import numpy as np
import sklearn.base
if len(sys.argv) > 1:
    import pickle
    classifier = pickle.loads(Path(sys.argv[1]).read_bytes())
    classifier.predict(np.zeros((1, 2)))
    classifier.certified_radius(np.zeros((1, 2)))
    assert "tensorflow" not in sys.modules and "keras" not in sys.modules
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(json.dumps(int(peak) / 1024))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()

    extra, megabytes = [], {"sklearn.base": [], "sklip": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "classifier.pickle"
        path.write_bytes(pickle.dumps(HKRClassifier(epochs=1, random_state=0).fit(*two_moons())))
        for _ in range(arguments.repeats):
            times = [
                run_json([sys.executable, "-c", IMPORT.format(module=module)]) for module in ("sklearn.base", "sklip")
            ]
            extra.append(times[1] - times[0])
            for name, argument in (("sklearn.base", []), ("sklip", [path])):
                megabytes[name].append(run_json([sys.executable, "-c", SERVE, *argument]))
    figures = {
        "goal_s": GOAL,
        "memory_goal_mb": MEMORY_GOAL,
        "extra_import_s": summarise(extra),
        "memory_mb": {name: summarise(values) for name, values in megabytes.items()},
    }
    print_table(
        ["", "median", "least", "greatest", "goal"],
        [
            ["import sklip beyond sklearn.base, s", *(f"{v:.3f}" for v in figures["extra_import_s"].values()), GOAL],
            *(
                [f"peak memory of {what}, MB", *(f"{v:.1f}" for v in figures["memory_mb"][name].values()), goal]
                for what, name, goal in (("import sklearn.base", "sklearn.base", ""), ("serving", "sklip", MEMORY_GOAL))
            ),
        ],
    )
    write_result("import", figures)


if __name__ == "__main__":
    main()
