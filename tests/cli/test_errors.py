"""What goes wrong takes one line on stderr and an exit code."""

import re

import pytest

# What goes wrong: arguments, exit code, words of the one line on stderr.
WRONG = [
    ("missing.h5", 1, "missing.h5: no such file"),
    ("a.h5 missing.h5", 1, "missing.h5: no such file"),
    ("full", 1, "full: is a folder without a file of a format that is read: name a file"),
    ("folder.h5", 1, "folder.h5: is a folder"),
    ("truncated.h5", 1, "truncated.h5: truncated HDF5 file: copy or write the file again"),
    ("text.h5", 1, "text.h5: not an HDF5 file"),
    ("a.h5::nothing", 1, "a.h5: no dataset 'nothing', it holds measurements"),
    ("nan.npy --noise poisson", 1, "nan.npy: measurements of sample 3, pixel (4, 5) is nan, expected finite"),
    ("inf.npy --noise poisson", 1, "sample 60, pixel (4, 5) is inf"),
    ("negative.npy --noise poisson", 1, "cannot be negative; found -3: the offset is too large"),
    ("fraction.npy --noise poisson", 1, "must be whole photoelectrons; found"),
    ("camera.npy --noise poisson --gain .45 --offset 100", 1, "name poisson-gaussian noise with its --read-noise"),
    ("rank1.npy --noise poisson", 1, "has shape (17920,), expected (sample, row, column"),
    ("tiny.npy --noise poisson --patch 8", 1, "room for 1 block(s)"),
    ("constant.npy --noise poisson", 1, "every value is 7: a constant image carries no information"),
    ("zero.npy --noise poisson", 1, "every value is 0"),
    ("huge.npy --noise gaussian --sigma 1 --patch 128", 2, "choose a smaller patch (--patch 16)"),
    ("a.h5 --gain 2", 2, "whole DN of 2 electrons each are not Poisson counts"),
    ("a.h5 --gain 0", 2, "gain is 0.0, expected a finite number > 0"),
    ("a.h5 --sigma 3", 2, "--sigma is for gaussian or complex-gaussian or correlated-gaussian"),
    ("a.h5 --read-noise 3", 2, "--read-noise is for poisson-gaussian or camera-maps"),
    ("float.npy", 2, "the noise is not known: name it (--noise poisson|gaussian"),
    ("float.npy --noise gaussian", 2, "needs its standard deviation (--sigma S)"),
    ("float.npy --noise gaussian --sigma 0", 2, "sigma is 0.0, expected a finite standard deviation > 0"),
    ("float.npy --noise gaussian --sigma -1", 2, "sigma is -1.0"),
    ("float.npy --noise gaussian --sigma nan", 2, "sigma is nan"),
    ("float.npy --noise gaussian --sigma much", 2, "--sigma"),
    ("float.npy --noise gausian --sigma 1", 2, "no noise is called 'gausian'; did you mean gaussian?"),
    ("float.npy --noise poisson-gaussian", 2, "needs a read noise above 0 electrons (--read-noise R)"),
    ("visibilities.npy --noise poisson", 2, "the measurements are complex, expected complex-gaussian"),
    ("visibilities.npy --noise complex-gaussian --sigma 3 --model stationary", 2, "stationary is not for complex vectors"),
    ("a.h5 --model statinary", 2, "'statinary'; did you mean stationary?"),
    ("a.h5 --modle full", 2, "No such option: --modle"),
    ("a.h5 --patch 0", 2, "--patch takes a side in pixels (16) or rows x columns (16x24); found '0'"),
    ("a.h5 --patch 16x", 2, "found '16x'"),
    ("a.h5 --patch -3", 2, "found '-3'"),
    ("a.h5 --confidence 0", 2, "confidence must lie between 0 and 1; found 0"),
    ("a.h5 --confidence 1", 2, "found 1"),
    ("a.h5 --confidence nan", 2, "found nan"),
    ("a.h5 --max-patches 3", 2, "--max-patches"),
    ("a.h5 --seed -1", 2, "--seed"),
    ("a.h5 --effort 0", 2, "--effort takes a number above 0, as 0.2 or 4; found 0"),
    ("a.h5 --effort -1", 2, "found -1"),
    ("a.h5 --effort nan", 2, "found nan"),
    ("a.h5 --effort inf", 2, "found inf"),
    ("a.h5 --effort much", 2, "--effort"),
    ("a.h5 --time-limit 0", 2, "--time-limit takes a time in seconds, minutes or hours (90, 90s, 10m, 2h); found '0'"),
    ("a.h5 --time-limit -5", 2, "found '-5'"),
    ("a.h5 --time-limit 10d", 2, "found '10d'"),
    ("a.h5 --time-limit inf", 2, "found 'inf'"),
    ("a.h5 --labels", 2, "a.h5: --labels needs labels, this file holds none"),
    ("a.h5 a.h5", 2, "a.h5 is named twice"),
    ("a.h5 ./a.h5", 2, "a.h5 is named twice"),
    ("foreign.h5 foreign.h5::run/images --noise poisson", 2, "is named twice"),
    ("a.h5 --plot x.jpg", 2, "must end in .png, .svg or .pdf"),
    ("a.h5 --plot a.h5/x.png", 2, "--plot a.h5/x.png cannot be written"),
    ("a.h5 --plot /proc/x.png", 2, "--plot /proc/x.png cannot be written"),
    ("a.h5 --out a.h5", 2, "--out a.h5 is a file: name a folder"),
    ("a.h5 --out /proc/x", 2, "--out /proc/x cannot be written"),
    ("a.h5 --out full", 2, "--out full holds other files and no run"),
    ("", 2, "Missing argument"),
]


@pytest.mark.parametrize(("line", "code", "words"), WRONG, ids=[line or "nothing" for line, _, _ in WRONG])
def test_what_goes_wrong_takes_one_line_on_stderr(ideal, line, code, words):
    result = ideal("estimate", *line.split())
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith("ideal: error: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [("estimat a.h5", "Did you mean 'estimate'"), ("inspect a.h5 b.h5", "b.h5"), ("inspect a.h5 --sigma 2", "--sigma is for")],
)
def test_wrong_usage_of_commands(ideal, line, words):
    result = ideal(*line.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(r"ideal: error: [^\n]+\n", result.stderr)
    assert words in result.stderr


def test_debug_shows_the_traceback(ideal):
    assert ideal("estimate", "missing.h5").exception.code == 1
    shown = ideal("estimate", "missing.h5", "--debug")
    assert type(shown.exception).__name__ == "DataError"


def test_a_defect_is_one_line_too(ideal, monkeypatch):
    monkeypatch.setattr("ideal.information.estimation.estimate", lambda *args, **kwargs: 1 / 0)
    result = ideal("estimate", "a.h5")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "ZeroDivisionError" in result.stderr
    assert "--debug" in result.stderr


@pytest.mark.parametrize("groups", ["0", "nothing.txt", "camera.npy"])
def test_groups_that_cannot_be(ideal, groups):
    result = ideal("estimate", "a.h5", "--groups", groups)
    assert result.exit_code == 2
    assert result.stderr.startswith("ideal: error: --groups")
    assert result.stderr.count("\n") == 1
