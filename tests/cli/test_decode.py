"""`ideal decode` and `ideal decoders`."""

import re
from pathlib import Path

import pytest
from fixtures.cli import document

import ideal as package
from ideal.decoders import DECODERS

SMALL = ("--set", "shape=[12,12]", "--set", "period=[2,2]", "--design", "bayer", "--photons", "300", "-n", "60")


def test_the_command_says_what_python_says(ideal, tmp_path):
    target = tmp_path / "out.png"
    options = ("--decoder", "mosaic-filter", "--set", "decoder.reach=3", "--set", "objects.exponent=1.5", "--plot", target)
    asked = ("decode", "color-filter-array", "natural-fields", *SMALL, *options)
    told = document(ideal(*asked, "--json"))
    sensor = package.imaging.ColorFilterArray(shape=(12, 12), period=(2, 2))
    objects = package.datasets.make_objects("natural-fields", exponent=1.5)
    reach = {"reach": 3}
    found = package.decode(
        sensor, objects, "mosaic-filter", design="bayer", photons=300, count=60, settings=reach, progress=False
    )
    own = found.to_record()
    assert {name: told[name] for name in own if name != "seconds"} == {name: own[name] for name in own if name != "seconds"}
    assert target.read_bytes()[:4] == b"\x89PNG"
    shown = ideal(*asked, "--force")
    assert shown.exit_code == 0
    assert f"{found.psnr.value:.3f}" in shown.stdout
    assert ideal(*asked).exit_code == 2  # the figure is there


def test_objects_are_those_that_suit_where_none_are_named(ideal):
    told = document(
        ideal(
            "decode",
            "interferometer",
            "--decoder",
            "dirty",
            "--set",
            "shape=[12,12]",
            "--set",
            "interval=3600",
            "-n",
            "20",
            "--json",
        )
    )
    assert told["objects"] == "black-hole-rings"
    assert told["noise"]["name"] == "complex-gaussian"


def test_a_warning_says_that_more_objects_would_help(ideal):
    told = ideal("decode", "color-filter-array", "natural-fields", *SMALL)
    assert told.exit_code == 0
    assert "warning: decoder linear: 36 scenes to learn from leave the covariance of 432 values rough" in told.stderr


def test_a_decoder_that_does_not_serve_is_refused_with_the_reason(ideal):
    told = ideal("decode", "lensless", "beads", "--decoder", "malvar")
    assert told.exit_code == 2
    assert "decoder malvar does not serve lensless: it takes a sensor under a mosaic of filters" in told.stderr
    assert "did you mean wiener?" in ideal("decode", "lensless", "beads", "--decoder", "winer").stderr
    assert ideal("decode", "lensless", "beads", "--decoder", "wiener", "--set", "decoder.balance=3").exit_code == 2


def test_decoders_are_listed_and_described(ideal):
    told = document(ideal("decoders", "--json"))
    assert list(told["decoders"]) == list(DECODERS)
    assert told["decoders"]["total-variation"]["settings"]["weights"]["value"] == [0.05, 0.1, 0.2]
    text = ideal("decoders").stdout
    assert all(name in text for name in DECODERS)
    one = ideal("decoders", "total-variation").stdout
    assert "serves: lensless cameras" in one
    assert "weights" in one
    assert "no settings: --decoder malvar" in ideal("decoders", "malvar").stdout
    assert "did you mean malvar?" in ideal("decoders", "malva").stderr


@pytest.mark.parametrize("name", DECODERS)
def test_the_page_has_every_decoder(name):
    page = Path(__file__).parents[2] / "docs" / "decode.md"
    kind = DECODERS[name]
    assert re.search(rf"^\| `{name}` \| {re.escape(kind.serves)} \| {re.escape(kind.summary)} \|", page.read_text(), re.MULTILINE)
