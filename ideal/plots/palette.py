"""Colors of all figures, told apart by color-blind readers and in grey; no drawing library is loaded for them."""

# Okabe and Ito (2008), in an order of brightness that differs from one to the next.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8a8a8a")
BLUE, GREY, GREEN = "#1f5fa8", "#9a9a9a", "#2f8f4e"

# Inks of the filters of a mosaic: green is light and red is dark, for those who tell them apart by brightness alone.
FILTERS = {
    "red": "#b8271f",
    "green": "#84cf86",
    "blue": "#2a56b0",
    "white": "#f6f6f2",
    "cyan": "#8fe0e6",
    "magenta": "#c04a9c",
    "yellow": "#f4d64a",
}


def letters_of(names: tuple[str, ...] | list[str]) -> dict[str, str]:
    """Return a short mark for each name: its first letter where that tells them apart, else as many as needed, without "nm".

    Args:
        names: of filters, no two alike.

    Raises:
        ValueError: two names are alike.

    Examples:
        >>> letters_of(["red", "green", "blue", "white"])
        {'red': 'R', 'green': 'G', 'blue': 'B', 'white': 'W'}

    """
    if len(set(names)) < len(names):
        raise ValueError(f"two of {', '.join(names)} are alike")
    marks = {name: name.removesuffix("nm") for name in names}
    for length in range(1, max(map(len, names), default=0)):
        cut = {name: mark[:length] if not mark[:1].isdigit() else mark for name, mark in marks.items()}
        if len(set(cut.values())) == len(cut):
            marks = cut
            break
    return {name: mark[:1].upper() + mark[1:] for name, mark in marks.items()}


def ink_on(color: tuple[float, float, float]) -> str:
    """Return black or white, whichever is read on this color (red, green and blue from 0 to 1)."""
    red, green, blue = color
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.45 else "white"
