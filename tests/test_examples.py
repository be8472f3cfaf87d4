"""Each example runs, in a short form, and prints and draws what it says."""

import ast
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from sklip import __all__ as names_of_sklip
from tests.example_runs import EXAMPLES, png_size, run_alone, run_example
from tests.processes import ROOT


def imported_whole(tree):
    """The packages that the script of a syntax tree imports as they are, by the name that they have there."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    return {alias.asname or alias.name: alias.name for node in imports for alias in node.names}


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.py")), ids=lambda path: path.stem)
def test_an_example_imports_the_modules_that_it_uses(path):
    """The others run in a process where all of them are; what ``import sklip`` alone gives is in its list of names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    packages = imported_whole(tree)
    assert not {"sklearn", "scipy"} & {name.partition(".")[0] for name in packages.values()}  # as they import nothing
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    of_sklip = {node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id == "sklip"}
    assert of_sklip <= {*names_of_sklip}
    assert not of_sklip or packages["sklip"] == "sklip"


def mnist_or_skip():
    """The path of MNIST's .npz file; skips the test where there is none."""
    mnist = Path(os.environ.get("SKLIP_MNIST", ROOT / ".." / "shared" / "data" / "mnist.npz"))
    if not mnist.exists():
        pytest.skip(f"no MNIST at {mnist}; SKLIP_MNIST names another place")
    return mnist


def numbers_after(words, text):
    """The numbers at the ends of the lines that begin with some words."""
    return [float(number) for number in re.findall(rf"^\s*{words}\s+([-+.\de]+)$", text, re.MULTILINE)]


@pytest.mark.slow
def test_two_moons(tmp_path):
    picture = tmp_path / "moons.png"
    printed = run_alone("plot_two_moons.py", "--output", picture, "--epochs", "12", "--rows", "1000")
    for name, least in (("accuracy", 0.8), ("KR", 0.3), ("certified accuracy at radius 0.2", 0.4)):
        values = numbers_after(re.escape(name), printed)
        assert len(values) == 2 and min(values) > least, (name, values)
    assert all(1.0 <= bound <= 1 + 1e-9 for bound in numbers_after("proven Lipschitz bound", printed))
    differences = [float(number) for number in re.findall(r"differs from the classifier by at most (\S+)", printed)]
    assert len(differences) == 2 and max(differences) < 1e-5
    assert re.search(r"^ +12( +-?\d+\.\d{4}){4}$", printed, re.MULTILINE)
    assert picture.stat().st_size > 50_000
    assert min(png_size(picture)) > 1000


@pytest.mark.slow
def test_mnist_0_8(tmp_path):
    mnist = mnist_or_skip()
    picture = tmp_path / "mnist.png"
    printed = run_example(
        "plot_mnist_0_8.py", "--output", picture, "--epochs", "3", "--rows", "3000", SKLIP_MNIST=str(mnist)
    )
    assert "val_hinge" in printed
    assert len(re.findall(r"^ +\d+( +-?\d+\.\d{4}){8}$", printed, re.MULTILINE)) == 3
    assert numbers_after("accuracy", printed)[0] > 0.97
    assert numbers_after("certified at 1.0", printed)[0] > 0.85
    assert picture.stat().st_size > 20_000
    assert min(png_size(picture)) > 500


@pytest.mark.slow
def test_cross_entropy(tmp_path):
    picture = tmp_path / "cross_entropy.png"
    printed = run_example("plot_cross_entropy.py", "--output", picture)
    values = re.findall(r"^cross_entropy2? +\[.*\] +(\S+) +(\S+)$", printed, re.MULTILINE)
    of_the_notebook = [
        "0.10536051571528555",
        "0.1053605156913434",
        "0.22314355134622274",
        "2.3025850930218996",
        "1.2039728043294426",
        "0.10536051565782628",
    ]
    assert [value for value, _ in values] == of_the_notebook
    for given, here in values:  # libm's logarithm may differ in the last bit
        assert float(here) == pytest.approx(float(given), rel=1e-15, abs=0)
    (difference,) = re.findall(r"difference of the two results (\S+), by the terms above \1$", printed, re.MULTILINE)
    assert float(difference) == pytest.approx(2.3942e-11, rel=1e-4)
    table = re.search(r"^prediction +−log p .*\n((?:\[.*\n)+)", printed, re.MULTILINE)[1]
    for line in table.splitlines():
        exact, *others = [float(number) for number in line.split("]")[1].split()]
        assert others == pytest.approx([exact] * 3, rel=1e-14), line
    assert len(table.splitlines()) == 4
    assert "[dfdx, dfdy, dfdz] = [-4.0, -4.0, 3.0]" in printed
    assert re.findall(r"df/d([xyz]) = (\S+)", printed) == [("x", "-4.000000"), ("y", "-4.000000"), ("z", "3.000000")]
    deviations = numbers_after("largest relative deviation along 20 directions", printed)
    projections = numbers_after("from the projection of the plain layer's gradient", printed)
    assert len(deviations) == len(projections) == 3
    assert max(deviations) < 1e-8 and max(projections) < 1e-12
    assert picture.stat().st_size > 20_000
    assert min(png_size(picture)) > 500


