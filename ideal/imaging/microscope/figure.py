"""The figure of an LED-array microscope: its light, what of the object it shows, and an image."""

import jax.numpy as jnp
import numpy as np

from ideal.imaging.microscope.leds import draw_leds

_NOTHING = 1e-3  # of the other transfer function


def draw(system, params, figure) -> None:
    """Draw the LEDs by intensity, a weak-object transfer function, and the image of a disc.

    The transfer function is that of phase or, in focus under symmetric light, which shows no phase, that of absorption; there is
    none where no light comes from within the objective's NA.

    Args:
        system: an `LedMicroscope`.
        params: intensities.
        figure: of matplotlib, empty.

    """
    absorption, phase = (np.fft.fftshift(each) for each in system.transfer_functions(params))
    strengths = np.abs(absorption).max(), np.abs(phase).max()
    shows_phase = strengths[1] > _NOTHING * strengths[0]
    panels = 3 if max(strengths) > 0 else 2
    figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
    figure.set_size_inches(3.5 * panels, 4.4)
    axes = figure.subplots(1, panels)
    draw_leds(system.directions, np.asarray(params["intensities"]), system.na, axes[0], figure)
    if panels == 3:
        _draw_transfer(system, phase if shows_phase else absorption, "phase" if shows_phase else "absorption", axes[1])
    # A disc of phase would be an even field in a linear form that shows no phase.
    _draw_disc(system, params, "phase" if shows_phase or not system.linear else "absorption", axes[-1])


def _draw_transfer(system, transfer: np.ndarray, name: str, axes) -> None:
    odd = np.abs(transfer.imag).max() > np.abs(transfer.real).max()  # unequal halves; else what defocus or absorption does
    values = transfer.imag if odd else transfer.real
    largest = float(np.abs(values).max())
    edges = [
        np.fft.fftshift(np.fft.fftfreq(side, system.pitch))[[0, -1]] + np.array([-0.5, 0.5]) / (side * system.pitch)
        for side in system.shape
    ]
    # LEDs have y pointing up, and so have the frequencies that they light: rows run the other way.
    extent = [*edges[1], -edges[0][1], -edges[0][0]]
    picture = axes.imshow(values, cmap="RdBu_r", vmin=-largest, vmax=largest, extent=extent)
    reach = 1.1 * 2 * system.na / system.wavelength
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="frequency x (1/µm)", ylabel="frequency y (1/µm)")
    axes.set_title(f"{name} transfer, {'imaginary' if odd else 'real'} part")
    label = "contrast per radian" if name == "phase" else "contrast per unit of absorption"
    axes.figure.colorbar(picture, ax=axes, location="bottom", label=label)


def _draw_disc(system, params, name: str, axes) -> None:
    rows, columns = ((np.arange(side) - (side - 1) / 2) * system.pitch for side in system.shape)
    field = min(system.shape) * system.pitch
    distance = np.hypot(rows[:, None], columns) - field / 4
    disc = system.drawn / (1 + np.exp(np.clip(distance / (1.5 * system.pitch), -50, 50)))
    parts = (np.zeros_like(disc), disc) if name == "phase" else (disc, np.zeros_like(disc))
    image = np.asarray(system.encode(params, jnp.asarray(np.stack(parts, axis=-1), jnp.float32)))
    extent = [0, system.shape[1] * system.pitch, system.shape[0] * system.pitch, 0]
    picture = axes.imshow(image, cmap="gray", extent=extent)
    axes.set(xlabel="object x (µm)", ylabel="object y (µm)")
    what = f"{system.drawn:g} rad disc" if name == "phase" else f"disc of absorption {system.drawn:g}"
    axes.set_title(f"image of a {what}")
    axes.figure.colorbar(picture, ax=axes, location="bottom", label="photoelectrons per pixel")
