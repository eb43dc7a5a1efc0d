"""Observations of known noise, and UVFITS files of every kind that programs write, by astropy alone."""

from dataclasses import dataclass, field

import numpy as np

DAY, FREQUENCY = 2457849.5, 230e9


@dataclass
class Night:
    """Rows of an observation: arrays of (row,), and values and weights of (row, IF, channel, product)."""

    days: np.ndarray
    first: np.ndarray
    second: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    more: dict = field(default_factory=dict)  # further random parameters, name -> (row,)

    def __len__(self):
        return len(self.days)

    def take(self, rows):
        """Return some of the rows."""
        more = {name: array[rows] for name, array in self.more.items()}
        return Night(self.days[rows], self.first[rows], self.second[rows], self.values[rows], self.weights[rows], more)

    def join(self, other):
        """Return the rows of both."""
        pairs = [(getattr(self, name), getattr(other, name)) for name in ("days", "first", "second", "values", "weights")]
        more = {name: np.concatenate([self.more[name], other.more[name]]) for name in self.more}
        return Night(*(np.concatenate(pair) for pair in pairs), more)


def observe(
    noise=0.05, flux=1.0, turn=0.05, antennas=4, scans=5, integrations=12, step=10.0, channels=(1, 1), hands=2, air=0.0, seed=0
):
    """Return an observation whose visibilities turn by `turn` radians an integration; noise of Re and of Im of each hand, Jy.

    `air` is the standard deviation of the phase of each antenna, drawn anew at each integration, in radians. The stated weights
    are right.
    """
    rng = np.random.default_rng(seed)
    one, other = np.triu_indices(antennas, 1)
    times = scans * integrations
    seconds = np.arange(times) * step + np.arange(times) // integrations * 900.0
    sky = turn * seconds[:, None] / step * (1 + 0.2 * np.arange(len(one))) + np.arange(len(one))
    sky = sky + air * (lambda phase: phase[:, one] - phase[:, other])(rng.standard_normal((times, antennas)))
    shape = (times * len(one), *channels, hands)
    clean = flux * np.exp(1j * sky).ravel()[:, None, None, None] * np.ones(shape)
    values = clean + noise * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
    return Night(
        np.repeat(seconds / 86400, len(one)),
        np.tile(one + 1, times),
        np.tile(other + 1, times),
        values,
        np.full(shape, noise**-2),
    )


def write(
    path,
    night,
    *,
    layout="baseline",
    date=("DATE", "DATE"),
    stokes=-1,
    names=("AA", "BB", "CC", "DD"),
    tables=(),
    complex_numbers=3,
    header=(),
    subarrays=None,
):
    """Write a night as UVFITS; `layout` is baseline or antennas, `subarrays` the names of the antennas of each table AN."""
    from astropy.io import fits

    rows, n_if, n_channels, products = night.values.shape
    data = np.zeros((rows, 1, 1, n_if, n_channels, products, complex_numbers), np.float32)
    data[:, 0, 0, ..., 0], data[:, 0, 0, ..., 1] = night.values.real, night.values.imag
    if complex_numbers > 2:
        data[:, 0, 0, ..., 2] = night.weights
    u = (1e9 * np.minimum(night.first, night.second) + 1e6 * np.arange(rows)) * np.sign(night.second - night.first) / FREQUENCY
    parameters = [("UU---SIN", u), ("VV---SIN", -u), (date[0], np.full(rows, DAY)), (date[1], night.days)]
    more = dict(night.more)
    if layout == "baseline":
        parameters.append(("BASELINE", 256.0 * night.first + night.second + more.pop("fraction", 0.0)))
    else:
        parameters += [("ANTENNA1", night.first * 1.0), ("ANTENNA2", night.second * 1.0)]
        more.setdefault("SUBARRAY", np.ones(rows))
    parameters += [(name, np.asarray(array, float)) for name, array in more.items()]
    groups = fits.GroupData(data, bitpix=-64, parnames=[name for name, _ in parameters], pardata=[p for _, p in parameters])
    primary = fits.GroupsHDU(groups)
    axes = [("COMPLEX", 1, 1), ("STOKES", stokes, -1.0 if stokes < 0 else 1.0), ("FREQ", FREQUENCY, 1e6), ("IF", 1, 1)]
    for i, (name, value, increment) in enumerate([*axes, ("RA", 0, 1), ("DEC", 0, 1)], start=2):
        primary.header.update({f"CTYPE{i}": name, f"CRVAL{i}": value, f"CDELT{i}": increment, f"CRPIX{i}": 1.0})
    primary.header.update(dict(header))
    hdus = [primary]
    for version, each in enumerate(subarrays or [names], start=1):
        columns = [
            fits.Column("ANNAME", "8A", array=np.array(each)),
            fits.Column("NOSTA", "1J", array=np.arange(1, len(each) + 1)),
            fits.Column("STABXYZ", "3D", array=1e6 * np.arange(3.0 * len(each)).reshape(-1, 3) + 5e6 * version),
        ]
        hdus.append(fits.BinTableHDU.from_columns(columns, name="AIPS AN"))
        hdus[-1].header.update({"EXTVER": version, "FREQ": FREQUENCY})
    fits.HDUList([*hdus, *tables]).writeto(path)
    return path


def source_table(**names):
    """Return a table SU of names by number, as M87=1."""
    from astropy.io import fits

    columns = [
        fits.Column("ID. NO.", "1J", array=np.array(list(names.values()))),
        fits.Column("SOURCE", "16A", array=np.array(list(names))),
        fits.Column("RAEPO", "1D", array=10.0 * np.array(list(names.values()))),
        fits.Column("DECEPO", "1D", array=5.0 + np.array(list(names.values()))),
    ]
    return fits.BinTableHDU.from_columns(columns, name="AIPS SU")


def frequency_table(offsets, widths=None, sidebands=None):
    """Return a table FQ, its rows numbered from 1, of (row, IF) offsets, channel widths (1 MHz) and sidebands (upper)."""
    from astropy.io import fits

    offsets = np.atleast_2d(np.asarray(offsets, float))
    n_if = offsets.shape[1]
    widths = np.full(offsets.shape, 1e6) if widths is None else np.atleast_2d(widths)
    sidebands = np.ones(offsets.shape, int) if sidebands is None else np.atleast_2d(sidebands)
    columns = [
        fits.Column("FRQSEL", "1J", array=np.arange(1, len(offsets) + 1)),
        fits.Column("IF FREQ", f"{n_if}D", array=offsets),
        fits.Column("CH WIDTH", f"{n_if}E", array=widths),
        fits.Column("SIDEBAND", f"{n_if}J", array=sidebands),
    ]
    return fits.BinTableHDU.from_columns(columns, name="AIPS FQ")
