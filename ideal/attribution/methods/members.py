"""The methods of attribution by name, and the choice among them."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ideal.attribution.methods.exact import MOST
from ideal.attribution.methods.ordered import count_terms
from ideal.registry import Registry

if TYPE_CHECKING:
    from ideal.attribution.methods._contract import Method

# A new one is one file and one line here.
METHODS: Registry["Method"] = Registry(
    "no method of attribution is called",
    "ideal.attribution",
    "ideal.attribution.methods._contract:Method",
    {
        "exact": "ideal.attribution.methods.exact:Exact",
        "order1": "ideal.attribution.methods.ordered:FirstOrder",
        "order2": "ideal.attribution.methods.ordered:SecondOrder",
        "order3": "ideal.attribution.methods.ordered:ThirdOrder",
        "proxyspex": "ideal.attribution.methods.proxyspex:ProxySpex",
        "spex": "ideal.attribution.methods.spex:Spex",
        "lime": "ideal.attribution.methods.baselines:Lime",
        "shap": "ideal.attribution.methods.baselines:KernelShap",
    },
)
_FEW = 2  # masks for each single player, below which only these are looked at
_MOST_PAIRS = 4000


def choose_method(n: int, count: int, all_known: bool) -> tuple[str, str]:
    """Return the method that suits a number of players and of masks, and why.

    Args:
        n: number of players.
        count: masks that may be learned from.
        all_known: whether these are all sets there are.

    """
    if all_known and n <= MOST:
        return "exact", f"all 2^{n} = {2**n} sets are within the budget"
    terms = count_terms(n, 2)
    if count < _FEW * (n + 1):
        return "order1", f"{count} masks for {n} players are too few for interactions: {_FEW * (n + 1)} or more would do"
    why = f"{count} masks of 2^{n}: boosted trees find which interactions there are, regression measures them"
    if find_spec("lightgbm") is not None:
        return "proxyspex", why
    missing = "proxyspex would suit, but lightgbm is not installed (pip install 'ideal[attribution]')"
    if terms <= min(count, _MOST_PAIRS):
        return "order2", f"{missing}; {count} masks are enough for all {terms} terms of single players and pairs"
    return "order1", f"{missing}; {count} masks are too few for all {terms} terms of single players and pairs"
