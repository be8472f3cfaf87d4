"""Run Python in a fresh interpreter, or in a forked copy of this one."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

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

COMPILED_SOONER = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}
"""Environment of a process that spends most of its time on compilations by XLA, and little on what they compute."""


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


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def _report(connection, call):
    try:
        connection.send(call())
    except Exception as error:
        connection.send(error)


def in_forked_child(call, seconds=60):
    """What a call returns or raises in a forked copy of this process; None where it does not come back."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_report, args=(theirs, call))
    child.start()
    try:
        return ours.recv() if ours.poll(seconds) else None
    finally:
        child.kill()
        child.join()
