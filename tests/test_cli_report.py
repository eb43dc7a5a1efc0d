"""`ideal report`: what stands on the page, that nothing on it comes from elsewhere, and what goes wrong."""

import base64
import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from cli_world import FAST, document
from report_world import (
    DESIGN_FIGURES,
    NASTY,
    design_record,
    estimate_of,
    estimate_record,
    reproduction_record,
    unfinished_record,
    write_run,
    write_runs,
)

from ideal.cli._report_content import Bar, Cell, Column, Table, digits_for, laid_out, number, span, with_span

VOID = {"meta", "link", "img", "wbr", "line", "circle", "br"}


class Page(HTMLParser):
    """A page as (tag, attributes) in order, the text of each element that has a class or a heading, and all text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self._open, self.text = [], [], [], ""
        self.feed(html)
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append((tag, len(self.text)))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        opened, place = self._open.pop()
        assert opened == tag
        self.texts.append((tag, " ".join(self.text[place:].split())))

    def handle_data(self, data):
        if not any(tag == "style" for tag, _ in self._open):
            self.text += data

    def of(self, tag):
        return [text for name, text in self.texts if name == tag]

    def rows(self, caption):
        """Return the rows of the table below a caption, the head first."""
        html = self.rawdata_of_table(caption)
        rows = re.findall(r"<tr[^>]*>(.*?)</tr>", html, re.DOTALL)
        cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
        return [[" ".join(re.sub(r"<[^>]*>", "", cell).split()) for cell in row] for row in cells]

    def rawdata_of_table(self, caption):
        found = re.search(rf'<p class="caption"[^>]*>{re.escape(caption)}</p>.*?<table.*?</table>', self.html, re.DOTALL)
        return found[0]


@pytest.fixture
def report(ideal, tmp_path):
    """Write a page of runs and read it."""

    def read(*runs, out="page.html"):
        target = tmp_path / out
        result = ideal("report", *runs, "-o", target, "--force")
        assert result.exit_code == 0, result.stderr
        html = target.read_text(encoding="utf-8")
        page = Page(html)
        page.html, page.result = html, result
        return page

    return read


@pytest.fixture
def runs(tmp_path):
    return write_runs(tmp_path / "runs")


def test_estimates(report, tmp_path):
    found = estimate_of("a.h5", 0.9, warnings=["a.h5: no groups"]), estimate_of("data/b.h5", 0.45)
    page = report(write_run(tmp_path / "run", estimate_record(*found), ["information.png"]))
    rows = page.rows("Files, the most informative first")
    assert rows[0] == ["file", "bits/pixel", "95 % interval", "", "more than the next", "bits/measurement", "model"]
    assert rows[1] == ["a.h5", "0.900", "0.850 to 0.950", "", "+0.450 (−0.100 to 0.900)", "57.6", "full"]
    assert rows[2][:3] == ["b.h5", "0.450", "0.400 to 0.500"]
    assert page.of("h1") == ["Information in 2 measurement files"]
    for text in ("a.h5: no groups", "poisson noise", "patches of 8x8 pixels", "2.0.0", "ab" * 32):
        assert text in page.text
    assert "ideal estimate a.h5 data/b.h5 --out 'runs/my run'" in page.of("code")


def test_one_estimate_shows_its_number_its_models_and_what_is_not_known(report, tmp_path):
    rate = {"model": "full", "bits_per_pixel": 0.25, "interval": [0.2, 0.3]}
    page = report(write_run(tmp_path / "run", estimate_record(estimate_of("a.h5", 0.0123, information_rate=rate))))
    assert [" ".join(text.split()) for text in page.of("dd")][:2] == ["0.0123 bits/pixel", "95 % interval −0.0377 to 0.0623"]
    rows = page.rows("Information by density model")
    assert rows[1][:3] == ["stationary", "0.112", "–"]
    assert rows[2][:3] == ["full (chosen)", "0.012", "−0.038 to 0.062"]
    assert "information.png is missing" in page.result.stderr
    assert "The figure information.png is missing from the folder of the run." in page.text


def test_labels(report, tmp_path):
    task = {"task_information_bits": 2.5, "interval": [2.4, 2.6], "fano_bits": 2.3, "label_entropy_bits": 3.32, "error_rate": 0.1}
    found = estimate_of("a.h5", 0.9, task_information=task | {"warnings": ["few labels"]})
    page = report(write_run(tmp_path / "run", estimate_record(found)))
    assert page.rows("What measurements tell of their label")[1] == [
        "a.h5",
        "2.500",
        "2.400 to 2.600",
        "",
        "2.300",
        "3.320",
        "90.0 %",
    ]
    assert "few labels" in page.text


def test_a_design(report, runs):
    page = report(runs["design"])
    rows = page.rows("Re-measured information of the designs")
    assert rows[1] == ["the design", "2.000", "1.000 to 2.500", "", "", "", "full"]
    assert rows[2][0] == "its start (near random)"
    assert rows[2][4:6] == ["+0.500", "0.250 to 0.750"]
    assert rows[3][4:6] == ["+1.000", "–"]
    rows = page.rows("What is told of each target, closed form, bits/pixel, and filters of a period")
    assert rows[1] == ["the design", "2.100", "0.0100", "1", "2", "1"]
    assert page.rows("Information about the label")[1] == ["the design", "0.700", "0.600 to 0.800", "", "75.0 %"]
    for text in ("take more", "2.17 min", "20 from random, ended early", "1.7500 bits/pixel", "objects to design for 35"):
        assert text in " ".join(page.text.split())
    assert len([tag for tag, _ in page.tags if tag == "img"]) == len(DESIGN_FIGURES)
    assert any("1 red, 2 green, 1 blue pixels in a period" in attributes.get("alt", "") for _, attributes in page.tags)


def test_a_reproduction(report, tmp_path):
    page = report(write_run(tmp_path / "run", reproduction_record(quick=True), ["figure.png", "figure.svg"]))
    rows = page.rows("What the study finds")
    assert rows[1] == ["Spearman, SSIM 40 arrays", "0.910", "0.860 to 0.940", "", "0.85", "reached"]
    assert rows[2][-1] == "missed"
    assert rows[3][:3] == ["times as fast", "58.000", "exact"]
    verdicts = [row[-1] for row in page.rows("Published statements beside what was measured here")[1:]]
    assert verdicts == ["agrees", "undecided", "does not agree"]
    rows = page.rows("The 40 rows of table.csv")
    assert rows[0] == ["sites", "information, bits", "95 % interval", "psnr, dB", "mse, 10⁻⁶"]
    assert rows[2] == ["ALMA-1", "10.5", "9.5 to 11.5", "20.100", "20.0"]
    assert "In all rows: array EHT2017; exact –." in page.text
    assert "The quick version" in page.text
    assert "4, of which 1 were done anew" in page.text


def test_vectors_rather_than_pixels_unless_they_are_many(report, tmp_path, monkeypatch):
    folder = write_run(tmp_path / "run", reproduction_record(), ["figure.png", "figure.svg"])

    def embedded():
        (source,) = [each["src"] for tag, each in report(folder).tags if tag == "img"]
        return source

    assert embedded() == "data:image/svg+xml;base64," + base64.b64encode((folder / "figure.svg").read_bytes()).decode()
    monkeypatch.setattr("ideal.cli._report_figures._LARGEST_SVG", 100)
    assert embedded() == "data:image/png;base64," + base64.b64encode((folder / "figure.png").read_bytes()).decode()
    (image,) = [each for tag, each in report(folder).tags if tag == "img"]
    assert (image["width"], image["height"]) == ("288", "192")  # 3 by 2 inches


def test_several_runs_have_a_list_of_contents_and_targets_together(report, runs, tmp_path):
    other = write_run(tmp_path / "other", reproduction_record(), ["figure.png"])
    page = report(*runs.values(), other)
    targets = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = [attributes["href"][1:] for tag, attributes in page.tags if tag == "a"]
    assert links == [f"run-{number}" for number in range(1, 7)]
    assert targets >= set(links)
    assert page.of("h1") == ["Report of 6 runs"]
    assert [row[0] for row in page.rows("Targets of all studies")] == ["study", *["radio"] * 4]
    listed = " ".join(page.of("nav")[0].split())
    assert "1 of 2 targets reached, 1 of 3 published statements agree" in listed
    assert "0.700 (0.600 to 0.800) bits about the label" in listed


def test_what_users_write_is_text(report, runs):
    page = report(*runs.values())
    assert "<script" not in page.html
    assert NASTY in page.text
    assert any(NASTY.replace("/", "") in attributes.get("alt", "") for _, attributes in page.tags)


def test_nothing_comes_from_elsewhere(report, runs):
    page = report(*runs.values())
    sources = [each[key] for _, each in page.tags for key in ("src", "href", "srcset", "data", "action") if key in each]
    assert sources
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "default-src 'none'" in page.html
    style = re.search(r"<style>(.*?)</style>", page.html, re.DOTALL)[1]
    assert not re.search(r"url\(|@import|https?:", style)
    assert not [tag for tag, _ in page.tags if tag in ("script", "iframe", "object", "embed")]


def test_the_same_runs_give_the_same_bytes(report, runs):
    assert report(*runs.values()).html == report(*runs.values(), out="again.html").html


def test_who_does_not_see_the_page_can_read_it(report, runs):
    for page in (report(*runs.values()), report(runs["reproduction"])):
        levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        assert all(each.get("scope") in ("row", "col") for tag, each in page.tags if tag == "th")
        assert all(each["alt"].strip() for tag, each in page.tags if tag == "img")
        names = [each["id"] for _, each in page.tags if "id" in each]
        assert len(names) == len(set(names))
        assert {each["aria-labelledby"] for _, each in page.tags if "aria-labelledby" in each} <= set(names)
        assert page.tags[0] == ("html", {"lang": "en"})
        assert page.of("title")


def test_an_interrupted_run_shows_what_it_has_and_its_command(ideal, report, tmp_path, monkeypatch):
    from ideal import information

    folder, estimate = tmp_path / "run", information.estimate

    def interrupted(source, **options):
        if source.path == "b.h5":
            raise KeyboardInterrupt
        return estimate(source, **options)

    monkeypatch.setattr(information, "estimate", interrupted)
    command = ("estimate", "a.h5", "b.h5", *FAST, "--out", folder)
    monkeypatch.setattr("sys.argv", ["ideal", *map(str, command)])
    assert ideal(*command).exit_code == 130
    kept = json.loads((folder / "result-0.json").read_text())
    page = report(folder)
    assert "1 of 2 files are estimated so far." in page.text
    assert f"ideal estimate a.h5 b.h5 {' '.join(FAST)} --out {folder}" in page.of("code")
    assert f"{kept['n_groups']}" in page.rows("Entropies, and what they were estimated from")[1]
    assert "unfinished" in page.of("span")
    assert "the run is unfinished" in page.result.stderr
    assert "missing" not in page.result.stderr


def test_an_unfinished_design_says_how_far_it_is(report, runs):
    lines = [{"step": 10, "hard_gain": [1.25, 1.5]}, {"path": "the design", "information_bits_per_pixel": 1.1, "model": "full"}]
    text = "\n".join(map(json.dumps, lines)) + '\n{"cut'
    (runs["unfinished"] / "metrics.jsonl").write_text(text, encoding="utf-8")
    (runs["unfinished"] / "run.toml").write_text('[optimize]\nobjects = "<objects>"\n', encoding="utf-8")
    page = report(runs["unfinished"])
    assert "step 10 of its steps, the objective of the best start is 1.5000" in page.text
    assert page.rows("Measured so far")[1] == ["the design", "1.100", "full"]
    assert '[optimize] objects = "<objects>"' in page.of("code")


def test_a_failed_run_is_shown_as_such(report, runs):
    page = report(runs["failed"])
    assert "failed" in page.of("span")
    assert f"{NASTY}: no samples" in page.text
    assert "the run is failed" in page.result.stderr


def test_estimates_of_the_same_objects_are_compared_across_runs(ideal, report, tmp_path):
    for name in "ab":
        assert ideal("estimate", f"{name}.h5", *FAST, "--out", tmp_path / name).exit_code == 0
    both = document(ideal("estimate", "a.h5", "b.h5", *FAST, "--json"))["comparison"][0]
    rows = report(tmp_path / "a", tmp_path / "b").rows("Estimates of the same objects, across runs")
    assert [row[0] for row in rows[1:]] == ["a.h5", "b.h5"]
    assert rows[1][4] == with_span(both["difference_bits_per_pixel"], both["interval"], 3, "+")
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    again = report(tmp_path / "a", tmp_path / "b", tmp_path / "copy").rows("Estimates of the same objects, across runs")
    assert again == rows
    (tmp_path / "b" / "result-0.json").write_text("{}")
    page = report(tmp_path / "a", tmp_path / "b")
    assert "Estimates of the same objects" not in page.text
    assert "result-0.json is of another version" in page.text


def test_json_and_title(ideal, runs, tmp_path):
    target = tmp_path / "new" / "page.html"
    result = ideal("report", runs["design"], runs["failed"], "-o", target, "--title", NASTY, "--json")
    found = document(result)
    assert found["bytes"] == target.stat().st_size
    assert [(each["kind"], each["status"]) for each in found["runs"]] == [("design", "finished"), ("estimate", "failed")]
    assert found["runs"][0]["figures"] == list(DESIGN_FIGURES)
    page = Page(target.read_text(encoding="utf-8"))
    assert page.of("h1") == page.of("title") == [NASTY]


def test_a_run_can_be_named_by_its_record_and_by_a_name_that_is_no_utf8(report, runs, tmp_path):
    folder = write_run(tmp_path / "run\udcff", estimate_record(estimate_of("a\udcff.h5", 0.5)))
    assert "Information in a?.h5" in report(folder).text
    assert report(runs["design"] / "run.json").of("h1") == report(runs["design"]).of("h1")


@pytest.fixture
def wrong(runs, tmp_path):
    """Folders that hold no run, or one that cannot be read."""
    folders = {name: tmp_path / name for name in ("empty", "cut", "list", "other", "lacks", "odd")}
    for folder in folders.values():
        folder.mkdir()
    text = json.dumps(design_record())
    (folders["cut"] / "run.json").write_text(text[: len(text) // 2])
    (folders["list"] / "run.json").write_text("[1, 2]")
    (folders["other"] / "run.json").write_text('{"name": "package", "version": 3}')
    record = design_record()
    del record["gain"]
    (folders["lacks"] / "run.json").write_text(json.dumps(record))
    (folders["odd"] / "run.json").write_text(json.dumps(design_record() | {"designs": "none"}))
    file = tmp_path / "file"
    file.write_text("")
    return {name: str(folder) for name, folder in (runs | folders).items()} | {"file": str(file), "above": str(tmp_path / "runs")}


WRONG = [
    ("missing", 1, "missing does not exist: name the folder of a run"),
    ("{file}", 1, "file is a file: name the folder of a run"),
    ("{empty}", 1, "empty holds no run.json: name the folder of a run"),
    (
        "{above}",
        1,
        "holds no run.json: name the folder of a run (--out of ideal estimate, optimize or reproduce); there are runs in it",
    ),
    ("{cut}", 1, "run.json cannot be read (Unterminated"),
    ("{list}", 1, "run.json holds a list, expected the record of a run"),
    (
        "{other}",
        1,
        "run.json is not of a run: expected what ideal estimate, optimize or reproduce keep, found the keys name, version",
    ),
    ("{lacks}", 1, "run.json lacks 'gain': it was changed, or written by another version; repeat the command of the run"),
    ("{odd}", 1, "run.json cannot be understood (TypeError"),
    ("{design} {design}/run.json", 2, "is named twice"),
    ("{design} -o page.pdf", 2, "the name must end in .html or .htm"),
    ("{design} -o {design}/run.json/page.html", 2, "cannot be written"),
    ("", 2, "Missing argument"),
]


@pytest.mark.parametrize(("line", "code", "words"), WRONG, ids=[line or "nothing" for line, _, _ in WRONG])
def test_what_goes_wrong_takes_one_line(ideal, wrong, monkeypatch, tmp_path, line, code, words):
    monkeypatch.chdir(tmp_path)
    result = ideal("report", *line.format(**wrong).split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("ideal: error: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr
    assert not list(tmp_path.glob("*.html"))


def test_a_page_is_not_overwritten_without_force(ideal, runs, tmp_path):
    target = tmp_path / "page.html"
    target.write_text("mine")
    result = ideal("report", runs["design"], "-o", target)
    assert result.exit_code == 2
    assert "exists: choose another name, or overwrite it with --force" in result.stderr
    assert target.read_text() == "mine"


def test_unfinished_records_lack_what_only_the_end_brings():
    assert "designs" not in unfinished_record(design_record())


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.4375, 3, "0.438"), (-0.0001, 3, "0.000"), (-2.0, 1, "−2.0"), (None, 3, "–"), (float("inf"), 3, "–")],
)
def test_numbers(value, digits, text):
    assert number(value, digits) == text


def test_numbers_that_stand_together_have_as_many_digits_as_tell_them_apart():
    assert [digits_for([value]) for value in (354.2, 2.0, 0.1, 0.019, 0.0035, 0.0, None)] == [1, 3, 3, 4, 5, 3, 3]
    assert digits_for([0.001, 2.0]) == 3
    assert span([0.25, 0.5], 2, 10) == "2.50 to 5.00"
    assert span([None, 0.5]) == "–"
    assert with_span(0.5, (0.25, 0.75), 2, "+") == "+0.50 (0.25 to 0.75)"


def test_bars_share_the_scale_of_their_column():
    bars = [Cell(bar=Bar(1.0, 0.5, 2.0, 2.0)), Cell(), Cell(bar=Bar(0.0))]
    table = Table("", (Column("name"), Column("", "bar")), [(name, bar) for name, bar in zip("abc", bars, strict=True)])
    drawn = [row[1][2] for row in laid_out(table)]
    assert drawn[0] == {"value": "66.0", "low": "36.0", "high": "126.0", "reference": "126.0", "zero": "6.0"}
    assert drawn[1] is None
    assert drawn[2] == {"value": "6.0", "low": None, "high": None, "reference": None, "zero": "6.0"}
