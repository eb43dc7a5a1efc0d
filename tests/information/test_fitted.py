"""Models that were fitted before, scored through the estimate: never on sources that they were fitted to."""

import numpy as np
import pytest
from fixtures.information import draw_field, nats

from ideal.density import Density, load
from ideal.density._contract import read_origin
from ideal.errors import UsageError
from ideal.information.estimation import compare, estimate
from ideal.measurements.measurement_set import from_arrays


class _Scored(Density):
    """A normal density of images of which each value tells its source; it remembers what it has scored."""

    name = "scored"
    shape = (2, 2)

    def __init__(self, origin=None):
        self.origin, self.seen = origin, set()

    fit = _from_state = classmethod(lambda cls, *args, **given: cls())

    def log_prob(self, measurements):
        self.seen |= set(np.round(measurements).astype(int).ravel().tolist())
        return -0.5 * (measurements**2).sum((1, 2))

    def sample(self, key, count):
        raise NotImplementedError

    def _state(self):
        return {}


def sources(count, each=5):
    groups = np.repeat(np.arange(count), each)
    y = groups[:, None, None] + 0.01 * np.random.default_rng(0).standard_normal((len(groups), 4, 4))
    return from_arrays(y, groups=groups, noise="gaussian", sigma=0.01, path=f"{count} sources")


@pytest.mark.parametrize("count", [8, 80])
def test_no_source_of_the_fit_is_scored(count, monkeypatch):
    """The fit sees what is not scored; the model alone is scored on the test part of that fold, chosen on its validation part."""
    parts = []

    def fit(cls, key, train, validation, **given):
        parts.append([set(np.round(part).astype(int).ravel().tolist()) for part in (np.asarray(train), validation)])
        return cls()

    monkeypatch.setitem(estimate.__globals__["MODELS"], "scored", type("Fitted", (_Scored,), {"fit": classmethod(fit)}))
    found = estimate(sources(count), models=["scored"], patch=2, seed=3)
    again = _Scored(found.fitted["scored"].origin)
    alone = estimate(sources(count), fitted={"again": again}, patch=2, seed=3)
    train, validation = parts[0]
    assert not again.seen & train
    assert again.seen == set(range(count)) - train
    assert set(alone.best.values.groups) == set(range(count)) - train - validation
    assert alone.n_folds == 1
    with pytest.raises(UsageError, match="split by another --seed"):
        estimate(sources(count), fitted={"again": again}, patch=2, seed=4)


def test_models_of_other_measurements_are_scored_on_all():
    origin = estimate(sources(80), models=["stationary"], patch=2).fitted["stationary"].origin
    other = _Scored(origin)
    found = estimate(sources(9), fitted={"other": other}, patch=2)
    assert other.seen == set(range(9))
    assert (found.n_train, found.n_validation, found.n_groups) == (0, 0, 9)
    assert any("was fitted to 80 sources" in text for text in found.warnings)
    two = estimate(sources(9), fitted={"one": _Scored(origin), "two": _Scored(origin)}, patch=2)
    assert two.n_train == 0
    assert two.n_validation > 0
    assert two.n_groups < 9


def test_a_model_of_unknown_origin_is_warned_of():
    found = estimate(sources(9), fitted={"mine": _Scored()}, patch=2)
    assert any("it is not known what mine was fitted to" in text for text in found.warnings)


def test_names_and_shapes_have_to_agree():
    model = _Scored()
    with pytest.raises(UsageError, match="the name is given to a fitted model and to one to be fitted"):
        estimate(sources(9), models=["stationary"], fitted={"stationary": model}, patch=2)
    with pytest.raises(UsageError, match=r"knows measurements of 2x2, these are 3x2: name its size \(--patch 2x2\)"):
        estimate(sources(9), fitted={"mine": model}, patch=(3, 2))


def test_a_file_keeps_what_the_model_was_fitted_to(tmp_path):
    y = draw_field(np.random.default_rng(1), 100, 6, 6)
    source = from_arrays(y, noise="gaussian", sigma=0.5)
    found = estimate(source, models=["stationary", "full"])
    chosen = [name for name, model in found.fitted.items() if model.origin["chosen"]]
    assert chosen == [found.model]
    model = found.fitted["full"]
    model.save(tmp_path / "model.h5")
    loaded = load(tmp_path / "model.h5").with_origin(read_origin(tmp_path / "model.h5"))
    assert loaded.origin == model.origin
    again = estimate(source, fitted={"full:model": loaded})
    assert nats(again, "full:model") == pytest.approx(nats(found, "full"), abs=1e-9)
    model.with_origin(None).save(tmp_path / "old.h5")
    assert read_origin(tmp_path / "old.h5") is None


def test_two_sources_give_no_interval():
    source = sources(8)
    origin = estimate(source, models=["stationary"], patch=2).fitted["stationary"].origin
    found = estimate(source, fitted={"again": _Scored(origin)}, patch=2)
    assert len(found.best.values.groups) < 3
    assert found.interval == (-np.inf, np.inf)
    assert compare(found, found).interval == (-np.inf, np.inf)
    assert any("sources were scored: the interval is rough" in text for text in found.warnings)