@pytest.mark.slow
def test_hyperparameter_search(tmp_path):
    pytest.importorskip("optuna")
    mnist = mnist_or_skip()
    picture = tmp_path / "search.png"
    short = ["--rows", "300", "--epochs", "2", "--journal", tmp_path / "journal.log"]

    def search(*more):
        return run_example("plot_hyperparameter_search.py", "--output", picture, *short, *more, SKLIP_MNIST=str(mnist))

    printed = search("--trials", "2")
    assert "0 trials were in the journal; 2 of 2 are left to run" in printed
    assert re.search(r"^9 trials; on the Pareto front .*\n( +0\.\d{4}  0\.\d{4}  \w+ +\S.*\n)+", printed, re.MULTILINE)
    assert picture.stat().st_size > 20_000
    assert min(png_size(picture)) > 500

    printed = search("--trials", "3", "--searches", "optuna", "--prune")
    assert "2 trials were in the journal; 1 of 3 are left to run" in printed
    assert "3 trials, 0 of them pruned" in printed
    assert "chosen by the optuna search: hidden_layer_sizes=(" in printed
    table = re.findall(r"^(accuracy|certified at \S+) +(\d\.\d{4}) +(\d\.\d{4})$", printed, re.MULTILINE)
    assert [words for words, *_ in table] == ["accuracy", *(f"certified at {radius}" for radius in (0.25, 0.5, 1.0))]
    for column in zip(*([float(number) for number in numbers] for _, *numbers in table), strict=True):
        assert 0 < column[0] <= 1 and sorted(column, reverse=True) == list(column)


