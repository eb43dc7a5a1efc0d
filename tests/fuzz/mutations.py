"""Strategies for what goes wrong in files: bytes, numbers, texts, names, and trees of JSON, TOML and HDF5."""

import copy
import json

from hypothesis import strategies as st

LARGE = (2**31 - 1, 2**31, 2**32, 2**40, 2**62, 2**63, 2**64, 10**9, 10**30)
NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 2, 3, 7, 255, 65536, *LARGE, -(2**63)]),
    st.sampled_from([float("nan"), float("inf"), -float("inf"), 0.5, -0.0, 1e-308, 1e308, 5e-324, 1e300, -1e300]),
    st.integers(-1000, 1000),
    st.floats(-1e6, 1e6),
)
TEXTS = st.one_of(
    st.sampled_from(
        [
            *[
                "",
                " ",
                ".",
                "..",
                "/",
                "nan",
                "inf",
                "None",
                "true",
                "poisson",
                "gaussian",
                "lensless",
                "random",
                "a.h5",
                "::",
                "x::y",
            ],
            *[
                "../../../etc/passwd",
                "/dev/zero",
                "/etc",
                "[red]x[/red]",
                "[/]",
                "$\\frac$",
                "<script>alert(1)</script>",
                "{0}",
                "%s %n",
            ],
            *[
                "²",
                "٣",
                "日本",
                "\u202eabc",
                "e\u0301",
                "\x1b[31mred",
                "a\x07b",
                "a\rb",
                "a\nb",
                "\U0001f600",
                "'",
                '"',
                "\\",
                "--force",
            ],
            *[
                "9" * 400,
                "9" * 5000,
                "a" * 300,
                "a." * 200,
                "[" * 500,
                "(" * 300,
                "1e999",
                "-1",
                "0x10",
                "1_000",
                "=",
                "a=b",
                "a=b=c",
                ",",
            ],
        ]
    ),
    st.text(max_size=12),
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(TEXTS.filter(lambda text: len(text) < 50), inner, max_size=3)
    ),
    max_leaves=6,
)
SUFFIXES = st.sampled_from(
    [
        ".h5",
        ".hdf5",
        ".npy",
        ".npz",
        ".tif",
        ".tiff",
        ".zarr",
        ".uvfits",
        ".fits",
        ".toml",
        ".txt",
        ".dat",
        "",
        ".H5",
        ".TIF",
        ".zip",
    ]
)
STEMS = st.sampled_from(
    ["a", "b c", "-a", "日本", "$x$", "a[1]", "a::b", "x" * 100, "a'b", "~a", "a#b", "a%20b", "a*", "\x1b[31m", "e\u0301"]
)


def names(draw, suffix: str) -> str:
    """Return a name of a file, mostly a plain one of the suffix that suits."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return "a" + draw(SUFFIXES)
    return draw(STEMS) + suffix if kind == 1 else "a" + suffix


def broken_bytes(draw, content: bytes) -> tuple[bytes, str]:
    """Return bytes with some changed, and which kind of change was made: flips, cut, hole, more, doubled or swapped."""
    kind = draw(st.sampled_from(["flips", "flips", "header", "cut", "hole", "more", "doubled", "swapped", "digits"]))
    content = bytearray(content)
    size = len(content)
    if not size:
        return b"", "cut"
    if kind == "cut":
        return bytes(content[: int(size * draw(st.floats(0, 0.999)))]), kind
    if kind == "digits":
        places = [place for place in range(min(size, 30_000)) if 48 <= content[place] < 58]
        for _ in range(draw(st.integers(1, 3)) if places else 0):
            content[draw(st.sampled_from(places))] = draw(st.sampled_from(b"0123456789-e."))
        return bytes(content), kind
    if kind in ("flips", "header"):
        last = min(size, 600) - 1 if kind == "header" else size - 1
        for _ in range(draw(st.integers(1, 6))):
            content[draw(st.integers(0, last))] = draw(st.sampled_from([0, 1, 2, 127, 128, 254, 255]) | st.integers(0, 255))
        return bytes(content), kind
    start = draw(st.integers(0, size - 1))
    length = draw(st.integers(1, min(4096, size)))
    if kind == "hole":
        content[start : start + length] = bytes(len(content[start : start + length]))
    elif kind == "more":
        content[start:start] = draw(st.binary(min_size=1, max_size=64))
    elif kind == "doubled":
        content[start:start] = content[start : start + length]
    else:
        other = draw(st.integers(0, size - 1))
        one, two = content[start : start + 8], content[other : other + 8]
        content[start : start + len(two)], content[other : other + len(one)] = two, one
    return bytes(content), kind


def places_of(tree, path=()) -> list[tuple]:
    """Return the paths of all that a tree of mappings and lists holds."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, value in items for place in ((*path, key), *places_of(value, (*path, key)))]


def broken_tree(draw, tree, values=VALUES, changes: int = 2):
    """Return a copy of a tree of mappings and lists with some values exchanged, dropped, moved or nested."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, changes))):
        places = places_of(tree)
        if not places:
            return draw(values)
        *path, key = draw(st.sampled_from(places))
        node = tree
        for step in path:
            node = node[step]
        kind = draw(st.sampled_from(["value", "value", "value", "value", "drop", "nest", "copy", "number"]))
        if kind == "drop":
            del node[key]
        elif kind == "nest":
            node[key] = [node[key]] if draw(st.booleans()) else {"a": node[key]}
        elif kind == "copy":
            *other, last = draw(st.sampled_from(places))
            node[key] = copy.deepcopy(_at(tree, [*other, last], node[key]))
        else:
            node[key] = draw(values if kind == "value" else NUMBERS)
    return tree


def _at(tree, path, otherwise):
    for step in path:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            return otherwise
    return tree


def as_json(tree) -> str:
    """Return a tree as JSON text, with what JSON has no words for (NaN, lone surrogates) as Python writes it."""
    return json.dumps(tree, default=str)


def as_toml(tree) -> str:
    """Return a tree as TOML text; None is left out of tables and empty in lists."""
    if not isinstance(tree, dict):  # what a broken tree may be as a whole, and a document never is
        return _toml(tree)
    return "".join(f"{_key(key)} = {_toml(value)}\n" for key, value in tree.items() if value is not None)


def _key(key) -> str:
    return json.dumps(str(key)).replace("\x7f", "")


def _toml(value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_toml(each)}" for key, each in value.items() if each is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    if isinstance(value, float):
        return repr(value) if value == value and abs(value) != float("inf") else str(value)
    return json.dumps("" if value is None else value).replace("\x7f", "")
