"""The examples on drift and counterfactuals, and the service, as a real server without TensorFlow."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_breast_cancer

import sklip
from tests.example_runs import EXAMPLES, png_size, run_example
from tests.processes import ROOT

pytestmark = pytest.mark.slow


def lines_of_numbers(text, pattern):
    """The groups of each line that matches, as rows of floats."""
    return np.array([[float(cell) for cell in cells] for cells in re.findall(pattern, text, re.MULTILINE)])


# Sensors that drift --------------------------------------------------------------------------


def test_sensor_drift(tmp_path):
    picture = tmp_path / "drift.png"
    printed = run_example("plot_sensor_drift.py", "--output", picture, "--rows", "400", "--epochs", "15")
    counts = dict(
        re.findall(r"^(test pumps|predictions that were asked for|that changed.*?) {2,}(\d+)$", printed, re.M)
    )
    assert counts["test pumps"] == "200" and int(counts["predictions that were asked for"]) == 32 * 97 * 200
    assert int(counts["that changed"]) > 1000
    assert counts["that changed within the radius"] == "0"
    months, proven, worst, mean, worst_accuracy, mean_accuracy = lines_of_numbers(
        printed, r"^ +(\d+)" + r" +(\d\.\d{4})" * 5 + "$"
    ).T
    assert months.tolist() == [0, 6, 12, 24, 36, 48, 72, 96]
    assert proven[0] == 1 and proven[-1] < 0.6 and (np.diff(proven) <= 0).all()
    assert worst[0] == mean[0] == 0 and (mean <= worst).all()
    assert (proven <= 1 - worst).all()  # what is proven has not changed
    assert mean_accuracy[0] > 0.95 and (worst_accuracy <= mean_accuracy).all()
    percent, date, sure, changed = lines_of_numbers(printed, r"^at most +(\d+) % +(\S+) +(\S+) +(\S+)$").T
    assert percent.tolist() == [1, 2, 5, 10, 20]
    assert (sure <= date).all() and (np.diff(date) > 0).all() and sure[-1] > 12
    assert (changed <= percent / 100).all()
    assert picture.stat().st_size > 50_000
    assert min(png_size(picture)) > 700


# Sandals and boots ---------------------------------------------------------------------------


def test_sandals_boots(tmp_path):
    data = Path(os.environ.get("SKLIP_FASHION_MNIST", ROOT / ".." / "shared" / "data" / "fashion_mnist.npz"))
    if not data.exists():
        pytest.skip(f"no Fashion-MNIST at {data}; SKLIP_FASHION_MNIST names another place")
    picture = tmp_path / "shoes.png"
    short = ["--epochs", "3", "--rows", "2000"]
    printed = run_example("plot_sandals_boots.py", "--output", picture, *short, SKLIP_FASHION_MNIST=str(data))
    assert re.search(r"^2000 training pictures, \d+\.\d% of them sandals; 2000 test pictures$", printed, re.MULTILINE)
    accuracy, certified = (
        float(re.search(rf"^{words} +(\S+)$", printed, re.M)[1]) for words in ("accuracy", "certified at 1.0")
    )
    assert accuracy > 0.9 and 0.75 < certified <= accuracy
    t, fall, low, median, high, other = lines_of_numbers(printed, r"^ +(\d\.\d)" + r" +(-?\d\.\d+)" * 5 + "$").T
    np.testing.assert_allclose(fall, 1 - t, atol=1e-9)
    assert (np.diff(median) < 0).all() and (fall - 1e-3 <= low).all()  # no 1-Lipschitz function falls faster
    assert (low <= median).all() and (median <= high).all()
    before, after = t < 1, t >= 1.5
    assert before.any() and not other[before].any() and (other[after] > 0.9).all()
    longest = float(re.search(r"^length of the gradient .* to (\S+)$", printed, re.M)[1])
    assert longest == pytest.approx(1, abs=1e-5)
    ratio, cosine = (
        float(re.search(rf"^{words}.* (\S+)$", printed, re.M)[1]) for words in ("radius / distance", "cosine")
    )
    assert 0.9 < ratio <= 1 and 0.9 < cosine <= 1
    assert picture.stat().st_size > 50_000
    assert min(png_size(picture)) > 900


def test_fashion_mnist(tmp_path):
    data = Path(os.environ.get("SKLIP_FASHION_MNIST", ROOT / ".." / "shared" / "data" / "fashion_mnist.npz"))
    if not data.exists():
        pytest.skip(f"no Fashion-MNIST at {data}; SKLIP_FASHION_MNIST names another place")
    picture = tmp_path / "clothes.png"
    short = ["--epochs", "2", "--rows", "1500", "--test-rows", "300", "--attacked", "3"]
    printed = run_example("plot_fashion_mnist.py", "--output", picture, *short, SKLIP_FASHION_MNIST=str(data))
    assert "1500 training pictures of shape (28, 28, 1), 300 test pictures" in printed
    accuracy, bound = (
        float(re.search(rf"^{words} +(\S+)$", printed, re.M)[1]) for words in ("accuracy", "proven Lipschitz bound")
    )
    certified = [float(share) for share in re.findall(r"^certified at \S+ +(\S+)$", printed, re.M)]
    assert accuracy > 0.6
    assert 1 <= bound < 1 + 1e-8
    assert len(certified) == 4
    assert certified == sorted(certified, reverse=True)
    assert 0 < certified[1] < accuracy
    assert "broken certificates: 0 of 3" in printed
    assert min(png_size(picture)) > 1200


# The service ---------------------------------------------------------------------------------

SERVICE = EXAMPLES / "serving"
TRAINING_ONLY = ("tensorflow", "keras", "scikeras", "tqdm")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder in which ``train.py`` left a model, and modules in the way of what only training needs."""
    folder = tmp_path_factory.mktemp("service")
    printed = run_example("serving/train.py", "--output", folder / "model.joblib", "--epochs", "5")
    assert float(re.search(r"^accuracy on 143 test rows: (\S+)$", printed, re.M)[1]) > 0.9
    for name in TRAINING_ONLY:
        (folder / "blocked" / name).mkdir(parents=True)
        (folder / "blocked" / name / "__init__.py").write_text("raise ImportError('not in the image')")
    return folder


