"""What a training shows: nothing, one live line, or a table; and nothing of TensorFlow's own."""

import io
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from sklip import audit
from sklip._progress_bar import progress_bar
from sklip.training import quiet
from tests.estimator_fixtures import blobs, classifier, fitted, mlp, moons
from tests.processes import ROOT

# TensorFlow warns of the fifth compilation in a process; a worker gets an optimizer of Keras.
SILENT = """
import os
from joblib import Parallel, delayed
from tests.estimator_fixtures import classifier, moons

for width in range(2, 16, 2):
    classifier(hidden_layer_sizes=(width,), epochs=2, jit_compile=width == 4).fit(*moons())
assert "TF_CPP_MIN_LOG_LEVEL" not in os.environ  # nor will child processes have it

Parallel(n_jobs=2)([delayed(classifier(epochs=2).fit)(*moons())])
import keras
model = classifier(epochs=2, optimizer=keras.optimizers.Adam(0.01))
Parallel(n_jobs=2)([delayed(model.fit)(*moons())])
"""

# What the user chose, and functions of the user's own.
LOUD = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"
from tests.estimator_fixtures import classifier, moons
classifier().fit(*moons())
assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
import tensorflow as tf
theirs = tf.function(lambda x: x + 1)
for size in range(9):
    theirs(tf.zeros(size))
"""

# A notebook's IPython, and no ipywidgets beside it.
IN_A_BARE_NOTEBOOK = """
import sys, types, warnings
IPython = types.ModuleType("IPython")
IPython.get_ipython = object
sys.modules.update({"IPython": IPython, "ipykernel.zmqshell": IPython, "ipywidgets": None})
from sklip._progress_bar import progress_bar
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    progress_bar(total=1, file=sys.stdout).close()
    print(len(heard))
    del sys.modules["tqdm.autonotebook"]
    import tqdm.autonotebook
    print(*(warning.category.__name__ for warning in heard))
"""


def run(script, *arguments, **environment):
    """Standard output and error of a fresh interpreter, in which nobody has chosen a log level."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )


def live_lines(text):
    """What a live line showed, one after the other."""
    return [line.strip() for line in re.split("[\r\n]", text) if line.startswith("epoch")]


@pytest.mark.slow
def test_training_writes_nothing_at_all_here_or_in_workers():
    finished = run(SILENT)
    assert (finished.stdout, finished.stderr) == ("", "")


@pytest.mark.slow
def test_what_the_user_wants_to_hear_is_heard():
    errors = run(LOUD).stderr
    assert "cpu_feature_guard" in errors
    assert "retracing" in errors


@pytest.mark.slow
def test_another_backend_shows_the_same_line_and_nothing_else():
    pytest.importorskip("jax")
    script = "from tests.estimator_fixtures import classifier, moons\nclassifier(verbose=1).fit(*moons())"
    finished = run(script, KERAS_BACKEND="jax")
    assert finished.stdout == ""
    *others, last = live_lines(finished.stderr)
    assert re.fullmatch(r"epoch 3/3 \S+ ?<00:00 loss \S+ kr \S+ accuracy [01]\.\d{3}", last), last
    assert len(others) + 1 == len(list(filter(None, finished.stderr.splitlines())))


def test_a_notebook_without_widgets_shows_text_and_no_advice():
    finished = run(IN_A_BARE_NOTEBOOK)
    *_, bar, heard, heard_of_tqdm_alone = finished.stdout.splitlines()
    assert "0/1" in bar and finished.stderr == ""
    assert (heard, heard_of_tqdm_alone) == ("0", "TqdmWarning")


