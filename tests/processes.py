"""Run Python in a fresh interpreter."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

WITHOUT = """
import sys

class Without:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Without)
"""
"""Source to put before a script: packages that its arguments name are as if they were not installed."""


def run_command(command, *, timeout=300, **environment):
    """Run a command; return its standard output, or fail with what it wrote."""
    result = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    return result.stdout


def run_script(script, *arguments, python=sys.executable, root=ROOT, timeout=300, environment=None):
    """Run Python source that finds ``sklip`` and ``tests`` under ``root``; return what it printed."""
    variables = {**(environment or {}), "PYTHONPATH": str(root)}
    return run_command([python, "-c", script, *arguments], timeout=timeout, **variables)


def last_json(output):
    """The last line of an output, read as JSON."""
    return json.loads(output.strip().splitlines()[-1])