def start(folder, model):
    """The server's process on a port that the system chooses, and the file that it logs to."""
    log = folder / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "app:app", "--app-dir", SERVICE, "--port", "0"],
            env={**os.environ, "PYTHONPATH": f"{folder / 'blocked'}{os.pathsep}{ROOT}", "MODEL_FILE": str(model)},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    return process, log


@contextlib.contextmanager
def serving(folder):
    """The address of a running server, which must end cleanly when it is told to."""
    process, log = start(folder, folder / "model.joblib")
    try:
        deadline = time.monotonic() + 120
        while not (found := re.search(r"running on (http://\S+)", log.read_text())):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield found[1]
        process.terminate()
        assert process.wait(60) in (0, -signal.SIGTERM)
        assert "Application shutdown complete" in log.read_text() and "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()


def ask(address, body=None):
    """Status and JSON of an answer; ``body`` is text, or what is written as JSON."""
    data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def named(columns, X):
    """Rows as a request holds them, columns in another order than the model's."""
    return [dict(reversed(list(zip(columns, row, strict=True)))) for row in np.asarray(X).tolist()]


def test_the_service_answers_as_the_model_does_without_tensorflow(trained):
    blocked = f"import {', '.join(TRAINING_ONLY)}"
    environment = {**os.environ, "PYTHONPATH": str(trained / "blocked")}
    refused = subprocess.run([sys.executable, "-c", blocked], env=environment, capture_output=True, text=True)
    assert "not in the image" in refused.stderr

    model = sklip.load(trained / "model.joblib")
    with serving(trained) as address:
        status, health = ask(f"{address}/health")
        assert status == 200 and health["classes"] == ["benign", "malignant"]
        assert health["columns"] == load_breast_cancer().feature_names.tolist()
        check_answers(f"{address}/predict", model, health["columns"])
        check_refusals(f"{address}/predict", health["columns"])
        assert ask(f"{address}/health") == (200, health)  # no request did any harm


def check_answers(address, model, columns):
    """Answers are those of the process, to the last bit, also of rows that differ in the last bits."""
    X = load_breast_cancer().data[::60]
    scores = []
    for row in (X[:1], X[:1] * (1 + 2.0**-48), X[:1] * (1 - 2.0**-48)):
        status, answer = ask(address, {"rows": named(columns, row)})
        (prediction,) = answer["predictions"]
        assert status == 200 and answer["fixed_columns"] == []
        assert prediction["label"] == model.predict(row)[0]
        assert prediction["score"] == model.decision_function(row)[0]
        assert prediction["radius"] == sklip.certified_radius(model, row)[0] > 0
        scores.append(prediction["score"])
    assert len(set(scores)) == 3

    tolerances = {"worst area": 50.0, "mean texture": 0.5}
    scale = [tolerances.get(name, 0.0) for name in columns]
    for norm, order in (("1", 1), ("2", 2), ("inf", np.inf)):
        _, answer = ask(address, {"rows": named(columns, X), "tolerances": tolerances, "norm": norm})
        radii = np.array([prediction["radius"] for prediction in answer["predictions"]])
        np.testing.assert_array_equal(radii, sklip.certified_radius(model, X, norm=order, tolerances=scale))
        assert [name for name in columns if name not in tolerances] == answer["fixed_columns"]
        labels = [prediction["label"] for prediction in answer["predictions"]]
        assert labels == model.predict(X).tolist()
    # The corners of the last radius, which is in tolerances and the largest change of any column.
    for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        corner = X.copy()
        for sign, (name, tolerance) in zip(signs, tolerances.items(), strict=True):
            corner[:, columns.index(name)] += 0.999 * sign * tolerance * radii
        _, answer = ask(address, {"rows": named(columns, corner)})
        assert [prediction["label"] for prediction in answer["predictions"]] == labels


