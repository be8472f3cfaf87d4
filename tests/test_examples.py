"""Each example runs, in a short form, and prints and draws what it says."""

import os
import re
import struct
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, run_command

pytestmark = pytest.mark.slow


def png_size(path):
    """Width and height of a PNG file."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return struct.unpack(">II", head[16:])


def run_example(name, picture, *arguments, **environment):
    """What an example prints."""
    command = [sys.executable, ROOT / "examples" / name, "--output", picture, *arguments]
    return run_command(command, PYTHONPATH=str(ROOT), MPLBACKEND="agg", **environment)


def numbers_after(words, text):
    """The numbers at the ends of the lines that begin with some words."""
    return [float(number) for number in re.findall(rf"^\s*{words}\s+([-+.\de]+)$", text, re.MULTILINE)]


def test_two_moons(tmp_path):
    picture = tmp_path / "moons.png"
    printed = run_example("plot_two_moons.py", picture, "--epochs", "12", "--rows", "1000")
    for name, least in (("accuracy", 0.8), ("KR", 0.3), ("certified accuracy at radius 0.2", 0.4)):
        values = numbers_after(re.escape(name), printed)
        assert len(values) == 2 and min(values) > least, (name, values)
    assert all(1.0 <= bound <= 1 + 1e-9 for bound in numbers_after("proven Lipschitz bound", printed))
    differences = [float(number) for number in re.findall(r"differs from the classifier by at most (\S+)", printed)]
    assert len(differences) == 2 and max(differences) < 1e-5
    assert re.search(r"^ +12( +-?\d+\.\d{4}){4}$", printed, re.MULTILINE)
    assert picture.stat().st_size > 50_000
    assert min(png_size(picture)) > 1000


def test_mnist_0_8(tmp_path):
    mnist = Path(os.environ.get("SKLIP_MNIST", ROOT / ".." / "shared" / "data" / "mnist.npz"))
    if not mnist.exists():
        pytest.skip(f"no MNIST at {mnist}; SKLIP_MNIST names another place")
    picture = tmp_path / "mnist.png"
    printed = run_example("plot_mnist_0_8.py", picture, "--epochs", "3", "--rows", "3000", SKLIP_MNIST=str(mnist))
    assert "val_hinge" in printed
    assert len(re.findall(r"^ +\d+( +-?\d+\.\d{4}){8}$", printed, re.MULTILINE)) == 3
    assert numbers_after("accuracy", printed)[0] > 0.97
    assert numbers_after("certified at 1.0", printed)[0] > 0.85
    assert picture.stat().st_size > 20_000
    assert min(png_size(picture)) > 500
