"""What the tests of the estimate share: fields to image, and the numbers of an estimate."""

import numpy as np

LN2 = np.log(2)
COUNTS = ["stationary", "negative-binomial"]


def standard_error(found, name=None):
    """Return the standard error of nats per measurement over sources."""
    values = (found.models[name] if name else found.best).values
    residual = values.sums - values.mean * values.counts
    return float(np.sqrt((residual**2).sum()) / values.counts.sum())


def nats(found, name=None):
    return (found.models[name] if name else found.best).values.mean


def field_covariance(rows, columns, length=2.0, oblique=0.5):
    y, x = (axis.ravel() for axis in np.indices((rows, columns)))
    dy, dx = y[:, None] - y, x[:, None] - x
    return np.exp(-np.sqrt(dy**2 + dx**2 + oblique * dy * dx) / length)


def draw_field(rng, count, rows, columns, scale=1.0, **shape):
    factor = np.linalg.cholesky(field_covariance(rows, columns, **shape) + 1e-9 * np.eye(rows * columns))
    return scale * (rng.standard_normal((count, rows * columns)) @ factor.T).reshape(count, rows, columns)


def lit_field(rng, count, side=8, photons=20.0):
    return photons * np.exp(draw_field(rng, count, side, side, 0.5) - 0.125)
