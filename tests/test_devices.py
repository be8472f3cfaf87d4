"""Training on several devices: the numbers of one device, replicas that stay equal, and what is refused."""

import sys
from functools import cache

import pytest

from sklip.training.devices import devices_of
from tests.device_contracts import CASES, VISIBLE, weights_of
from tests.estimator_fixtures import bits, classifier, fitted, moons
from tests.processes import COMPILED_SOONER, ROOT, last_json, run_command


@pytest.mark.parametrize(("n_devices", "expected"), [(1, ""), (2, "ab"), (3, "abc"), (-1, "abc")])
def test_the_first_devices_are_chosen(n_devices, expected):
    assert devices_of(n_devices, "abc") == tuple(expected)


def test_one_device_is_the_choice_of_the_backend():
    assert devices_of(-1, "a") == devices_of(1, "a") == ()


def test_more_devices_than_there_are_are_refused_with_their_number():
    with pytest.raises(
        ValueError, match=r"n_devices=2, but .* sees 1 device: a\. Set n_devices to a number from 1 to 1"
    ):
        devices_of(2, "a")
    model = classifier(n_devices=99)
    with pytest.raises(ValueError, match=r"n_devices=99, but the backend of Keras sees \d+ devices?: .*CPU"):
        model.fit(*moons())
    assert not hasattr(model, "network_")


def test_all_devices_are_one_here():
    X, y = moons()
    assert bits(weights_of(classifier(n_devices=-1).fit(X, y))) == bits(weights_of(fitted()[0]))


@cache
def found_on(backend):
    """What the trainings of a process with several virtual CPUs did; processes are slow, so all tests share it."""
    pytest.importorskip(backend)
    flags = f"--xla_force_host_platform_device_count={VISIBLE} {COMPILED_SOONER['XLA_FLAGS']}"
    command = [sys.executable, "-m", "tests.device_contracts"]
    return last_json(run_command(command, PYTHONPATH=str(ROOT), KERAS_BACKEND=backend, XLA_FLAGS=flags))


@pytest.fixture(params=["jax", "tensorflow"])
def contract(request):
    return found_on(request.param)


@pytest.fixture
def of_jax():
    return found_on("jax")


@pytest.mark.slow
def test_loss_and_weights_after_some_steps_are_those_of_one_device(contract):
    assert contract["differences"].keys() == CASES.keys()
    for name, case in contract["differences"].items():
        assert max(case["history"], case["weights"]) < 1e-6, name


@pytest.mark.slow
def test_certificates_of_networks_of_several_devices_hold(contract):
    for name, case in contract["differences"].items():
        assert case["broken"] == 0 and abs(case["bound"] - 1) < 1e-9, name


@pytest.mark.slow
def test_compiled_networks_of_other_devices_are_not_shared(contract):
    assert contract["kept"] == [0, VISIBLE]


@pytest.mark.slow
def test_the_products_of_a_batch_are_divided(contract):
    """On TensorFlow, all products of the passes are placed, as many on each device; JAX has half of 24 rows on each."""
    one, two = contract["products"]["1"], contract["products"]["2"]
    if "shapes" not in one:
        assert set(one) == {""}
        assert two["/device:CPU:0"] == two["/device:CPU:1"] == (one[""] - two[""])
        return
    assert {"24,8", "24,4", "24,1"} <= set(one["shapes"]) and one["reductions"] == 0
    assert {"12,8", "12,4", "12,1"} <= set(two["shapes"]) and not any(s.startswith("24,") for s in two["shapes"])
    assert two["reductions"] > 0


@pytest.mark.slow
def test_replicas_stay_equal_to_the_last_bit(of_jax):
    equal, compared = of_jax["replicas"]
    assert equal and compared > 0


@pytest.mark.slow
def test_a_distribution_of_keras_changes_no_number(of_jax):
    inside, outside = of_jax["distribution"]
    assert inside == outside


@pytest.mark.slow
def test_float32_is_a_part_of_what_jax_compiles(of_jax):
    for found in of_jax["products"].values():
        assert set(found["tensorfloat32"]) == {"DEFAULT, DEFAULT"} and set(found["float32"]) == {"HIGHEST, HIGHEST"}


@pytest.mark.slow
def test_what_cannot_be_done_is_refused_by_name(contract):
    too_many, none, compiled = contract["refusals"]
    assert too_many.startswith(f"n_devices=4, but the backend of Keras sees {VISIBLE} devices: ")
    assert none.startswith("The 'n_devices' parameter of HKRClassifier must be")
    if "replicas" in contract:
        assert compiled == "nothing"
    else:
        assert compiled.startswith("XLA compiles the steps of TensorFlow for one device, but n_devices is 2: set jit")
