"""Is any row inside a certified radius predicted otherwise? One million pairs, over random estimators and containers.

Pipelines, votes, thresholds, networks of every size of weights, rows of every dtype, order and layout, frames, sparse
matrices, stored files: see tests/fuzz. All of a case follows from the seed and its number, which are printed with
each pair that is inside; ``--first NUMBER --pairs 1`` sees it again. Some networks and pipelines are also compared with
rational arithmetic.
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from common import print_table, write_result

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.fuzz.case import draw_case
from tests.fuzz.files import classifiers_within
from tests.fuzz.hunt import hunt, said
from tests.fuzz.judge import network_faults, pipeline_faults, transport_faults

EXACTLY_EVERY = 8
"""How many cases there are for each one that rational arithmetic judges."""


def fuzzed(*, pairs, seed, first=0):
    """Yield the figures of cases, one after another, until there are so many pairs."""
    found, number = 0, first
    while found < pairs:
        figures = run(seed, number)
        found, number = found + figures["pairs"], number + 1
        yield figures


def run(seed, number):
    """The figures of one case."""
    figures = {"number": number, "pairs": 0, "broken": [], "faults": [], "raised": {}}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            case = draw_case(seed, number, folder)
        except Exception as error:  # steps and rows that do not go together
            return figures | {"not built": said(error)}
        outcome = hunt(case)
        if number % EXACTLY_EVERY == 0:
            figures["faults"] = judged(case)
        figures |= {"estimator": case.kind, "rows": case.container.name, "file": case.file, "norm": str(case.norm)}
    figures |= {"pairs": outcome.pairs, "broken": outcome.broken, "raised": outcome.raised, "altered": outcome.altered}
    return figures | {"certified": outcome.certified, "tightest": outcome.tightest, "refused": outcome.refused}


def judged(case):
    """What rational arithmetic finds wrong."""
    faults = pipeline_faults(case) + transport_faults(case.rng)
    for classifier in [] if case.tampered else classifiers_within(case.estimator):
        network = classifier.network_
        faults += network_faults(network, network.center + case.rng.standard_normal((2, len(network.center))))
    return faults


def counted(cases, key):
    """Pairs, cases, refusals and broken certificates by what a case is of."""
    groups = {}
    for case in cases:
        if key in case:
            groups.setdefault(case[key], []).append(case)
    return {
        name: {
            "cases": len(group),
            "pairs": sum(case["pairs"] for case in group),
            "refused": sum(case["refused"] is not None for case in group),
            "inside": sum(len(case["broken"]) for case in group),
        }
        for name, group in sorted(groups.items())
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    arguments = parser.parse_args()
    began, cases = time.perf_counter(), []
    for case in fuzzed(pairs=arguments.pairs, seed=arguments.seed, first=arguments.first):
        cases.append(case)
        for pair in case["broken"][:1]:
            print(
                f"{len(case['broken'])} inside, {case['estimator']}, {case['rows']}, {case['file']}: {pair}", flush=True
            )
        for fault in case["faults"][:1]:
            print(f"seed {arguments.seed}, case {case['number']}: {fault}", flush=True)
        if len(cases) % 500 == 0:
            print(f"{len(cases)} cases, {sum(case['pairs'] for case in cases)} pairs", flush=True)
    figures = summary(cases)
    for key in ("estimator", "norm", "file"):
        rows = [[name, *counts.values()] for name, counts in figures["by"][key].items()]
        print_table([key, "cases", "pairs", "refused", "inside"], rows)
    for reason in ("refused", "not built", "predict raised"):
        print_table(["times", reason], [[times, text] for text, times in figures[reason].items()])
    print(f"{figures['pairs']} pairs, {figures['inside']} inside, {figures['faults']} faults by rational arithmetic")
    seconds = time.perf_counter() - began
    write_result(
        "fuzz", {"seed": arguments.seed, "goal": 0, **figures, "seconds": seconds}, packages=("pandas", "polars")
    )


def summary(cases):
    """All figures of a run."""
    drawn = [case for case in cases if "estimator" in case]
    raised = sum((Counter(case["raised"]) for case in cases), Counter())
    return {
        "cases": len(cases),
        "pairs": sum(case["pairs"] for case in cases),
        "inside": sum(len(case["broken"]) for case in cases),
        "broken cases": [case["number"] for case in cases if case["broken"] or case["faults"]],
        "faults": sum(len(case["faults"]) for case in cases),
        "rows overwritten": [case["number"] for case in drawn if case["altered"]],
        "certified": float(np.mean([case["certified"] for case in drawn])) if drawn else 0.0,
        "tightest": max((case["tightest"] for case in drawn), default=0.0),
        "refused": dict(Counter(case["refused"] for case in drawn if case["refused"]).most_common()),
        "not built": dict(Counter(case["not built"] for case in cases if "not built" in case).most_common()),
        "predict raised": dict(raised.most_common()),
        "by": {key: counted(drawn, key) for key in ("estimator", "norm", "file", "rows")},
    }


if __name__ == "__main__":
    main()
