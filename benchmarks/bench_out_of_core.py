"""How much memory does ``fit`` take on a file that is mapped into memory, and how long beside reading it?

A fresh process maps a float32 file of 4 GB and trains one epoch; its peak of resident memory is what the kernel counts,
pages of the mapping included. The same for a stream of ``partial_fit``. The bare reading is that of the same file from
its beginning to its end, in the same process, before: the file is in the system's cache, if that is large enough.
Imports are not on the clock; the one compilation of a process is.
Needs Linux, and the space in the folder of temporary files.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from common import print_table, run_json, write_result

GOAL_MB = 1536
WIDTHS = (64, 32)
BLOCK_ROWS = 10_000
CHILD = """
import json, re, sys, time
from pathlib import Path
import numpy as np
from sklip import HKRClassifier
from sklip.training import runtime
runtime.prepare()
import sklip.training.loop  # imports are not on the clock

def status(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

path, how, parts = sys.argv[1], sys.argv[2], int(sys.argv[3])
X = np.load(path, mmap_mode="r")
y = np.arange(len(X)) % 2
start = time.perf_counter()
with open(path, "rb", buffering=0) as file:
    buffer = bytearray(1 << 24)
    while file.readinto(buffer):
        pass
reading = time.perf_counter() - start
del buffer
classifier = HKRClassifier(hidden_layer_sizes=WIDTHS, batch_size=256, epochs=1, random_state=0)
before = status("VmHWM")
start = time.perf_counter()
if how == "fit":
    classifier.fit(X, y)
else:
    for part in np.array_split(np.arange(len(X)), parts):
        classifier.partial_fit(X[part[0]:part[-1] + 1], y[part[0]:part[-1] + 1], classes=[0, 1])
seconds = time.perf_counter() - start
print(json.dumps({
    "peak_mb": status("VmHWM"), "before_mb": before, "seconds": seconds, "reading_seconds": reading,
    "accuracy": float(classifier.score(np.array(X[:10_000]), y[:10_000])),
}))
"""


def write_rows(path, n_rows, n_features):
    """Two classes whose means lie apart; float32."""
    file = np.lib.format.open_memmap(path, "w+", np.float32, (n_rows, n_features))
    for start in range(0, n_rows, BLOCK_ROWS):
        block = np.random.default_rng(start).standard_normal((min(BLOCK_ROWS, n_rows - start), n_features), np.float32)
        block[:, 0] += 4 * (np.arange(start, start + len(block)) % 2)
        file[start : start + len(block)] = block


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=1_000)
    parser.add_argument("--parts", type=int, default=10, help="calls of partial_fit")
    arguments = parser.parse_args()

    size = 4 * arguments.rows * arguments.features
    with tempfile.TemporaryDirectory() as folder:
        if shutil.disk_usage(folder).free < 1.2 * size:
            sys.exit(f"{folder} has no room for a file of {size / 1e9:.1f} GB. Set TMPDIR.")
        path = Path(folder) / "rows.npy"
        write_rows(path, arguments.rows, arguments.features)
        script = CHILD.replace("WIDTHS", repr(WIDTHS))
        command = [sys.executable, "-c", script, path]
        runs = {how: run_json([*command, how, arguments.parts]) for how in ("fit", "partial_fit")}
    print_table(
        ["", "peak", "before", "time", "bare reading", "accuracy"],
        [
            [how, f"{run['peak_mb']:.0f} MB", f"{run['before_mb']:.0f} MB", f"{run['seconds']:.1f} s",
             f"{run['reading_seconds']:.1f} s", f"{run['accuracy']:.3f}"]
            for how, run in runs.items()
        ],
    )  # fmt: skip
    figures = {"goal_mb": GOAL_MB, "file_gb": size / 1e9, "rows": arguments.rows, "features": arguments.features,
               "widths": WIDTHS, "parts": arguments.parts, "runs": runs}  # fmt: skip
    write_result("out_of_core", figures)


if __name__ == "__main__":
    main()
