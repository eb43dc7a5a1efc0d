"""Rows of UVFITS: which source, set-up and subarray; antennas, times, frequencies and products as programs write them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("astropy")

from fixtures.radio import DAY, FREQUENCY, frequency_table, observe, source_table, write

from ideal.cli.__main__ import app
from ideal.errors import DataError, UsageError
from ideal.formats.random_groups import parse_selection
from ideal.formats.uvfits import open_uvfits
from ideal.imaging import make_system
from ideal.imaging.interferometer.coverage import from_uvfits
from ideal.measurements.measurement_set import open_measurements


def measured(path, **choice):
    """Return the visibilities of a file and what was said of it."""
    source = open_uvfits(path, **choice)
    return source.arrays["measurements"], source


def two(night, **numbers):
    """Return a night of two kinds of rows that share times and baselines: the second has minus the values."""
    other = replace(night, values=-night.values, more=dict(night.more))
    for name, (first, second) in numbers.items():
        night.more[name], other.more[name] = np.full(len(night), float(first)), np.full(len(other), float(second))
    return night.join(other)


def expected(night):
    """Return the visibilities of a night as (time, baseline), as one product or the mean of two."""
    pairs = len(np.unique(night.first * 1000 + night.second))
    return night.values.mean(3).reshape(-1, pairs * night.values.shape[1] * night.values.shape[2])


def test_several_sources_are_asked_for(tmp_path):
    night = observe()
    path = write(tmp_path / "a.uvfits", two(night, SOURCE=(3, 7)), tables=[source_table(**{"M87": 3, "3C279": 7, "1055+018": 9})])
    with pytest.raises(UsageError, match=r"it holds 2 sources, M87, 3C279: name one \(--source NAME, or .*a\.uvfits::NAME\)"):
        open_uvfits(path)
    values, source = measured(path, source="M87")
    assert np.allclose(values, expected(night), atol=1e-6)
    assert source.attributes["object"] == "M87"
    values, source = measured(path, source="3c279")
    assert np.allclose(values, -expected(night), atol=1e-6)
    assert not [each for each in source.findings if each.name != "note"]
    assert np.allclose(measured(path, source="7")[0], -expected(night), atol=1e-6)
    with pytest.raises(UsageError, match=r"it holds no source 'M78'; did you mean M87\? \(there are: M87, 3C279\)"):
        open_uvfits(path, source="M78")
    with open_measurements(f"{path}::3C279") as named:
        assert named.path == f"{path}::3C279"
        assert np.allclose(named.read(0, len(named)), -expected(night), atol=1e-6)
    with open_measurements(path, source="3C279") as named:
        assert named.path == str(path)
    with pytest.raises(UsageError, match="leave one of them out"):
        open_measurements(f"{path}::3C279", source="M87")


def test_sources_without_a_table_go_by_their_numbers(tmp_path):
    night = observe()
    path = write(tmp_path / "a.uvfits", two(night, SOURCE=(1, 2)))
    with pytest.raises(UsageError, match=r"it holds 2 sources, 1, 2: name one"):
        open_uvfits(path)
    assert np.allclose(measured(path, source="2")[0], -expected(night), atol=1e-6)
    path = write(tmp_path / "twins.uvfits", two(observe(), SOURCE=(1, 2)), tables=[source_table(M87=1)])
    with pytest.raises(UsageError, match=r"it holds 2 sources, M87, 2"):
        open_uvfits(path)


def test_one_source_may_be_named_and_must_be_it(tmp_path):
    path = write(tmp_path / "a.uvfits", observe(), header=[("OBJECT", "M87")])
    assert measured(path, source="m87")[1].attributes["object"] == "M87"
    with pytest.raises(UsageError, match=r"it holds one source, M87, and not '3C279'"):
        open_uvfits(path, source="3C279")
    night = observe()
    night.more["SOURCE"] = np.full(len(night), 4.0)
    path = write(tmp_path / "b.uvfits", night, tables=[source_table(M87=4, M84=5)])
    assert measured(path)[1].attributes["object"] == "M87"


def test_several_frequency_set_ups_are_asked_for(tmp_path):
    night = observe(channels=(2, 4))
    table = frequency_table([[0.0, 1e9], [5e9, 6e9]], [[1e6, 1e6], [2e6, 3e6]], [[1, 1], [1, -1]])
    path = write(tmp_path / "a.uvfits", two(night, FREQSEL=(1, 2)), tables=[table])
    with pytest.raises(UsageError, match=r"2 frequency set-ups, 1 \(230.5 GHz\), 2 \(235.5 GHz\): name one \(--freqsel N\)"):
        open_uvfits(path)
    values, source = measured(path, freqsel=1)
    assert np.allclose(values, expected(night), atol=1e-6)
    steps = np.arange(4)
    assert np.allclose(source.attributes["frequencies"][:8], FREQUENCY + np.concatenate([steps * 1e6, 1e9 + steps * 1e6]))
    assert np.allclose(source.attributes["u"][0, :8] * FREQUENCY, 1e9 * source.attributes["frequencies"][:8])
    values, source = measured(path, freqsel=2)
    assert np.allclose(values, -expected(night), atol=1e-6)
    assert np.allclose(source.attributes["frequencies"][:8], FREQUENCY + np.concatenate([5e9 + steps * 2e6, 6e9 - steps * 3e6]))
    with pytest.raises(UsageError, match=r"no frequency set-up 3 \(there are: 1, 2\)"):
        open_uvfits(path, freqsel=3)
    path = write(tmp_path / "b.uvfits", two(observe(), FREQSEL=(1, 2)), tables=[frequency_table([[0.0]])])
    with pytest.raises(DataError, match=r"FREQSEL 2 has no row in the table AIPS FQ"):
        open_uvfits(path, freqsel=2)


@pytest.mark.parametrize("how", ["SUBARRAY", "fraction", "antennas"])
def test_several_subarrays_are_asked_for_and_have_their_own_antennas(tmp_path, how):
    night = observe()
    both = two(night, **({"fraction": (0.0, 0.01)} if how == "fraction" else {"SUBARRAY": (1, 2)}))
    names = (("AA", "BB", "CC", "DD"), ("EE", "FF", "GG", "HH"))
    layout = "antennas" if how == "antennas" else "baseline"
    path = write(tmp_path / "a.uvfits", both, subarrays=names, layout=layout)
    with pytest.raises(UsageError, match=r"2 subarrays, 1 \(AA, BB, CC, DD\), 2 \(EE, FF, GG, HH\): name one \(--subarray N\)"):
        open_uvfits(path)
    values, source = measured(path, subarray=1)
    assert np.allclose(values, expected(night), atol=1e-6)
    assert source.attributes["baselines"][0] == "AA-BB"
    values, source = measured(path, subarray=2)
    assert np.allclose(values, -expected(night), atol=1e-6)
    assert source.attributes["baselines"][-1] == "GG-HH"


def test_what_is_chosen_is_asked_for_within_the_choice(tmp_path):
    # One source in two set-ups, the other in one: only the first needs a set-up.
    first, second = two(observe(), SOURCE=(1, 1), FREQSEL=(1, 2)), observe(seed=5)
    second.more |= {"SOURCE": np.full(len(second), 2.0), "FREQSEL": np.full(len(second), 2.0)}
    path = write(tmp_path / "a.uvfits", first.join(second), tables=[source_table(M87=1, M84=2), frequency_table([[0.0], [1e9]])])
    assert np.allclose(measured(path, source="M84")[0], expected(second), atol=1e-6)
    assert measured(path, source="M84")[1].attributes["frequencies"][0] == FREQUENCY + 1e9
    with pytest.raises(UsageError, match="2 frequency set-ups"):
        open_uvfits(path, source="M87")
    with open_measurements(f"{path}::M87,freqsel=2") as named:
        assert named.attributes["frequencies"][0] == FREQUENCY + 1e9
    system = make_system("interferometer", uvfits=f"{path}::M87,freqsel=1")
    assert system.coverage.frequency[0] == FREQUENCY
    assert system.coverage.source == (10 / 15, 6.0)
    with pytest.raises(UsageError, match="2 sources"):
        _ = make_system("interferometer", uvfits=str(path)).coverage


def test_the_text_after_two_colons():
    assert parse_selection("M87") == {"source": "M87"}
    assert parse_selection("M87,freqsel=2, subarray=1") == {"source": "M87", "freqsel": 2, "subarray": 1}
    assert parse_selection("freqsel=3") == {"freqsel": 3}
    for text in ("M87,M84", "channel=3", "freqsel=x", "freqsel="):
        with pytest.raises(UsageError, match=r"^::"):
            parse_selection(text)


def test_other_formats_have_no_sources(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((4, 4)))
    with pytest.raises(UsageError, match=r"source \(--source\) is for UVFITS files"):
        open_measurements(tmp_path / "a.npy", source="M87")
    with pytest.raises(UsageError, match=r"weight_scale \(--weight-scale\) is for UVFITS files"):
        open_measurements(tmp_path / "a.npy", weight_scale=2.0)
    with pytest.raises(UsageError, match=r"weight_scale .* must be a positive number, found -1"):
        open_uvfits(write(tmp_path / "a.uvfits", observe()), weight_scale=-1)


@pytest.mark.parametrize("date", [("DATE", "DATE"), ("DATE", "_DATE"), ("_DATE", "DATE")])
@pytest.mark.parametrize("layout", ["baseline", "antennas"])
def test_antennas_and_dates_in_every_layout(tmp_path, layout, date):
    night = observe()
    values, source = measured(write(tmp_path / "a.uvfits", night, layout=layout, date=date))
    assert np.allclose(values, expected(night), atol=1e-6)
    assert source.attributes["baselines"] == ["AA-BB", "AA-CC", "AA-DD", "BB-CC", "BB-DD", "CC-DD"]
    assert np.allclose(source.attributes["times"] - DAY, np.unique(night.days), atol=1e-8)


def test_many_antennas_have_a_baseline_number_of_their_own(tmp_path):
    night = observe()
    rows = replace(night, first=night.first + 300, second=night.second + 300)
    path = write(tmp_path / "a.uvfits", rows, layout="antennas")
    assert measured(path)[1].attributes["baselines"][0] == "301-302"
    assert any("antennas 301, 302, 303, 304 are not in the table AIPS AN" in each.line for each in open_uvfits(path).findings)
    with pytest.raises(DataError, match=r"antennas 301, 302, 303, 304 are not in its table AIPS AN"):
        from_uvfits(path)


def test_a_file_without_antennas_says_what_is_missing(tmp_path):
    path = write(tmp_path / "a.uvfits", observe())
    path.write_bytes(path.read_bytes().replace(b"'BASELINE'", b"'BASELIN '"))
    with pytest.raises(DataError, match=r"no parameter BASELINE, and none of ANTENNA1 and ANTENNA2, among UU---SIN"):
        open_uvfits(path)


def test_baselines_in_reverse_are_turned(tmp_path):
    night = observe()
    path, turned = write(tmp_path / "a.uvfits", night), tmp_path / "turned.uvfits"
    some = np.random.default_rng(0).random(len(night)) < 0.5
    rows = replace(
        night,
        first=np.where(some, night.second, night.first),
        second=np.where(some, night.first, night.second),
        values=np.where(some[:, None, None, None], night.values.conj(), night.values),
    )
    write(turned, rows)
    (values, source), (same, other) = measured(path), measured(turned)
    assert np.allclose(values, same, atol=1e-6)
    assert source.attributes["baselines"] == other.attributes["baselines"]
    assert np.allclose(source.attributes["u"], other.attributes["u"])
    assert np.allclose(source.attributes["v"], other.attributes["v"])
    assert np.allclose(source.arrays["sigma"], other.arrays["sigma"])
    for ours, theirs in zip(from_uvfits(path), from_uvfits(turned), strict=True):
        if isinstance(ours, np.ndarray):
            assert np.allclose(ours, theirs, atol=1e-6)
        else:
            assert np.array_equal(ours.first, theirs.first)


def test_autocorrelations_are_left_out(tmp_path):
    night = observe()
    auto = night.take(slice(0, 240, 6))
    auto.second, auto.values = auto.first.copy(), auto.values * 0 + 100.0
    values, source = measured(write(tmp_path / "a.uvfits", night.join(auto)))
    assert np.allclose(values, expected(night), atol=1e-6)
    assert source.attributes["flagged_visibilities"] == 0
    with pytest.raises(DataError, match="autocorrelations alone"):
        open_uvfits(write(tmp_path / "b.uvfits", auto))


def test_repeated_rows_are_named_and_never_overwrite(tmp_path):
    night = observe()
    again = night.take(slice(0, 300))
    values, source = measured(write(tmp_path / "copies.uvfits", night.join(again)))
    assert np.allclose(values, expected(night), atol=1e-6)
    finding = next(each for each in source.findings if each.name == "repeated-visibilities")
    assert finding.figures == {"repeats": 300, "differing": 0, "rows": 660}
    few = night.take([5, 50])
    few.values = few.values + 9
    values, source = measured(write(tmp_path / "few.uvfits", night.join(few)))
    assert np.allclose(values, expected(night), atol=1e-6)
    finding = next(each for each in source.findings if each.name == "repeated-visibilities")
    assert finding.figures["differing"] == 2
    assert "first CC-DD" in finding.text
    path = write(tmp_path / "many.uvfits", two(observe()))
    with pytest.raises(DataError, match=r"360 of 720 rows hold another visibility of a baseline and time .* nothing tells them"):
        open_uvfits(path)
    with pytest.raises(DataError, match="nothing tells them apart"):
        from_uvfits(path)
    # A flagged row beside a good one is no repeat: the good one stands, whichever comes first.
    flagged = two(observe())
    flagged.weights[:360] *= -1
    values, source = measured(write(tmp_path / "flagged.uvfits", flagged))
    assert np.allclose(values, -expected(night), atol=1e-6)
    assert not [each for each in source.findings if each.name != "note"]


@pytest.mark.parametrize("step", [0.02, 0.1, 0.4])
def test_fast_integrations_are_not_taken_for_one(tmp_path, step):
    night = observe(step=step, integrations=30)
    values, source = measured(write(tmp_path / "a.uvfits", night))
    assert np.allclose(values, expected(night), atol=1e-6)
    assert len(source.attributes["times"]) == 150


def test_linear_hands_single_hands_and_stokes_i(tmp_path):
    night = observe(hands=2)
    assert np.allclose(measured(write(tmp_path / "xx.uvfits", night, stokes=-5))[0], expected(night), atol=1e-6)
    night = observe(hands=1)
    values, source = measured(write(tmp_path / "rr.uvfits", night, stokes=-1))
    assert np.allclose(values, expected(night), atol=1e-6)
    assert source.attributes["single_hand_visibilities"] == values.size
    values, source = measured(write(tmp_path / "i.uvfits", night, stokes=1))
    assert np.allclose(values, expected(night), atol=1e-6)
    assert source.attributes["single_hand_visibilities"] == 0
    assert np.allclose(source.arrays["sigma"], 0.05)
    four = observe(hands=4)
    values, source = measured(write(tmp_path / "four.uvfits", four, stokes=-1))
    assert np.allclose(values, four.values[..., :2].mean(3).reshape(values.shape), atol=1e-6)
    assert np.allclose(source.arrays["sigma"], 0.05 / np.sqrt(2))


def test_units_and_compressed_files(tmp_path):
    assert measured(write(tmp_path / "a.uvfits", observe(), header=[("BUNIT", "UNCALIB")]))[1].attributes["units"] == "UNCALIB"
    assert measured(write(tmp_path / "b.uvfits", observe(), header=[("BUNIT", "JY")]))[1].attributes["units"] == "Jy"
    from astropy.io import fits

    names = ["UU", "VV", "BASELINE", "DATE", "WEIGHT", "SCALE"]
    groups = fits.GroupData(np.zeros((3, 1, 1, 1), np.float32), bitpix=-32, parnames=names, pardata=[np.full(3, 258.0)] * 6)
    primary = fits.GroupsHDU(groups)
    for i, name in enumerate(("COMPLEX", "STOKES", "FREQ"), start=2):
        primary.header.update({f"CTYPE{i}": name, f"CRVAL{i}": -1.0, f"CDELT{i}": -1.0, f"CRPIX{i}": 1.0})
    primary.writeto(tmp_path / "c.uvfits")
    with pytest.raises(DataError, match=r"compressed UVFITS"):
        open_uvfits(tmp_path / "c.uvfits")


def test_an_interferometer_tells_of_the_weights_of_its_observation(tmp_path):
    night = observe()
    night.weights *= 100
    system = make_system("interferometer", uvfits=str(write(tmp_path / "a.uvfits", night)))
    assert [each.name for each in system.findings(system.design())] == ["weights-too-large"]
    # A simulation without noise states the noise to come, and is no fault.
    night = observe(noise=1e-9)
    night.weights[:] = 400.0
    system = make_system("interferometer", uvfits=str(write(tmp_path / "b.uvfits", night)))
    assert [each.severity for each in system.findings(system.design())] == ["biased"]
    assert "unless these visibilities hold none" in system.findings(system.design())[0].line
    assert not make_system("interferometer").findings({})


def test_the_command_line_asks_and_takes_the_answer(tmp_path):
    night = observe(scans=8)
    path = str(write(tmp_path / "a.uvfits", two(night, SOURCE=(1, 2)), tables=[source_table(M87=1, M84=2)]))
    runner = CliRunner()
    for command in ("inspect", "estimate"):
        asked = runner.invoke(app, [command, path])
        assert asked.exit_code == 2
        assert "it holds 2 sources, M87, M84: name one (--source NAME" in asked.stderr
    shown = runner.invoke(app, ["inspect", path, "--source", "M84", "--json"])
    assert json.loads(shown.stdout)["attributes"]["object"] == "M84"
    ranked = runner.invoke(app, ["estimate", f"{path}::M87", f"{path}::M84", "--model", "full", "--json"])
    results = json.loads(ranked.stdout)["results"]
    assert [result["path"] for result in results] == [f"{path}::M87", f"{path}::M84"]
    # Minus the visibilities carry the same.
    numbers = [result["information_bits_per_pixel"] for result in results]
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-6)
    night.weights[:] = 1.0
    path = str(write(tmp_path / "one.uvfits", night))
    findings = json.loads(runner.invoke(app, ["inspect", path, "--json"]).stdout)["findings"]
    assert findings[0]["name"] == "weights-too-small"
    assert findings[0]["severity"] == "void"
    refused = runner.invoke(app, ["estimate", path, "--model", "full"])
    assert refused.exit_code == 2
    assert "correlators" in refused.stderr
    mended = runner.invoke(app, ["estimate", path, "--model", "full", "--weight-scale", "400", "--json"])
    assert json.loads(mended.stdout)["results"][0]["information_bits_per_pixel"] == pytest.approx(numbers[0], abs=1e-4)
