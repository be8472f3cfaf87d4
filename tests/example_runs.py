"""Run an example as a user does, and look at its picture."""

import contextlib
import io
import runpy
import struct
import sys

import pytest

from tests.processes import ROOT, run_command

EXAMPLES = ROOT / "examples"


def png_size(path):
    """Width and height of a PNG file."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return struct.unpack(">II", head[16:])


def run_alone(name, *arguments, **environment):
    """What an example prints in a fresh process."""
    command = [sys.executable, EXAMPLES / name, *arguments]
    return run_command(command, PYTHONPATH=str(ROOT), MPLBACKEND="agg", **environment)


def run_example(name, *arguments, **environment):
    """What an example prints; it runs in this process, as the start of TensorFlow takes longer than most of them.

    A package that a former test has imported is there as well: ``test_examples.py`` looks at what examples import.
    """
    plt, printed = pytest.importorskip("matplotlib.pyplot"), io.StringIO()
    plt.switch_backend("agg")
    plt.close("all")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setattr(sys, "argv", [name, *map(str, arguments)])
        patch.delitem(sys.modules, "ipykernel", raising=False)  # in a notebook examples read no arguments
        for variable, value in environment.items():
            patch.setenv(variable, value)
        try:
            runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        finally:
            plt.close("all")
    return printed.getvalue()
