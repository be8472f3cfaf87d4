"""Imports point one way: a package imports what stands below it."""

import ast
from pathlib import Path

import pytest

from tests.helpers import REPOSITORY

PACKAGE = REPOSITORY / "sklip"
FROM_THE_GROUND = [
    ["_compat"],
    ["_version", "_tensors", "_stack_level", "_requirements", "_progress_bar", "_frozen", "_loss_checks", "exceptions"],
    ["_heads", "arithmetic"],
    ["rows"],
    ["_labels", "_other_distribution", "_overrides", "manifold", "served", "loss_formulas", "regression_formulas"],
    ["front_formulas"],
    ["layers", "losses"],
    ["architectures"],
    ["certification", "training"],
    ["attacks", "interop"],
    ["estimators"],
    ["pipelines", "persistence", "_sklearn_onnx"],
    ["auditing", "conformal", "metrics"],
    ["plotting"],
]
FLOORS = {name: floor for floor, names in enumerate(FROM_THE_GROUND) for name in names}


def room(module):
    """The package or module right below sklip that a module belongs to."""
    return module.split(".")[1] if "." in module else "sklip"


def imported(path):
    """Names of all modules of sklip that a file imports, within functions as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("sklip"))
        elif isinstance(node, ast.ImportFrom) and node.module == "sklip":
            yield from (f"sklip.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sklip."):
            yield node.module


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path):
    here = room(".".join(path.relative_to(REPOSITORY).with_suffix("").parts))
    for module in imported(path):
        there = room(module)
        assert there == here or FLOORS[there] < FLOORS[here], f"{here} imports {module}"


def test_every_package_has_a_floor():
    assert {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES} == set(FLOORS)
