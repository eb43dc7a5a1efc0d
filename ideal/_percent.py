"""Shares in words."""


def percent(share: float) -> str:
    """Return a share in percent, of two digits: "0.53 %", "12 %", "100 %".

    Args:
        share: 1 is all.

    """
    value = 100 * share
    return f"{value:.2g} %" if abs(value) < 99.5 else f"{value:.0f} %"
