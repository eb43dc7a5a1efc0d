"""The picture of an interferometer: its u,v coverage and where its sites are."""

import numpy as np

from ideal.plots.palette import BLUE, COLORS, GREY

_LABELLED = 24  # places that a map has room to name
_TOGETHER = 9.0  # degrees: sites that share one label
_GIGA = 1e9
_NEW = tuple(COLORS[i] for i in (1, 2, 0, 3, 4, 5))  # for sites that stand out from others


def draw(coverage, weights, coordinates, figure, new=()) -> None:
    """Draw u and v, a point and its conjugate for each visibility, and the sites on a map.

    Args:
        coverage: of the interferometer with these parameters; infinite sigma where nothing is seen.
        weights: (site,) from 0 to 1: how solid a site is drawn.
        coordinates: (site, 2) latitude and longitude, degrees.
        figure: an empty matplotlib figure.
        new: names of sites to set off from the others, each with its baselines in a color of its own where there are few.

    """
    from matplotlib.colors import to_rgb
    from matplotlib.ticker import MaxNLocator

    figure.set_size_inches(11, 4.2)
    plane, world = figure.subplots(1, 2, width_ratios=(1, 1.5))
    figure.set_layout_engine("constrained")
    names = coverage.sites.names
    solid = np.clip(weights, 0.0, 1.0)
    added = [name for name in names if name in set(new)]
    groups = {f"baselines of {name}": [name] for name in added} if len(added) <= len(_NEW) else {"baselines of new sites": added}
    inks = dict(zip(groups, map(to_rgb, _NEW), strict=False))
    others = to_rgb(GREY if added else BLUE)
    colors, kinds = np.tile(np.array(others), (len(names), 1)), np.full(len(names), len(groups))
    for number, (label, members) in enumerate(groups.items()):
        own = np.isin(names, members)
        colors[own], kinds[own] = inks[label], number

    seen = np.isfinite(coverage.sigma)
    # Both ends of a baseline give it its color where they are old or it is one and the same; of two new ones the first does.
    kind = np.minimum(kinds[coverage.first], kinds[coverage.second])[seen]
    palette = np.array([*inks.values(), others])
    rgba = np.concatenate([palette[kind], np.sqrt(solid[coverage.first] * solid[coverage.second])[seen, None]], axis=1)
    order = np.argsort(-kind, kind="stable")  # what is new lies on top
    u, v = coverage.u[seen][order] / _GIGA, coverage.v[seen][order] / _GIGA
    for sign in (1, -1):
        plane.scatter(sign * u, sign * v, s=max(0.3, 4 - seen.sum() / 4000), c=rgba[order], linewidths=0, rasterized=True)
    reach = 1.05 * max(1e-3, np.abs([coverage.u, coverage.v]).max() / _GIGA)
    plane.set(xlim=(reach, -reach), ylim=(-reach, reach), aspect="equal")
    plane.set(xlabel="u / gigawavelengths (east)", ylabel="v / gigawavelengths (north)", title="u,v coverage")
    for axis in (plane.xaxis, plane.yaxis):
        axis.set_major_locator(MaxNLocator(6, symmetric=True))
    plane.axhline(0, color="0.85", linewidth=0.6, zorder=0)
    plane.axvline(0, color="0.85", linewidth=0.6, zorder=0)
    if groups:
        for label, ink in (inks | {"all others": others}).items():
            plane.plot([], [], "o", color=ink, markersize=4, label=label)
        plane.legend(fontsize=7, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.16), handletextpad=0.2)

    latitude, longitude = coordinates[:, 0], np.mod(coordinates[:, 1] + 180, 360) - 180
    fill = np.concatenate([colors, solid[:, None]], axis=1)
    world.scatter(longitude, latitude, s=30, c=fill, edgecolors=colors, linewidths=0.8)
    world.set(xlim=(-180, 180), ylim=(-98, 98), xticks=range(-180, 181, 60), yticks=range(-90, 91, 30), aspect="equal")
    world.set(
        xlabel="longitude / degrees (east)",
        ylabel="latitude / degrees (north)",
        title=f"{len(names)} sites" + (f", {len(added)} of them new" if added else ""),
    )
    world.grid(color="0.9", linewidth=0.6)
    world.set_axisbelow(True)
    together = _neighbours(latitude, longitude)
    if len(together) > _LABELLED:
        together = [group for group in together if weights[group].max() > 0.5][:_LABELLED] if weights.min() < 0.5 else []
    for group in together:
        lead = group[0]
        ahead = longitude[[other[0] for other in together]] - longitude[lead]
        beside = np.abs(latitude[[other[0] for other in together]] - latitude[lead]) < 15
        east = longitude[lead] > 120 or (longitude[lead] > -135 and (beside & (ahead > 0) & (ahead < 50)).any())
        world.annotate(
            "\n".join(", ".join(names[i] for i in group[k : k + 2]) for k in range(0, len(group), 2)),
            ((longitude[group].min() if east else longitude[group].max()), latitude[group].mean()),
            xytext=(-5 if east else 5, 0),
            textcoords="offset points",
            ha="right" if east else "left",
            va="center",
            fontsize="x-small",
        )


def _neighbours(latitude, longitude) -> list[list[int]]:
    together: list[list[int]] = []
    for i in range(len(latitude)):
        for group in together:
            if max(abs(latitude[i] - latitude[group[0]]), abs(longitude[i] - longitude[group[0]])) < _TOGETHER:
                group.append(i)
                break
        else:
            together.append([i])
    return together
