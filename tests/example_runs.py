"""Run an example as a user does, and look at the picture that it wrote."""

import struct
import sys

from tests.processes import ROOT, run_command


def png_size(path):
    """Width and height of a PNG file."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return struct.unpack(">II", head[16:])


def run_example(name, picture, *arguments, **environment):
    """What an example prints."""
    command = [sys.executable, ROOT / "examples" / name, "--output", picture, *arguments]
    return run_command(command, PYTHONPATH=str(ROOT), MPLBACKEND="agg", **environment)