def test_what_is_no_greeting_is_written_after_the_start(capfd, monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    greetings = (
        b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        b"I0000 00:00:1.5   12 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used.\n"
        b"2026-01-01 10:00:00.123456: W tensorflow/tsl.cc:1] Something\n"
        b"E0000 00:00:1.5   12 cuda_platform.cc:52] failed call to cuInit: INTERNAL: UNKNOWN ERROR (303)\n"
    )
    news = b"E0000 00:00:1.5   12 cuda_platform.cc:52] failed call to cuInit: driver mismatch\nInfinite disk on fire\n"
    with pytest.raises(RuntimeError, match="broke"), quiet.quiet_start():
        os.write(2, greetings + news)
        raise RuntimeError("broke")
    assert capfd.readouterr().err.encode() == news
    assert "TF_CPP_MIN_LOG_LEVEL" not in os.environ


def test_silence_is_the_default(capsys):
    classifier().fit(*moons())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("make", "data", "term"), [(classifier, moons, "kr"), (mlp, moons, "cross_entropy"), (mlp, blobs, "cross_entropy")]
)
def test_one_line_shows_the_numbers_of_the_history(capsys, make, data, term):
    X, y = data()
    model = make(verbose=1).fit(100 * X, y, X_val=100 * X[::2], y_val=y[::2])
    output, errors = capsys.readouterr()
    assert output == ""
    *_, last = live_lines(errors)
    assert last.startswith("epoch 3/3") and "<00:00" in last
    history = {name: values[-1] for name, values in model.history_.items()}
    expected = (
        f"loss {history['loss']:#.3g} (val {history['val_loss']:#.3g}) {term} {history[term]:#.3g} "
        f"accuracy {history['accuracy']:.3f} (val {history['val_accuracy']:.3f})"
    )
    assert last.endswith(expected)
    assert errors.count("\n") == 1


def test_a_table_has_a_row_an_epoch_with_all_of_the_history(capsys):
    X, y = moons()
    model = classifier(verbose=2, epsilon=5.0).fit(100 * X, y, X_val=100 * X[::2], y_val=y[::2])
    output, errors = capsys.readouterr()
    assert errors == ""
    header, *rows = output.splitlines()
    assert header.split() == ["epoch", *model.history_, "time"]
    assert len(rows) == model.n_iter_
    for number, row in enumerate(rows):
        epoch, *values, seconds, unit = row.split()
        assert (epoch, unit) == (f"{number + 1}/3", "s") and float(seconds) >= 0
        assert len(row) == len(header)
        np.testing.assert_allclose(
            [float(value) for value in values],
            [column[number] for column in model.history_.values()],
            rtol=1e-3,
            atol=1e-4,
        )


def test_a_table_tells_of_an_early_stop(capsys):
    model = classifier(verbose=2, epochs=30, early_stopping=True, n_iter_no_change=1, tol=10.0).fit(*moons())
    assert model.n_iter_ < 30
    *rows, last = capsys.readouterr().out.splitlines()
    assert (len(rows), last) == (1 + model.n_iter_, "Stopped before the last of 30 epochs.")


def test_partial_fit_continues_one_table(capsys):
    X, y = moons()
    model = classifier(verbose=2)
    for _ in range(3):
        model.partial_fit(X, y, classes=[0, 1])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["epoch", "1", "2", "3"]


