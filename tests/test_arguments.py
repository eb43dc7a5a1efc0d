"""What has no meaning is refused by its name in Python too, before any work."""

import numpy as np
import pytest

import ideal
from ideal._arguments import number, two_sides, whole
from ideal.errors import DataError, UsageError

COUNTS = np.random.default_rng(0).poisson(20, (60, 8, 8))


def estimated(**options):
    return ideal.estimate(COUNTS, noise="poisson", progress=False, **{"models": "full"} | options)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ideal.report([], "page.html"), "nothing to report"),
        (lambda: ideal.report(None, "page.html"), "nothing to report"),
        (lambda: ideal.rank("a.h5"), "in a list or by name"),
        (lambda: ideal.rank([]), "in a list or by name"),
        (lambda: ideal.rank(None), "in a list or by name"),
        (lambda: ideal.estimate_files("a.h5"), "in a list"),
        (lambda: ideal.estimate_files([]), "in a list"),
        (lambda: ideal.sweep(None), "what is swept"),
        (lambda: ideal.write_measurements("a.h5", None, noise="poisson"), "no measurements"),
        (lambda: ideal.decode("lensless", "beads", "linear", count=30, folds="a"), "`folds` takes"),
        (lambda: ideal.compare("a", "b"), "two estimates"),
        (lambda: ideal.open(COUNTS), "ideal.from_arrays"),
        (lambda: ideal.open(None), "name of a measurement file"),
        (lambda: ideal.estimate(None), "found NoneType"),
        (lambda: ideal.from_arrays(COUNTS, noise="poisson-gaussian", gain="2", read_noise=1.0), "gain takes a number"),
        (lambda: ideal.simulate("lensless", "beads", count=5.5), "`count` takes a whole number"),
        (lambda: ideal.simulate("lensless", "beads", photons="50"), "`photons` takes a number"),
        (lambda: ideal.simulate("lensless", "beads", seed=-3), "`seed` takes a whole number from 0 on"),
        (lambda: ideal.simulate("lensless", "beads", noise_seed=0.5), "`noise_seed` takes a whole number"),
        (lambda: ideal.design("lensless", "beads", steps="a"), "`steps` takes a whole number"),
        (lambda: ideal.choose("interferometer", k=2.5), "`choose` takes a whole number"),
        (lambda: estimated(models=[]), "names no model"),
        (lambda: estimated(models=5), "a name or several"),
        (lambda: estimated(seed=-1), "`seed` takes"),
        (lambda: estimated(seed=None), "`seed` takes"),
        (lambda: estimated(patch="8x8"), "`patch` takes"),
        (lambda: estimated(patch=4.7), "`patch` takes"),
        (lambda: estimated(patch=(4,)), "`patch` takes"),
        (lambda: estimated(effort="a"), "`effort` takes a number"),
        (lambda: estimated(max_patches=0), "`max_patches` takes"),
    ],
)
def test_what_has_no_meaning_is_named(call, says):
    with pytest.raises((UsageError, DataError), match=says):
        call()


def test_numbers_of_numpy_are_numbers_and_flags_are_none():
    assert whole("`n`", np.int32(3), 1) == 3
    assert number("`x`", np.float32(0.5)) == 0.5
    assert two_sides("`patch`", [np.int64(4), 6]) == (4, 6)
    for call in (
        lambda: whole("`n`", True),
        lambda: number("`x`", False),
        lambda: number("`x`", np.nan),
        lambda: whole("`n`", 2.0),
    ):
        with pytest.raises(UsageError):
            call()
