"""The figure of the page on information and task: what mosaics tell, and what a decoder makes of it."""

import numpy as np

INKS = {"R": (0.84, 0.19, 0.17), "G": (0.25, 0.64, 0.30), "B": (0.20, 0.38, 0.78), "W": (0.93, 0.93, 0.91)}
SHOWN = ("bayer", "rgbw-bayer", "rgbw-kodak", "random 0", "for chroma", "for total", "for mse", "for color", "white")
PANELS = {"total": "about the whole scene", "chroma": "about color beyond luminance", "color": "about the color of a pixel"}
FAR = 4.0  # dB below the median: a mosaic that is told in words instead of drawn
DESIGNED, NAMED, DRAWN = "#c0392b", "#1f3b73", "0.62"


def draw(result, path):
    """Draw information against PSNR for three targets, and the mosaics.

    Args:
        result: what `mosaics.py` prints.
        path: of the picture.

    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = [name for name in SHOWN if name in result["mosaics"]]
    figure = plt.figure(figsize=(10, 5.6), layout="constrained")
    grid = figure.add_gridspec(2, 1, height_ratios=(2.5, 1))
    above, below = grid[0].subgridspec(1, len(PANELS)), grid[1].subgridspec(1, len(shown))
    for place, (target, words) in enumerate(PANELS.items()):
        axes = figure.add_subplot(above[place])
        _scatter(axes, result, target, shown)
        value, low, high = result["correlation"][target]
        axes.set_title(f"Spearman {value:.2f} ({low:.2f} to {high:.2f})", fontsize=9)
        axes.set_xlabel(f"information {words}\n(bits/pixel)")
        if place == 0:
            axes.set_ylabel("PSNR of the linear decoder (dB)")
    for place, name in enumerate(shown):
        axes = figure.add_subplot(below[place])
        axes.imshow([[INKS[letter] for letter in row] for row in result["mosaics"][name]], extent=(0, 8, 8, 0))
        axes.set(xticks=[], yticks=[])
        axes.vlines(np.arange(9), 0, 8, color="0.5", linewidth=0.4)
        axes.hlines(np.arange(9), 0, 8, color="0.5", linewidth=0.4)
        axes.set_title(name, fontsize=8.5, color=_ink(name))
        axes.set_xlabel(f"{result['psnr'][name][0]:.2f} dB", fontsize=8.5)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _ink(name):
    return DESIGNED if name.startswith("for ") else DRAWN if name.startswith(("random", "uneven")) else NAMED


def _scatter(axes, result, target, shown):
    quality = {name: each[0] for name, each in result["psnr"].items()}
    floor = np.median(list(quality.values())) - FAR
    bits = {name: each[target] for name, each in result["information"].items() if quality[name] >= floor}
    for name in sorted(bits, key=lambda each: _ink(each) != DRAWN):
        axes.plot(bits[name], quality[name], "o", markersize=5.5 if _ink(name) != DRAWN else 3.5, color=_ink(name))
    axes.margins(x=0.42, y=0.12)
    far = [f"{name} {quality[name]:.1f} dB" for name in quality if quality[name] < floor]
    axes.text(0.02, 0.02, "far below: " + ", ".join(far), transform=axes.transAxes, fontsize=7.5, color="0.35")
    span, middle = np.ptp(list(bits.values())), np.median(list(bits.values()))
    step, heights = 0.055 * (max(quality.values()) - floor), {True: np.inf, False: np.inf}
    for name in sorted((each for each in shown if each in bits and _ink(each) != DRAWN), key=lambda each: -quality[each]):
        right = bool(bits[name] >= middle)
        heights[right] = height = min(quality[name], heights[right] - step)
        end = (max(bits.values()) + 0.06 * span) if right else (min(bits.values()) - 0.06 * span)
        axes.plot([bits[name], end], [quality[name], height], color=_ink(name), linewidth=0.5, alpha=0.6)
        axes.text(end, height, name, ha="left" if right else "right", va="center", fontsize=7.5, color=_ink(name))
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
