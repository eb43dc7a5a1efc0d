"""Sources and labels that are missing: NaN, infinite or empty, in numbers and in names."""

import numpy as np
import pytest
from fixtures.health import photons, scenes

from ideal.errors import DataError
from ideal.measurements.measurement_set import from_arrays

COUNTS = photons(scenes(60, side=16)).astype(np.uint16)


@pytest.mark.parametrize("missing", [np.nan, np.inf, "nan", "", " NaN "])
def test_a_source_that_is_missing_is_refused(missing, tmp_path, ideal):
    groups = [k // 6 for k in range(59)] + [missing]
    names = groups if isinstance(missing, float) else [str(each) for each in groups]
    np.save(tmp_path / "counts.npy", COUNTS)
    np.save(tmp_path / "groups.npy", np.array(names))
    (tmp_path / "groups.txt").write_text("\n".join(map(str, groups)) + "\n")
    with pytest.raises(DataError, match="groups of sample 59"):
        from_arrays(COUNTS, noise="poisson", groups=np.array(names))
    for file in ("groups.npy", "groups.txt"):
        done = ideal("estimate", tmp_path / "counts.npy", "--noise", "poisson", "--groups", tmp_path / file)
        assert done.exit_code == 1, done.stdout
        assert "groups of sample 59" in done.stderr


def test_inspect_counts_no_class_of_labels_that_are_missing(tmp_path, ideal):
    labels = np.where(np.arange(60) == 5, np.nan, np.arange(60) % 3)
    np.savez(tmp_path / "a.npz", measurements=COUNTS, labels=labels)
    done = ideal("inspect", tmp_path / "a.npz", "--noise", "poisson")
    assert done.exit_code == 0, done.stderr
    assert "1 label is NaN or infinite, the first of sample 5" in done.stderr.replace("\n", " ")
    assert "labels            3" in done.stdout