def test_a_training_that_breaks_ends_its_line(monkeypatch):
    import keras

    class Broken(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            raise KeyboardInterrupt

    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    with pytest.raises(KeyboardInterrupt):
        classifier(verbose=1, callbacks=[Broken()]).fit(*moons())
    assert screen.getvalue().endswith("\n")


# Output that fails ----------------------------------------------------------------------------

REFUSED = """
import sys
import numpy as np
from sklip import audit
from sklip.training import reuse, runtime
from tests.estimator_fixtures import classifier, moons
where, *closed = sys.argv[1:]
if closed:
    runtime.prepare()  # JAX, which TensorFlow imports where it is installed, looks at standard output
for name in closed:
    getattr(sys, name).close()
X, y = moons()
alike = {"learning_rate_schedule": "constant"}  # so that partial_fit uses the compiled network of fit
models = [classifier(verbose=verbose, **alike).fit(X, y) for verbose in (0, 1, 2)]
models[1].partial_fit(X, y)
classifier(verbose=1, early_stopping=True, tol=0.0, **alike).fit(X, y)  # which warns
assert len(reuse.kept()) == 2
import sklip.auditing._audit as module
bar = module.progress_bar
module.progress_bar = lambda **options: bar(**options | {"delay": 0, "disable": False, "mininterval": 0})
assert not audit(models[0], X, n_steps=1, restarts=1).broken.any()
np.save(where, [model.decision_function(X) for model in models])
"""


def train_in(tmp_path, *closed, redirect="", **streams):
    """Scores after trainings of every ``verbose`` in a process with these streams, which saves them to a file."""
    where = tmp_path / "scores.npy"
    command = ["sh", "-c", f'exec "$@" {redirect}', "sh", sys.executable, "-c", REFUSED, where, *closed]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    finished = subprocess.run(command, env=environment, timeout=300, **streams)
    assert finished.returncode in (0, 120)  # the latter is Python's, where it cannot flush what it has left
    return np.load(where)


def broken_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.fixture(scope="module")
def scores():
    model = classifier(learning_rate_schedule="constant").fit(*moons())
    once = model.decision_function(moons()[0])
    return np.array([once, model.partial_fit(*moons()).decision_function(moons()[0]), once])


@pytest.mark.slow
@pytest.mark.parametrize("redirect", ["2>&-", ">/dev/full 2>/dev/full", "<&- >&- 2>&-"])
def test_a_training_outlives_streams_that_are_closed_or_full(tmp_path, redirect, scores):
    np.testing.assert_allclose(train_in(tmp_path, redirect=redirect), scores, atol=1e-4)


@pytest.mark.slow
def test_a_training_outlives_a_broken_pipe(tmp_path, scores):
    pipe = broken_pipe()
    np.testing.assert_allclose(train_in(tmp_path, stdout=pipe, stderr=pipe), scores, atol=1e-4)
    os.close(pipe)


@pytest.mark.slow
def test_a_training_outlives_streams_that_the_program_has_closed(tmp_path, scores):
    np.testing.assert_allclose(train_in(tmp_path, "stderr", "stdout"), scores, atol=1e-4)


class _Full(io.StringIO):
    """A screen on a device that is full."""

    def write(self, _):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("screen", [None, _Full()], ids=["none", "full"])
@pytest.mark.parametrize("verbose", [1, 2])
def test_what_cannot_be_shown_changes_no_bits(monkeypatch, screen, verbose):
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdout", screen)
    shown = classifier(verbose=verbose).fit(*moons())
    np.testing.assert_array_equal(shown.decision_function(moons()[0]), fitted()[0].decision_function(moons()[0]))


def test_an_interrupt_is_no_failure_of_the_output(monkeypatch):
    class Interrupted(io.StringIO):
        def write(self, _):
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stderr", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        progress_bar(total=1)


def test_no_bar_where_tqdm_is_not_installed(monkeypatch, capsys):
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)
    model = classifier(verbose=1).fit(*moons())
    assert not audit(model, moons()[0], n_steps=1, restarts=1).broken.any()
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
def test_the_start_of_tensorflow_takes_no_offence_at_a_full_device(monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    screen, full = os.dup(2), os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, 2)
    try:
        for text in (b"", b"what is no greeting"):
            with quiet.quiet_start():
                os.write(2, text)
    finally:
        os.dup2(screen, 2)
        os.close(screen)
        os.close(full)


def test_the_start_of_tensorflow_writes_to_no_other_file(monkeypatch, tmp_path):
    """Where standard error was closed when the process began, a file that is opened later has its number."""
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    monkeypatch.setattr(sys, "__stderr__", None)
    screen, file = os.dup(2), os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.dup2(file, 2)
    try:
        with quiet.quiet_start():
            os.write(2, b"I0000 00:00:1.5 is data of the user's")
    finally:
        os.dup2(screen, 2)
        os.close(screen)
        os.close(file)
    assert (tmp_path / "file").read_bytes() == b"I0000 00:00:1.5 is data of the user's"


def test_the_start_of_tensorflow_needs_no_room_for_what_it_holds_back(monkeypatch, capfd):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)

    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(quiet, "TemporaryFile", full)
    with quiet.quiet_start():
        os.write(2, b"news")
    assert capfd.readouterr().err == "news"
