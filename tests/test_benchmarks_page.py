"""The page of the benchmarks is made of their JSON."""

import copy
import importlib
import re
import sys

import pytest

from tests.helpers import REPOSITORY

SPREAD = {"median": 2.0, "least": 1.5, "greatest": 2.5}
# One result of each kind that a benchmark of speed writes, with goals that are reached and goals that are missed.
SPEED = {
    "fit_against_deel_lip": {
        "turns": 1,
        "calls": {
            "two moons, GroupSort2, first call": {
                "goal": 5.0, "seconds": {"sklip": [2.0, 3.0], "deel-lip": [20.0, 18.0], "torchlip": [10.0, 12.0]},
                "ratio": {"deel-lip": {"median": 8.0, "least": 6.0, "greatest": 10.0}, "torchlip": SPREAD},
            },
            "MNIST 0-8, GroupSort2, later call": {
                "goal": 12.0, "seconds": {"sklip": [1.0], "deel-lip": [2.0]}, "ratio": {"deel-lip": SPREAD},
            },
        },
        "quality": {"two moons, GroupSort2": {"sklip": {"loss": [-0.84, -0.85], "accuracy": [0.99, 1.0]}}},
    },
    "step": {
        "goals": {"two moons": 0.85}, "turns": 1, "settings": {"width": 1024, "depth": 3},
        "ratios": {"two moons": {"what": "a step", "ratio": SPREAD}, "wide": {"what": "wide", "ratio": SPREAD}},
        "seconds": {"two moons": {"sklip, XLA": {"median": 0.00123}, "NumPy": {"median": 0.00144}}},
    },
    "growth": {
        "turns": 1, "depth_width": 128,
        "axes": {"rows": {
            "goal": 1.03, "sizes": [50_000, 100_000], "seconds": [SPREAD, SPREAD], "constant": [SPREAD, SPREAD],
            "exponent": {"median": 1.01, "least": 0.99, "greatest": 1.02}, "exponent with constants": 0.97,
            "last doubling": 1.0,
        }},
    },
    "out_of_core": {
        "goal_mb": 1536, "file_gb": 4.0, "rows": 1_000_000, "features": 1_000, "widths": [64, 32], "parts": 10,
        "runs": {
            "fit": {"peak_mb": 1200.4, "before_mb": 700.0, "seconds": 60.0, "reading_seconds": 1.5},
            "partial_fit": {"peak_mb": 1600.0, "before_mb": 7.0, "seconds": 6.0, "reading_seconds": 1.5},
        },
    },
    "search": {
        "goals": {"SciKeras / sklip": 15, "sklip / MLPClassifier": 2}, "turns": 1, "candidates": 24,
        "SciKeras candidates": 2, "seconds": {"sklip, XLA": SPREAD},
        "ratios": {setting: {"SciKeras / sklip": {**SPREAD, "median": 16.0}, "sklip / MLPClassifier": SPREAD}
                   for setting in ("XLA", "default")},
    },
    "serving": {
        "goals": {"SciKeras / sklip, one row": 300.0, "sklip / MLPClassifier, one row": 1.0}, "turns": 1,
        "one row": {
            "seconds": {"sklip": {"median": 0.000031}},
            "ratios": {"SciKeras / sklip, one row": SPREAD, "sklip / MLPClassifier, one row": SPREAD, "other": SPREAD},
        },
    },
    "serving_memory": {
        "goals": {"extra_mb": 40, "exponent": 1.03}, "turns": 1, "exponent": {**SPREAD, "median": 1.0},
        "extra_mb": {"sklip, resident": SPREAD, "MLPClassifier, resident": SPREAD},
        "served": {"predict, 100000 rows": {"seconds": SPREAD, "extra_mb": SPREAD, "result_mb": 0.8}},
    },
    "gpu_jax": {
        "device": "A GPU", "backend": "jax", "widths": [1024] * 3, "rows": 60_000, "turns": 1,
        "channels": 256, "convolutions": 3,
        "goals": {
            "epoch seconds": {
                "dense, batch 256": {"Keras": 0.3, "compiled epoch": 2.4}, "ConvNet, batch 256": {"compiled epoch": 1.1}
            },
            "records": {"MNIST": {"certified at 0.3": 0.965, "clean": 0.98}},
        },
        "epoch seconds": {
            name: {"runs": {"sklip": SPREAD}, "ratios": {"Keras": SPREAD, "compiled epoch": SPREAD}}
            for name in ("dense, batch 256", "ConvNet, batch 256")
        },
        "records": {"MNIST": {"seconds": 99.0, "epochs": 100, "clean": 0.98, "certified at 0.3": 0.96,
                              "certified at 1.0": 0.8, "certified at 1.58": 0.6}},
        "orthonormality": {
            "on": {"least": 0.999, "greatest": 1.0000001, "epoch seconds": 1.0, "accuracy": 0.98}
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def make_page():
    sys.path.insert(0, str(REPOSITORY / "benchmarks"))
    yield importlib.import_module("make_page")
    sys.path.remove(str(REPOSITORY / "benchmarks"))


@pytest.fixture(scope="module")
def prose():
    return (REPOSITORY / "benchmarks" / "page.md").read_text()


def test_the_page_is_what_the_script_makes_of_the_results(make_page, prose):
    assert make_page.PAGE.read_text() == make_page.make_page(make_page.read_results(), prose), "make benchmarks-page"


@pytest.mark.parametrize("name", SPEED)
def test_a_result_of_speed_fills_its_section(make_page, prose, name):
    results = make_page.read_results()
    results[name] = {**copy.deepcopy(results["import"]), "figures": SPEED[name]}
    page = make_page.make_page(results, prose)
    assert "${" not in page
    assert f"`{name}.json`" in page
    others = {other: result for other, result in results.items() if other != name}
    shorter = make_page.make_page(others, prose)
    assert len(re.findall("(?m)^## ", page)) == len(re.findall("(?m)^## ", shorter)) + 1


def test_goals_are_judged(make_page):
    made = {name: make_page.MAKERS[name](figures) for name, figures in SPEED.items()}
    assert "| **8.00** (6.00 to 10.00) | 5 | 2.00 (1.50 to 2.50) |" in made["fit_against_deel_lip"]["calls"]
    assert "| 2.0 s | | 2.00 ✗ (1.50 to 2.50) | 12 | |" in made["fit_against_deel_lip"]["calls"]
    assert "| −0.8450 | 0.9950 |" in made["fit_against_deel_lip"]["quality"]
    assert "| a step | 2.00 ✗ (1.50 to 2.50) | 0.85 |" in made["step"]["ratios"]
    assert "| wide | 2.00 (1.50 to 2.50) | |" in made["step"]["ratios"]
    assert "**1.010** (0.990 to 1.020)" in made["growth"]["rows"]
    assert "| `fit` | **1,200 MB** | 1,536 MB | 700 MB | 60.0 s | 1.5 s |" in made["out_of_core"]["rows"]
    assert "| `partial_fit` | 1,600 MB ✗ |" in made["out_of_core"]["rows"]
    assert "**16.0** (1.5 to 2.5) | ≥ 15 |" in made["search"]["rows"]
    assert "**2.00** (1.50 to 2.50) | ≤ 2 |" in made["search"]["rows"]
    assert "2.00 ✗ (1.50 to 2.50) | ≥ 300 |" in made["serving"]["ratios"]
    assert "sklip: 31.0 µs" in made["serving"]["times"]
    assert made["serving_memory"]["exponent"] == "**1.000** (1.500 to 2.500)"
    assert "| sklip, resident | **2.0** (1.5 to 2.5) | 40 MB |" in made["serving_memory"]["extra"]
    table = made["gpu_jax"]["table"]
    assert "784-1024×3-10, batch 256: an epoch of sklip | 2.0 s | |" in table
    assert "in the same compiled epoch | **2.00** (1.50 to 2.50) | ≤ 2.4 |" in table
    assert "in the same compiled epoch | 2.00 ✗ (1.50 to 2.50) | ≤ 1.1 |" in table
    assert "by its `fit` | 2.00 (1.50 to 2.50) | |" in table
    assert "| **98.00**; 96.00 ✗, 80.00, 60.00 | clean ≥ 98.00; certified at 0.3 ≥ 96.50 |" in table


def test_a_placeholder_without_a_text_is_an_error(make_page):
    with pytest.raises(KeyError, match="nonsense"):
        make_page.make_page(make_page.read_results(), "## A section\n\n${import.nonsense}\n")
    assert make_page.make_page({}, "## A section\n\n${import.nonsense}\n## Another\n") == "## Another\n"
