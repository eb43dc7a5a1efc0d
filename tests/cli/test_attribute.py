"""`ideal attribute`: the grammar that scripts rely on."""

import json

import numpy as np
import pytest
from fixtures.cli import document
from typer.testing import CliRunner

from ideal.cli.__main__ import app

GAME = """
def value(masks):
    return 3.0 * masks[:, 0] - 2.0 * masks[:, 1] * masks[:, 2] + 1.0 * masks[:, 3] * masks[:, 4] * masks[:, 5]
def broken(masks):
    return masks.sum(1) * float("nan")
"""


@pytest.fixture
def game(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "game_of_the_command_line.py").write_text(GAME)
    return "game_of_the_command_line.py:value"


def run(*arguments, code=0):
    done = CliRunner().invoke(app, ["attribute", *arguments])
    assert done.exit_code == code, done.output
    return done


def test_a_function_in_json(game):
    found = document(run(game, "--players", "30", "--budget", "900", "--size", "5", "--json"))
    assert (found["method"], found["index"], found["players"]) == ("proxyspex", "fourier", 30)
    assert found["ablations"] == 900
    assert found["faithfulness"]["method"] > 0.999
    assert found["reason"]
    terms = {tuple(term["players"]): term for term in found["terms"]}
    assert set(terms[(1, 2)]) == {"players", "coefficient", "error", "kind", "share"}
    assert terms[(1, 2)]["coefficient"] == pytest.approx(-0.5, abs=1e-6)
    assert (terms[(1, 2)]["kind"], terms[(3, 4)]["kind"], terms[(0,)]["kind"]) == ("redundancy", "synergy", "main")


def test_the_same_seed_gives_the_same_bytes(game):
    arguments = (game, "--players", "20", "--budget", "300", "--json", "--method", "order2", "--seed", "3")
    assert run(*arguments).stdout == run(*arguments).stdout


def test_tables_for_people(game, tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(f"word {i}" for i in range(12)))
    said = run(game, "--names", "names.txt", "--index", "moebius", "--select", "3", "--plot", "terms.png", "--out", "run").stdout
    for text in ("word 1 + word 2", "redundancy", "R^2 on held-out masks", "surrogate + swaps", "4096 learned, 3 repeats"):
        assert text in said
    assert (tmp_path / "terms.png").stat().st_size > 1000
    assert {"run.json", "values.jsonl", "attribution.png"} <= {file.name for file in (tmp_path / "run").iterdir()}
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "finished"


def test_two_steps_through_files(game, tmp_path):
    said = document(run("--players", "20", "--budget", "500", "--emit", "masks.jsonl", "--json"))
    lines = [json.loads(line) for line in (tmp_path / "masks.jsonl").read_text().splitlines()]
    assert said["masks"] == len(lines)
    with open(tmp_path / "values.jsonl", "w") as file:
        for line in lines:
            file.write(json.dumps({"id": line["id"], "value": 2.0 * (7 in line["present"])}) + "\n")
    found = document(run("--players", "20", "--values", "values.jsonl", "--json"))
    assert found["terms"][1]["players"] == [7]
    assert found["terms"][1]["coefficient"] == pytest.approx(-1.0, abs=1e-6)


def test_a_table_and_a_command(game, tmp_path):
    masks = np.random.default_rng(0).random((400, 18)) < 0.5
    np.savez(tmp_path / "t.npz", masks=masks, values=masks[:, 2] * 1.0)
    assert document(run("--table", "t.npz", "--json"))["terms"][1]["players"] == [2]
    (tmp_path / "own.py").write_text("import sys, numpy as np\nnp.save(sys.argv[2], np.load(sys.argv[1])[:, 4] * 1.0)\n")
    import sys

    found = document(run("--command", f"{sys.executable} own.py {{masks}} {{values}}", "--players", "5", "--json"))
    assert found["terms"][1]["players"] == [4]


def test_a_system(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = [text for each in ("sites=[ALMA,LMT,SMT,PV]", "shape=[16,16]", "interval=3600") for text in ("--set", each)]
    settings[1] = 'sites=["ALMA", "LMT", "SMT", "PV"]'
    found = document(run("interferometer", *settings, "-n", "60", "--index", "moebius", "--json"))
    assert found["names"] == ["ALMA", "LMT", "SMT", "PV"]
    assert (found["noun"], found["unit"], found["method"]) == ("site", "bits", "exact")
    terms = {tuple(term["players"]): term for term in found["terms"]}
    assert all(abs(terms[(i,)]["coefficient"]) < 1e-9 for i in range(4))  # one site alone measures nothing
    assert {term["kind"] for players, term in terms.items() if len(players) == 2} == {"synergy"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "name one value function"),
        (("GAME",), 2, "--players"),
        (("GAME", "--table", "t.npz"), 2, "several value functions"),
        (("GAME", "--players", "9", "--photons", "3"), 2, "--photons goes with an imaging system"),
        (("GAME", "--players", "9", "--method", "magic"), 2, "no method of attribution is called 'magic'"),
        (("GAME", "--players", "9", "--index", "shaply"), 2, "did you mean shapley"),
        (("GAME", "--players", "9", "--plot", "a.txt"), 2, "--plot a.txt"),
        (("GAME", "--players", "9", "--emit", "a.csv"), 2, "--emit a.csv"),
        (("BROKEN", "--players", "9"), 1, "is nan: expected a finite number"),
        (("nothing.py:value", "--players", "9"), 2, "no such file"),
        (("interferometr",), 2, "did you mean interferometer"),
        (("interferometer", "--players", "9"), 2, "--players"),
        (("--table", "none.npz"), 1, "none.npz"),
        (("--values", "none.jsonl"), 2, "--players"),
    ],
)
def test_what_is_wrong_takes_one_line(game, arguments, code, said):
    words = [game if word == "GAME" else game.replace(":value", ":broken") if word == "BROKEN" else word for word in arguments]
    done = run(*words, code=code)
    lines = [line for line in done.stderr.splitlines() if "progress" not in line]
    assert len(lines) == 1
    assert said in lines[0]
