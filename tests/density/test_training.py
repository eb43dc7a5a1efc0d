"""The training loop: schedules, checkpoints, limits, and several devices."""

import json
import os
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ideal.density import Fitting
from ideal.density.networks import training
from ideal.density.networks.training import Schedule, train
from ideal.errors import StorageWarning

SCHEDULE = Schedule(steps=192, batch=16, learning_rate=0.05, evaluations=12)


class Line:
    """Mean squared error of a line through points: what is to be learnt is known."""

    def matrices(self, params):
        return dict.fromkeys(params)

    def at_once(self, shape):
        return shape[0]

    def __call__(self, params, constants, batch):
        x, y = batch
        return jnp.mean((params["slope"] * x + params["offset"] - y) ** 2)


LINE = Line()


def points(count, seed=0):
    x = np.random.default_rng(seed).uniform(-1, 1, (count, 1)).astype(np.float32)
    return x, 2 * x - 0.5


def run(fitting=None, key=0, schedule=SCHEDULE, validation=None):
    start = {"slope": np.zeros(1, np.float32), "offset": np.zeros(1, np.float32)}
    return train(
        LINE, start, {}, points(100), validation or points(64, 1), schedule, key=key, name="line", fitting=fitting or Fitting()
    )


def test_a_line_is_learnt():
    params, loss = run()
    assert float(params["slope"][0]) == pytest.approx(2, abs=0.02)
    assert float(params["offset"][0]) == pytest.approx(-0.5, abs=0.02)
    assert loss < 1e-3


def test_the_key_decides_the_order_and_nothing_else_does():
    first, again, other = run(key=1)[0], run(key=1)[0], run(key=2)[0]
    assert first["slope"] == again["slope"]
    assert first["slope"] != other["slope"]


def test_every_sample_comes_once_before_any_comes_again():
    seen = np.concatenate([training._indices(step, 5, 16, 100, seed=3).ravel() for step in range(0, 100, 5)])
    epochs = seen[: len(seen) // 100 * 100].reshape(-1, 100)
    assert len(epochs) == 16
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(100))
    assert not np.array_equal(epochs[0], epochs[1])


class Stop(Exception):
    pass


@pytest.mark.parametrize("kind", [Stop, KeyboardInterrupt])
def test_interrupted_and_resumed_is_unbroken(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(training, "_REPORT_SECONDS", 0.0)
    whole = run()[0]
    checkpoint = tmp_path / "deep" / "line.npz"
    reports = []

    def report(progress):
        reports.append(progress)
        if len(reports) == 3:
            raise kind

    with pytest.raises(kind):
        run(Fitting(checkpoint=checkpoint, report=report))
    assert [path.name for path in checkpoint.parent.iterdir()] == ["line.npz"]
    resumed = []
    params, _ = run(Fitting(checkpoint=checkpoint, report=resumed.append))
    assert resumed[0].fraction > reports[-1].fraction  # it went on, and did not begin again
    for name, weight in whole.items():
        np.testing.assert_array_equal(params[name], weight)
    finished = []
    again, _ = run(Fitting(checkpoint=checkpoint, report=finished.append))
    assert not finished  # a fit that had ended is found as it was
    np.testing.assert_array_equal(again["slope"], params["slope"])


def test_a_checkpoint_of_another_run_or_a_broken_one_is_left_alone(tmp_path):
    checkpoint = tmp_path / "line.npz"
    expected = run(key=5)[0]
    run(Fitting(checkpoint=checkpoint), key=4)
    np.testing.assert_array_equal(run(Fitting(checkpoint=checkpoint), key=5)[0]["slope"], expected["slope"])
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with pytest.warns(StorageWarning, match="this part is done again"):
        again = run(Fitting(checkpoint=checkpoint), key=5)[0]
    np.testing.assert_array_equal(again["slope"], expected["slope"])


def test_a_time_limit_ends_training_with_its_schedule_run_through():
    run()  # compiled before the clock starts
    began, reports = time.monotonic(), []
    forever = Schedule(steps=3_200_000, batch=16, learning_rate=0.05, evaluations=200_000)
    params, _ = run(Fitting(time_limit=1.0, report=reports.append), schedule=forever)
    assert time.monotonic() - began < 8
    assert reports[-1].fraction == 1
    assert float(params["slope"][0]) == pytest.approx(2, abs=0.05)


def test_learning_rates_rise_and_fall():
    rates = SCHEDULE.rate(np.linspace(0, 1, 101))
    assert rates.argmax() == 5
    assert rates[0] == pytest.approx(0.1)
    assert rates[-1] == pytest.approx(SCHEDULE.final)
    assert (np.diff(rates[5:]) <= 0).all()


def test_training_ends_early_where_validation_gains_nothing(tmp_path):
    reports, checkpoint = [], tmp_path / "line.npz"
    noise = points(64, 1)[0], np.random.default_rng(2).standard_normal((64, 1)).astype(np.float32) + 3
    long = Schedule(steps=320_000, batch=16, learning_rate=0.05, evaluations=10_000)
    run(Fitting(report=reports.append, checkpoint=checkpoint), schedule=long, validation=noise)
    assert reports[-1].fraction == 1
    with np.load(checkpoint) as kept:
        assert 0 < kept["numbers"][2] < long.steps / 10


def test_the_gradient_in_parts_is_that_of_the_whole():
    class Parts(Line):
        def at_once(self, shape):
            return 4

    params = {"slope": jnp.ones(1), "offset": jnp.zeros(1)}
    batch = tuple(jnp.asarray(array[:16]) for array in points(16))
    whole, parts = (training._gradient(loss, params, {}, batch) for loss in (LINE, Parts()))
    for name in whole:
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-5)


DEVICES = """
import json, numpy as np, ideal, jax
from ideal.density import CausalMixture, Fitting, Sensor
from ideal.density.networks import causal_mixture, training
causal_mixture._SIZES, training.BATCH_VALUES, training.CHUNK_STEPS = ((0, 8, 2, 0.0),), 2048, 8
images = np.random.default_rng(0).poisson(np.linspace(2, 9, 8), (300, 8, 8)).astype(float)
sensor = Sensor(step=1.0, lowest=0.0, noise_variance=(0.0, 1.0))
fitted = CausalMixture.fit(0, images[:200], images[200:261], sensor=sensor, fitting=Fitting(effort=0.005))
scan = training._mesh()
print(json.dumps([jax.local_device_count(), scan.size, fitted.log_prob(images[261:]).tolist()]))
"""


@pytest.mark.slow
def test_a_batch_is_shared_between_devices():
    found = []
    for count in (1, 2):
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={count}"
        environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
        done = subprocess.run([sys.executable, "-c", DEVICES], env=environment, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout))
    assert [each[:2] for each in found] == [[1, 1], [2, 2]]
    np.testing.assert_allclose(found[1][2], found[0][2], rtol=1e-3)  # sums in another order


def test_compiled_once_for_schedules_that_differ_in_length():
    run(schedule=Schedule(steps=64, batch=16))
    before = training._scan._cache_size()
    run(schedule=Schedule(steps=96, batch=16))
    assert training._scan._cache_size() == before
    assert jax.local_device_count() == training._mesh().size