@pytest.mark.slow
def test_hyperparameter_search_without_optuna(tmp_path, monkeypatch):
    """No Optuna, and no data but a few rows."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    rng = np.random.default_rng(0)
    pictures, labels = rng.integers(256, size=(80, 28, 28), dtype=np.uint8), np.arange(80, dtype=np.uint8) % 10
    np.savez(tmp_path / "mnist.npz", x_train=pictures, y_train=labels, x_test=pictures, y_test=labels)
    short = ["--rows", "80", "--trials", "2", "--epochs", "1", "--searches", "grid", "optuna"]
    printed = run_example("plot_hyperparameter_search.py", *short, SKLIP_MNIST=str(tmp_path / "mnist.npz"))
    assert "pip install 'scikit-lipschitz[search]'" in printed
    assert re.search(r"^accuracy +\d\.\d{4}", printed, re.MULTILINE)


def table_after(title, text):
    """The numbers of the table under a title, by the words before them; nan for a dash."""
    lines = text.split(f"\n{title}", 1)[1].split("\n\n")[0].splitlines()[2:]
    found = {}
    for line in lines:
        match = re.match(r"([A-Z][\w. ,]+?) {2,}((?:[–\d.]+ *){4})$", line)
        if match:
            found[match[1]] = [np.nan if cell == "–" else float(cell) for cell in match[2].split()]
    return found


@pytest.mark.slow
def test_cross_entropy_per_class(tmp_path):
    picture = tmp_path / "per_class.png"
    printed = run_example("plot_cross_entropy_per_class.py", "--output", picture, "--epochs", "15")
    assert "100 rows, 50 of them positive" in printed
    for title in ("Before training", "After 8 epochs"):
        table = table_after(title, printed)
        whole, (_, half, positives, negatives) = table["Keras, one input"][0], table["Keras, two inputs"]
        assert [half, whole] == pytest.approx([(positives + negatives) / 2] * 2, abs=1e-6), title
    assert table_after("After 8", printed)["Keras, one input"][0] < 0.3  # it was 0.68
    for title, share in (("LipschitzMLP, balanced", 1 / 2), ("LipschitzMLP, unbalanced", 5 / 6)):
        table = table_after(title, printed)
        assert list(table) == ["LipschitzMLP.loss_terms", "Keras, one input", "Keras, two inputs"]
        whole, half, positives, negatives = of_sklip = table["LipschitzMLP.loss_terms"]
        assert table["Keras, two inputs"] == pytest.approx(of_sklip, abs=1e-6)
        assert table["Keras, one input"][0] == pytest.approx(whole, abs=1e-6)
        assert whole == pytest.approx(share * positives + (1 - share) * negatives, abs=2e-7)
        assert half == pytest.approx((positives + negatives) / 2, abs=2e-7)
    assert negatives > 2 * positives and half > 1.3 * whole  # the small class pays
    differences = numbers_after("largest difference between the routes:", printed)
    assert len(differences) == 2 and max(differences) < 1e-6
    (apart,) = re.findall(r"^with balanced weights .*: (\S+) apart$", printed, re.MULTILINE)
    assert float(apart) < 1e-12
    loss, nats, tau = map(
        float, re.search(r"loss (\S+) = cross_entropy (\S+) / tau (\S+)$", printed, re.MULTILINE).groups()
    )
    assert loss == pytest.approx(nats / tau, abs=3e-7)
    assert min(numbers_after("accuracy:", printed)) > 0.95
    assert picture.stat().st_size > 50_000
    assert min(png_size(picture)) > 700


def rows_after(title, text):
    """The numbers under a title and a line of headings, by the first of each line."""
    lines = text.split(f"\n{title}\n", 1)[1].split("\n\n")[0].splitlines()[1:]
    rows = ([float(cell) for cell in line.split()] for line in lines if re.match(r" +-?\d", line))
    return {first: others for first, *others in rows}


@pytest.mark.slow
def test_cross_entropy_stability(tmp_path):
    picture = tmp_path / "stability.png"
    printed = run_example("plot_cross_entropy_stability.py", "--output", picture, "--points", "101")
    costs = rows_after("Cross-entropy of a positive row of logit a", printed)
    assert list(costs) == [10, 15, 20, 50, 87, 100, 700]
    for logit, (exact, clipped, recovered, from_logits, sklip, double) in costs.items():
        assert [exact, double] == pytest.approx([np.log1p(np.exp(-logit))] * 2, rel=1e-4, abs=0)
        assert [from_logits, sklip] == pytest.approx([exact] * 2, rel=1e-4, abs=1.2e-38)
        assert clipped == pytest.approx(max(exact, 1.19e-7), rel=0.05)
        assert np.isnan(recovered) == (logit > 17)
    slopes = rows_after("Derivative by the logit a", printed)
    for logit, (exact, clipped, _, from_logits, sklip) in slopes.items():
        assert [exact, from_logits, sklip] == pytest.approx([-1 / (1 + np.exp(logit))] * 3, rel=1e-4)
        assert (clipped == 0.0) == (abs(logit) > 16.5)
    assert min(slopes) == -100 and len(slopes) == 9
    near_and_far = dict(re.findall(r"^(clipped|recovered|from logits|sklip) {2,}(\S+ +\S+)$", printed, re.MULTILINE))
    off = {way: [float(number) for number in numbers.split()] for way, numbers in near_and_far.items()}
    assert max(off["sklip"]) < 4 and max(off["from logits"]) < 8
    assert min(off["clipped"]) > 1e6 and min(off["recovered"]) == np.inf
    (tempered,) = numbers_after("sklip, from scores f", printed)
    (rounded,) = numbers_after("from logits 40 · f", printed)
    assert tempered < 4 and rounded > 5 * tempered
    hidden = {
        words: float(number)
        for words, number in re.findall(r"^(Keras, \w+|a = 18, exact).* (\S+)$", printed, re.MULTILINE)
    }
    assert hidden["Keras, right"] == pytest.approx(hidden["a = 18, exact"], rel=1e-4)
    assert hidden["Keras, with"] == pytest.approx(1.19e-7, rel=1e-2)
    (first,) = re.findall(r"not a number, from a = (\S+) on$", printed, re.MULTILINE)
    assert 16.5 < float(first) < 17.5
    assert picture.stat().st_size > 30_000
    assert min(png_size(picture)) > 600


@pytest.mark.slow
def test_wasserstein(tmp_path):
    picture = tmp_path / "wasserstein.png"
    printed = run_example("plot_wasserstein.py", "--output", picture, "--epochs", "150", "--rows", "600")
    (proven,), (exact,) = numbers_after("proven lower bound", printed), numbers_after("exact distance", printed)
    assert 0.98 * exact < proven <= exact
    assert numbers_after("bound / exact", printed)[0] == pytest.approx(proven / exact, abs=1e-4)
    assert 1.0 <= numbers_after("Lipschitz bound", printed)[0] <= 1 + 1e-9
    elsewhere, exact_elsewhere = re.search(r"by 0.5: proven (\S+), exact (\S+)$", printed, re.MULTILINE).groups()
    assert 0.8 * float(exact_elsewhere) < float(elsewhere) <= float(exact_elsewhere)
    rise = numbers_after("mean rise of the potential per distance, along the plan", printed)[0]
    assert rise == pytest.approx(proven / exact, abs=2e-4)
    assert picture.stat().st_size > 50_000
    assert min(png_size(picture)) > 600
