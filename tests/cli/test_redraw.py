"""`ideal plot`: figures of finished runs, drawn again."""

import json
import re

import pytest
from fixtures.cli import FAST, document
from fixtures.report import estimate_of, estimate_record, write_run


@pytest.fixture
def run(ideal, tmp_path):
    assert ideal("estimate", "a.h5", "b.h5", *FAST, "--out", tmp_path / "run").exit_code == 0
    return tmp_path / "run"


def test_a_figure_in_another_format_and_size(ideal, run, tmp_path):
    target = tmp_path / "new" / "figure.svg"
    found = document(ideal("plot", run, "-o", target, "--width", "3.6", "--json"))
    assert found == {"run": str(run), "figure": "information", "path": str(target)}
    text = target.read_text()
    assert re.search(r'width="259.2pt"', text)  # 3.6 inches
    assert "<image" in text  # measurements
    exists = ideal("plot", run, "-o", target)
    assert exists.exit_code == 2
    assert "exists" in exists.stderr
    assert ideal("plot", run, "-o", target, "--force", "--style", "grayscale").exit_code == 0


def test_files_can_have_other_names(ideal, run, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("ideal.plots.theme.save_figure", lambda figure, target, dpi: drawn.append((figure, dpi)))
    result = ideal("plot", run, "-o", tmp_path / "x.png", "--name", "sharp=a.h5", "--dpi", "300", "--height", "2")
    assert result.exit_code == 0, result.stderr
    ((figure, dpi),) = drawn
    assert dpi == 300
    assert figure.get_size_inches()[1] == pytest.approx(2)
    assert [text.get_text().split()[0] for text in figure.axes[0].texts] == ["sharp", "b.h5"]


def test_a_file_that_has_changed_costs_its_picture_alone(ideal, run, data, tmp_path):
    record = json.loads((run / "run.json").read_text())
    record["inputs"]["a.h5"] = "sha256:0"
    (run / "run.json").write_text(json.dumps(record))
    result = ideal("plot", run, "-o", tmp_path / "x.pdf")
    assert result.exit_code == 0
    assert "a.h5: drawn without a picture of a measurement" in result.stderr
    assert "b.h5: drawn" not in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--figure", "ascent"), "has no figure 'ascent' (there are: information)"),
        (("--style", "darkbackground"), "did you mean dark_background?"),
        (("--name", "a.h5"), "--name takes TEXT=FILE"),
        (("--name", "x=c.h5"), "has no file 'c.h5'"),
        (("--width", "-1"), "--width takes a number above 0"),
        (("--dpi", "0"), "--dpi takes a number above 0"),
        (("--width", "0.5"), "there is no room for what is in it"),
    ],
)
def test_what_has_no_meaning_takes_one_line(ideal, run, tmp_path, options, words):
    result = ideal("plot", run, "-o", tmp_path / "x.png", *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "x.png").exists()


def test_a_run_without_kept_results_says_so(ideal, tmp_path):
    folder = write_run(tmp_path / "bare", estimate_record(estimate_of("a.h5", 0.5)))
    result = ideal("plot", folder, "-o", tmp_path / "x.png")
    assert result.exit_code == 1
    assert "has no estimate to draw" in result.stderr
