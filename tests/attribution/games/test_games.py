"""Value functions: what is asked once is kept, and what is no value is named."""

import json
import sys

import numpy as np
import pytest

from ideal.attribution.games import CommandGame, FunctionGame, Kept, TableGame, UnknownSetsError, read_function
from ideal.attribution.games.keeping import mask_id, read_values, write_masks
from ideal.errors import DataError, UsageError

MASKS = np.array([[1, 0, 1], [0, 0, 0], [1, 0, 1], [1, 1, 1]], bool)


class Counter:
    def __init__(self):
        self.seen = []

    def __call__(self, masks):
        self.seen += [tuple(mask) for mask in masks.tolist()]
        return masks @ np.array([1.0, 2.0, 4.0])


def test_no_set_is_paid_for_twice():
    counter = Counter()
    kept = Kept(FunctionGame(counter, 3), batch=2)
    assert kept(MASKS).tolist() == [5, 0, 5, 7]
    assert kept(MASKS[::-1]).tolist() == [7, 5, 0, 5]
    assert len(counter.seen) == len(set(counter.seen)) == kept.asked == kept.known == 3
    masks, values = kept.table()
    assert (masks == MASKS[[0, 1, 3]]).all()
    assert values.tolist() == [5, 0, 7]


def test_an_interrupted_run_goes_on(tmp_path):
    file, counter = tmp_path / "values.jsonl", Counter()
    Kept(FunctionGame(counter, 3), file)(MASKS[:2])
    with open(file, "a") as end:  # killed in the middle of a line
        end.write('{"id": "e0", "val')
    again = Kept(FunctionGame(counter, 3), file)
    assert again.has(MASKS).tolist() == [True, True, True, False]
    assert again(MASKS).tolist() == [5, 0, 5, 7]
    assert again.asked == 1
    assert len(counter.seen) == 3
    assert Kept(FunctionGame(counter, 3), file)(MASKS).tolist() == [5, 0, 5, 7]
    assert len(counter.seen) == 3


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda masks: np.where(masks.all(1), np.nan, 1.0), "set of all 3 players is nan"),
        (lambda masks: np.where(masks.any(1), 1.0, np.inf), "the empty set is inf"),
        (lambda masks: np.ones((len(masks), 1)), "gave values of shape"),
        (lambda masks: 1.0, "gave values of shape"),
        (lambda masks: ["a"] * len(masks), "no numbers"),
        (lambda masks: masks.sum(1) * 1j, "no numbers"),
        (lambda masks: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_what_is_no_value_is_named(function, said):
    with pytest.raises(DataError, match=said):
        Kept(FunctionGame(function, 3))(MASKS)


def test_players_are_named():
    assert FunctionGame(Counter(), 3, ["a", "b", "c"]).names == ("a", "b", "c")
    for players, names in ((3, ["a", "b"]), (3, ["a", "b", "a"]), (0, None), (True, None)):
        with pytest.raises(UsageError):
            FunctionGame(Counter(), players, names)
    with pytest.raises(UsageError, match="one column for each player"):
        Kept(FunctionGame(Counter(), 4))(MASKS)


def test_functions_of_files(tmp_path, monkeypatch, capsys):
    (tmp_path / "own_game_of_a_file.py").write_text(
        "def value(masks):\n    print('hello')\n    return masks.sum(1)\ndef two(a, b):\n    pass\nthree = 3\n"
    )
    place = str(tmp_path / "own_game_of_a_file.py")
    game = FunctionGame(read_function(f"{place}:value"), 3)
    assert Kept(game)(MASKS).tolist() == [2, 0, 2, 3]
    assert capsys.readouterr().out == ""  # stdout is for results
    monkeypatch.chdir(tmp_path)
    assert Kept(FunctionGame(read_function("own_game_of_a_file:value"), 3))(MASKS).tolist() == [2, 0, 2, 3]
    for wrong in (f"{place}:valu", f"{place}:three", f"{place}:two", "nothing.py:value", "no_such_module_here:f", place, "value"):
        with pytest.raises(UsageError):
            read_function(wrong)


def test_an_external_command(tmp_path):
    script = tmp_path / "score.py"
    script.write_text("import sys, numpy as np\nnp.save(sys.argv[2], np.load(sys.argv[1]).sum(1) ** 2.0)\n")
    game = CommandGame(f"{sys.executable} {script} {{masks}} {{values}}", 3)
    assert Kept(game)(MASKS).tolist() == [4, 0, 4, 9]
    script.write_text("import sys\nsys.exit('out of cheese')\n")
    with pytest.raises(DataError, match=r"exit code 1.*out of cheese"):
        Kept(game)(MASKS)
    script.write_text("")
    with pytest.raises(DataError, match="left no values"):
        Kept(game)(MASKS)
    with pytest.raises(DataError, match="cannot be run"):
        Kept(CommandGame("/no/such/program {masks} {values}", 3))(MASKS)
    with pytest.raises(UsageError, match="both files"):
        CommandGame("score {masks}", 3)


def test_tables(tmp_path):
    table = TableGame(np.r_[MASKS, MASKS[:1]], np.array([1.0, 2.0, 3.0, 4.0, 2.0]))
    assert table.known.tolist() == [2, 2, 4]
    assert table.noise == pytest.approx(1.0)
    assert table.values(MASKS).tolist() == [2, 2, 2, 4]
    with pytest.raises(UnknownSetsError, match="player 1") as caught:
        table.values(np.array([[0, 1, 0]], bool))
    assert caught.value.masks.tolist() == [[False, True, False]]
    np.savez(tmp_path / "t.npz", masks=MASKS, values=np.arange(4.0))
    assert TableGame.read(tmp_path / "t.npz").known.tolist() == [1, 1, 3]
    (tmp_path / "t.csv").write_text("a,b,c,bits\n1,0,1,5\n0,0,0,1.5\n")
    read = TableGame.read(tmp_path / "t.csv")
    assert read.names == ("a", "b", "c")
    assert read.known.tolist() == [5, 1.5]
    assert read.noise is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "a,b,v\n1,0,x\n"),
        ("t.csv", "a,b,v\n1,0\n"),
        ("t.csv", "a,b,v\n"),
        ("t.csv", "a,b,v\n1,0,nan\n"),
        ("t.csv", "a,b,v\n1,0.5,1\n"),
        ("t.npz", "no archive"),
        ("t.txt", ""),
        ("t.jsonl", ""),
        ("missing.csv", None),
        ("missing.npz", None),
    ],
)
def test_tables_that_are_none(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises((DataError, UsageError)):
        TableGame.read(tmp_path / name)


def test_two_steps_through_files(tmp_path):
    write_masks(tmp_path / "masks.jsonl", MASKS[:2])
    lines = [json.loads(line) for line in (tmp_path / "masks.jsonl").read_text().splitlines()]
    assert lines[0] == {"id": "a0", "players": 3, "present": [0, 2]}
    answers = [{"id": lines[0]["id"], "value": 2}, {"present": [], "value": 0.5, "comment": "by hand"}]
    (tmp_path / "values.jsonl").write_text("\n".join(map(json.dumps, answers)))
    masks, values = read_values(tmp_path / "values.jsonl", 3)
    assert (masks == MASKS[:2]).all()
    assert values.tolist() == [2, 0.5]


WRONG_ANSWERS = (
    '{"id": "a0"}',
    '{"id": "zz", "value": 1}',
    '{"id": "a0a0", "value": 1}',
    '{"id": "a1", "value": 1}',
    '{"value": 1}',
    "[1]",
    '{"id": "a0", "value": NaN}',
    '{"id": "a0", "value": "1"}',
    '{"id": "a0", "value": true}',
    '{"present": [3], "value": 1}',
    "x",
)


@pytest.mark.parametrize("line", WRONG_ANSWERS)
def test_answers_that_are_none_are_named_by_their_line(tmp_path, line):
    (tmp_path / "values.jsonl").write_text('{"id": "a0", "value": 1}\n' + line)
    with pytest.raises(DataError, match="line 2"):
        read_values(tmp_path / "values.jsonl", 3)


def test_ids_name_masks():
    masks = np.random.default_rng(0).random((50, 77)) < 0.5
    assert len({mask_id(mask) for mask in masks}) == 50