def check_refusals(address, columns):
    """What the model cannot take is answered by 422 and a sentence that names it."""
    (row,) = named(columns, load_breast_cancer().data[:1])
    short = {name: value for name, value in row.items() if name != "mean area"}
    for body, said in (
        ({"rows": [row, short]}, "row 1 lacks ['mean area']. Give all 30 columns"),
        ({"rows": [row | {"colour": 1.0}]}, "row 0 names ['colour'], which the model does not have"),
        ({"rows": [row | {"mean area": float("nan")}]}, "rows.0.mean area: Input should be a finite number"),
        ({"rows": [row, row | {"mean area": -float("inf")}]}, "rows.1.mean area: Input should be a finite number"),
        ({"rows": [row | {"mean area": "1001"}]}, "rows.0.mean area: Input should be a valid number"),
        ({"rows": [row | {"mean area": True}]}, "rows.0.mean area: Input should be a valid number"),
        ({"rows": [row | {"mean area": None}]}, "rows.0.mean area: Input should be a valid number"),
        ({"rows": [list(row.values())]}, "rows.0: Input should be a valid dictionary"),
        ({"rows": []}, "rows: List should have at least 1 item"),
        ({}, "rows: Field required"),
        ({"rows": [row], "norm": "3"}, "norm: Input should be '1', '2' or 'inf'"),
        ({"rows": [row], "scale": [1.0]}, "scale: Extra inputs are not permitted"),
        ({"rows": [row], "tolerances": {"colour": 1.0}}, "tolerances names ['colour']"),
        ({"rows": [row], "tolerances": {"mean area": -1.0}}, "must be a finite number of 0 or more"),
        ({"rows": [row], "tolerances": {}}, "all 0, so that no column may move"),
        ('{"rows": [', "The body is no JSON"),
        ({"rows": [row | {"x" * 100_000: 1.0}]}, "xxx…, which the model does not have"),
    ):
        status, answer = ask(address, body)
        assert status == 422 and said in answer["detail"], (said, answer)
        assert len(answer["detail"]) < 1000
    with pytest.raises((urllib.error.HTTPError, urllib.error.URLError)) as refused:  # or the connection is cut
        urllib.request.urlopen(urllib.request.Request(address, b" " * (1 << 25)), timeout=60)
    assert getattr(refused.value, "code", 413) == 413


def test_a_damaged_model_keeps_the_server_from_starting(trained, tmp_path):
    (tmp_path / "model.joblib").write_bytes((trained / "model.joblib").read_bytes()[:2000])
    process, log = start(trained, tmp_path / "model.joblib")
    try:
        assert process.wait(120) != 0
    finally:
        process.kill()
        process.wait()
    assert "ModelFileError: The file is truncated" in log.read_text()


def test_the_image_has_what_the_app_imports_and_the_versions_of_the_training(trained):
    """No Docker here: the names of the files that its commands copy, and the packages that they install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*(SERVICE / "requirements.txt").read_text().splitlines(), *project["dependencies"]]
    needed = {line.split(">=")[0] for line in lines if ">=" in line}
    assert needed == {"fastapi", "uvicorn", "numpy", "scikit-learn", "scipy", "joblib", "threadpoolctl"}
    copied = " ".join(re.findall(r"^COPY (.*) \./$", (SERVICE / "Dockerfile").read_text(), re.M)).split()
    constraints = (trained / "constraints.txt").read_text().splitlines()
    assert f"scikit-learn=={sklearn.__version__}" in constraints
    assert {line.split("==")[0] for line in constraints} <= needed
    made = {"constraints.txt", "model.joblib", "scikit_lipschitz-*.whl"}  # by train.py and pip wheel
    assert made < set(copied) and all((SERVICE / name).exists() for name in set(copied) - made)
