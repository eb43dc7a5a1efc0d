"""`ideal report`: what stands on the page, and that nothing on it comes from elsewhere."""

import base64
import os
import re
import shutil
from datetime import datetime
from itertools import pairwise

import pytest
from fixtures.cli import FAST, document
from fixtures.report import (
    DESIGN_FIGURES,
    NASTY,
    Page,
    estimate_of,
    estimate_record,
    reproduction_record,
    write_run,
)

from ideal.reports.html import laid_out
from ideal.reports.sections.rows import rows_table
from ideal.tables import Bar, Cell, Column, Table
from ideal.text import digits_for, number, span, with_span


def test_estimates(report, tmp_path):
    found = estimate_of("a.h5", 0.9, warnings=["a.h5: no groups"]), estimate_of("data/b.h5", 0.45)
    page = report(write_run(tmp_path / "run", estimate_record(*found), ["information.png"]))
    rows = page.rows("Files, the most informative first")
    titles = ["file", "bits/pixel", "95 % interval", "", "more than the next", "bits/measurement", "model"]
    assert rows[0] == titles
    assert rows[1] == ["a.h5", "0.900", "0.850 to 0.950", "", "+0.450 (−0.100 to 0.900)", "57.6", "full"]
    assert rows[2][:3] == ["b.h5", "0.450", "0.400 to 0.500"]
    first = "Of 2 files a.h5 carries the most: at most 0.900 bits/pixel (95 % interval 0.850 to 0.950)"
    doubt = "the interval of this difference holds 0, so that the order may be another."
    assert page.of("p")[0] == f"{first}, 0.450 (−0.100 to 0.900) more than b.h5; {doubt}"
    assert page.of("time") == [datetime.fromtimestamp((tmp_path / "run" / "run.json").stat().st_mtime).date().isoformat()]
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


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("outside", "lies outside the folder of the run, and was not read"),
        ("pipe", "is no regular file, and was not read"),
        ("nothing", "is a link to nothing"),
        ("text", "is no picture that can be shown, PNG or SVG"),
    ],
)
def test_why_a_figure_is_not_on_the_page(report, tmp_path, kind, words):
    folder = write_run(tmp_path / "run", estimate_record(estimate_of("a.h5", 0.5)), ["information.png"])
    figure = folder / "information.png"
    figure.rename(tmp_path / "private.png")
    if kind == "pipe":
        os.mkfifo(figure)
    elif kind == "text":
        figure.write_text("no picture")
    else:
        figure.symlink_to(tmp_path / "private.png" if kind == "outside" else "gone.png")
    page = report(folder)
    assert f"information.png {words}: the page says so in its place" in page.result.stderr
    assert f"The figure information.png {words}." in page.text
    assert page.of("img") == []


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
    assert page.of("p")[0].startswith(f"Design of color-filter-array for {NASTY}: 0.700 (0.600 to 0.800) bits about the label")
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
    assert rows[3][:3] == ["times as fast", "58.000", "–"]
    assert '<abbr class="light" title="no interval">–</abbr>' in page.rawdata_of_table("What the study finds")
    verdicts = [row[-1] for row in page.rows("Published statements beside what was measured here")[1:]]
    assert verdicts == ["agrees", "not decided", "does not agree"]
    # To differ from a publication is no failure: red is for what was aimed at and missed.
    assert re.findall(r'class="(\w+)">(?:agrees|not decided|does not agree|missed)<', page.html) == [
        "bad",
        "good",
        "light",
        "unsure",
    ]
    rows = page.rows("The 40 rows of table.csv")
    assert rows[0] == ["sites", "information, bits", "95 % interval", "psnr, dB", "mse, 10⁻⁶"]
    assert rows[2] == ["ALMA-1", "10.5", "9.5 to 11.5", "20.100", "20.0"]
    assert "In all rows: array EHT2017; exact –." in page.text
    assert "The quick version" in page.text
    assert "4, of which 1 were done anew" in page.text


