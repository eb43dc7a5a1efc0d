"""Gradient-boosted trees, and their exact Fourier transform."""

from typing import Any

import numpy as np

from ideal.attribution.sparse import Term
from ideal.errors import missing_extra

_DEPTH = 5  # splits from root to leaf: the largest number of players of a coefficient
_RATE = 0.1
_LEAST = 5  # masks in a leaf


def boosted(masks: np.ndarray, values: np.ndarray, rounds: int, seed: int) -> list[dict[str, Any]]:
    """Return the roots of regression trees that were boosted on masks, by LightGBM in one thread.

    Args:
        masks: who is present, (mask, player).
        values: of the masks, (mask,).
        rounds: number of trees.
        seed: seed of LightGBM, which draws nothing with these settings.

    Raises:
        MissingPackageError: LightGBM is not installed.

    """
    try:
        import lightgbm
    except ImportError:
        raise missing_extra("lightgbm", "attribution", "ProxySPEX (`method=proxyspex`)") from None
    settings = {
        "objective": "regression",
        "learning_rate": _RATE,
        "max_depth": _DEPTH,
        "num_leaves": 2**_DEPTH - 1,
        "min_data_in_leaf": min(_LEAST, max(1, len(masks) // 4)),
        "max_bin": 2,
        "min_data_in_bin": 1,
        "feature_pre_filter": False,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed % 2**31,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(masks.astype(np.float64), label=values, params=settings)
    model = lightgbm.train(settings, data, num_boost_round=rounds).dump_model()
    return [tree["tree_structure"] for tree in model["tree_info"]]


def fourier_of_trees(roots: list[dict[str, Any]]) -> dict[Term, float]:
    """Return the Fourier coefficients of a sum of trees, exactly (Gorji et al. 2024, arXiv 2410.06300).

    The transform of a leaf is its value. That of a split on player i with the transforms L (i absent) and R (i present) is
    (L + R) / 2 on the same sets, and (L - R) / 2 on those sets with i added.

    Args:
        roots: nodes as LightGBM dumps them; an absent player goes left.

    """
    total: dict[int, float] = {}
    for root in roots:
        for number, value in _transform(root).items():
            total[number] = total.get(number, 0.0) + value
    return {_players(number): value for number, value in total.items()}


def _transform(node: dict[str, Any]) -> dict[int, float]:
    if "split_feature" not in node:
        return {0: float(node["leaf_value"])}
    found: dict[int, float] = {}
    player = 1 << node["split_feature"]
    for child, sign in ((node["left_child"], 0.5), (node["right_child"], -0.5)):
        for number, value in _transform(child).items():
            found[number] = found.get(number, 0.0) + value / 2
            # No set below has the player already: a path that asks for the same player again has nothing left to tell apart.
            found[number ^ player] = found.get(number ^ player, 0.0) + sign * value
    return found


def _players(number: int) -> Term:
    found = []
    while number:
        low = number & -number
        found.append(low.bit_length() - 1)
        number ^= low
    return tuple(found)
