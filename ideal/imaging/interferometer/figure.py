"""The picture of an interferometer: its u,v coverage and where its sites are."""

import numpy as np

_LABELLED = 24  # places that a map has room to name
_TOGETHER = 9.0  # degrees: sites that share one label
_GIGA = 1e9
_OTHERS = 0.72  # grey


def draw(coverage, weights, coordinates, figure, new=()) -> None:
    """Draw u and v, both halves, in the colours of the two sites of a baseline, and the sites on a map.

    Args:
        coverage: of the interferometer with these parameters; infinite sigma where nothing is seen.
        weights: (site,) from 0 to 1: how solid a site is drawn.
        coordinates: (site, 2) latitude and longitude, degrees.
        figure: an empty matplotlib figure.
        new: names of sites to draw in colours, with their baselines, and all others in grey; empty for all in colours.

    """
    from matplotlib.ticker import MaxNLocator

    figure.set_size_inches(11, 4.2)
    plane, world = figure.subplots(1, 2, width_ratios=(1, 1.5))
    figure.set_layout_engine("constrained")
    names = coverage.sites.names
    colours = _colours(len(names))
    solid = np.clip(weights, 0.0, 1.0)
    added = np.isin(names, new)
    if added.any():
        colours[~added] = _OTHERS
        colours[added] = _colours(added.sum())

    seen = np.isfinite(coverage.sigma)
    # A point and its conjugate are one measurement: one takes the colour of the first site, the other that of the second.
    for sign, site, other in ((1, coverage.first, coverage.second), (-1, coverage.second, coverage.first)):
        tint = np.where(added[other] & ~added[site], other, site)
        rgba = np.concatenate([colours[tint], np.sqrt(solid[coverage.first] * solid[coverage.second])[:, None]], axis=1)
        u, v = sign * coverage.u[seen] / _GIGA, sign * coverage.v[seen] / _GIGA
        plane.scatter(u, v, s=max(0.3, 4 - seen.sum() / 4000), c=rgba[seen], linewidths=0, rasterized=True)
    reach = 1.05 * max(1e-3, np.abs([coverage.u, coverage.v]).max() / _GIGA)
    plane.set(xlim=(reach, -reach), ylim=(-reach, reach), aspect="equal")
    plane.set(xlabel="u / gigawavelengths (east)", ylabel="v / gigawavelengths (north)", title="u,v coverage")
    for axis in (plane.xaxis, plane.yaxis):
        axis.set_major_locator(MaxNLocator(6, symmetric=True))
    plane.axhline(0, color="0.85", linewidth=0.6, zorder=0)
    plane.axvline(0, color="0.85", linewidth=0.6, zorder=0)

    latitude, longitude = coordinates[:, 0], np.mod(coordinates[:, 1] + 180, 360) - 180
    fill = np.concatenate([colours, solid[:, None]], axis=1)
    world.scatter(longitude, latitude, s=30, c=fill, edgecolors=colours, linewidths=0.8)
    world.set(xlim=(-180, 180), ylim=(-98, 98), xticks=range(-180, 181, 60), yticks=range(-90, 91, 30), aspect="equal")
    world.set(
        xlabel="longitude / degrees (east)",
        ylabel="latitude / degrees (north)",
        title=f"{len(names)} sites" + (f", {added.sum()} of them new" if added.any() else ""),
    )
    world.grid(color="0.9", linewidth=0.6)
    world.set_axisbelow(True)
    groups = _neighbours(latitude, longitude)
    if len(groups) > _LABELLED:
        groups = [group for group in groups if weights[group].max() > 0.5][:_LABELLED] if weights.min() < 0.5 else []
    for group in groups:
        lead = group[0]
        ahead = longitude[[other[0] for other in groups]] - longitude[lead]
        beside = np.abs(latitude[[other[0] for other in groups]] - latitude[lead]) < 15
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
    groups: list[list[int]] = []
    for i in range(len(latitude)):
        for group in groups:
            if max(abs(latitude[i] - latitude[group[0]]), abs(longitude[i] - longitude[group[0]])) < _TOGETHER:
                group.append(i)
                break
        else:
            groups.append([i])
    return groups


def _colours(count: int) -> np.ndarray:
    from matplotlib import colormaps

    if count <= 10:
        return np.array([colormaps["tab10"](i)[:3] for i in range(count)])
    return np.array([colormaps["turbo"](x)[:3] for x in np.linspace(0.05, 0.95, count)])