def test_the_rows_of_a_study_are_folded_where_they_are_many_and_paper_has_the_first_of_them(report, tmp_path):
    record = reproduction_record()
    page = report(write_run(tmp_path / "many", record, ["figure.png"]))
    details = page.html[page.html.index("<details") : page.html.index("</details>")]
    assert re.match(r"<details [^>]*>", details)[0].endswith('broad">')  # not open
    assert page.of("summary") == ["The 40 rows of table.csv"]
    assert "What the study finds" not in details
    assert [kind == ' class="off-paper"' for kind in re.findall(r"<tr([^>]*)>", details)[1:]] == [False] * 15 + [True] * 25
    assert "Printed: the first 15 of 40 rows; table.csv beside run.json has all." in details
    assert page.html.index("<figure") < page.html.index("<details")
    page = report(write_run(tmp_path / "few", record | {"rows": record["rows"][:20]}, ["figure.png"]))
    details = page.html[page.html.index("<details") : page.html.index("</details>")]
    assert re.match(r"<details [^>]*>", details)[0].endswith(" open>")
    assert "off-paper" not in details
    assert "Printed" not in details


def test_a_study_that_aims_at_nothing_has_no_columns_of_targets(report, tmp_path):
    record = reproduction_record()
    found = [each | {"target": None, "met": None} for each in record["statistics"]]
    page = report(write_run(tmp_path / "run", record | {"statistics": found}, ["figure.png"]))
    assert page.rows("What the study finds")[0] == ["what", "value", "95 % interval", ""]


def test_paper_has_the_first_columns_that_it_has_room_for_without_breaking_a_word():
    rows = [{"array": f"ALMA SMT {n}", "mosaic": "RGGB" * (15 + n), "n": n} for n in range(2)]
    for name in "abcdefgh":
        rows = [row | {f"{name}_db": 20.5 + row["n"], f"{name}_low": 19.5, f"{name}_high": 21.5} for row in rows]
    table = rows_table(rows, "95 % interval")
    kept = [column.on_paper for column in table.columns]
    assert kept == sorted(kept, reverse=True)  # from the first one
    assert [column.title for column in table.columns][:3] == ["array", "n", "a, dB"]
    assert 5 < sum(kept) < len(kept)
    assert sum(kept) % 2 == 0  # two, and numbers with their intervals
    assert not kept[-1]
    assert table.columns[-1].title == "mosaic"
    assert table.left_off_paper == f"Printed: {sum(kept)} of {len(kept)} columns; table.csv beside run.json has all."
    assert rows_table([{"mosaic": "RGGB" * 64}], "").columns[0].on_paper  # not nothing


def test_a_study_that_was_made_with_others_is_run_again_alone(report, tmp_path):
    given = ["ideal", "reproduce", "cfa", "radio", "--jobs", "2", "--out", "../runs/my studies", "--force"]
    record = reproduction_record(quick=True) | {"command": given}
    page = report(write_run(tmp_path / "run", record, ["figure.png"]))
    assert page.of("code") == ["ideal reproduce radio --quick --out '../runs/my studies'"]
    record = reproduction_record(seed=7) | {"command": ["ideal", "reproduce", "all", "--seed=7", "--out=all"]}
    page = report(write_run(tmp_path / "run", record, ["figure.png"]))
    assert page.of("code") == ["ideal reproduce radio --seed 7 --out=all"]
    page = report(write_run(tmp_path / "run", record | {"command": ["python", "all.py"]}, ["figure.png"]))
    assert page.of("code") == ["python all.py"]


def test_vectors_rather_than_pixels_unless_they_are_many(report, tmp_path, monkeypatch):
    folder = write_run(tmp_path / "run", reproduction_record(), ["figure.png", "figure.svg"])

    def embedded():
        (source,) = [each["src"] for tag, each in report(folder).tags if tag == "img"]
        return source

    assert embedded() == "data:image/svg+xml;base64," + base64.b64encode((folder / "figure.svg").read_bytes()).decode()
    monkeypatch.setattr("ideal.reports.figures._LARGEST_SVG", 100)
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


def test_a_page_is_not_overwritten_without_force(ideal, runs, tmp_path):
    target = tmp_path / "page.html"
    target.write_text("mine")
    result = ideal("report", runs["design"], "-o", target)
    assert result.exit_code == 2
    assert "exists: choose another name, or overwrite it with --force" in result.stderr
    assert target.read_text() == "mine"


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
