"""I(T;Y) of handwritten digits in photon noise: bounds, accuracy of both classifiers, CPU time.

MNIST (the 20,000 images of mnist.h5 in the folder that IDEAL_DATA names), averaged 2x2 to 14x14, scaled to a mean of so many
photons over the set, Poisson counts. `met`: the Barber-Agakov bound lies between Fano's bound and H(T), and above 2.7 bits.
`shuffled`: the same measurements with their labels in random order, where I(T;Y) = 0; `met` there: within 0.02 bits of 0.

    IDEAL_DATA=/path/to/data python benchmarks/task_information.py --photons 100 10 1
"""

import os
import time
from pathlib import Path

import h5py
import numpy as np
from _common import emit, parser, say, timed

from ideal.information.labels.estimation import task_information
from ideal.measurements.measurement_set import from_arrays

TARGET_PHOTONS, TARGET_BITS, NOTHING = 100, 2.7, 0.02


def digits(count):
    """Return images (sample, 14, 14), grey 0 to 255, and their labels."""
    folder = os.environ.get("IDEAL_DATA")
    if not folder:
        raise SystemExit("name the folder that holds mnist.h5: IDEAL_DATA=/path/to/data")
    with h5py.File(Path(folder) / "mnist.h5") as file:
        images, labels = file["train/images"][:count].astype(float), file["train/labels"][:count]
    return images.reshape(-1, 14, 2, 14, 2).mean((2, 4)), labels


def measure(images, labels, photons, args, shuffled=False):
    rng = np.random.default_rng([args.seed, round(1000 * photons), shuffled])
    counts = rng.poisson(images * (photons / images.mean())).astype(np.uint16)
    if shuffled:
        labels = rng.permutation(labels)
    source = from_arrays(counts, labels=labels, noise="poisson", path=f"digits, {photons:g} photons{', shuffled' * shuffled}")
    begun = time.process_time()
    found, wall = timed(lambda: task_information(source, seed=args.seed, effort=args.effort))
    cpu = time.process_time() - begun
    for line in found.lines():
        say(line)
    say(f"{cpu:.0f} s of CPU")
    case = {"photons": photons, "shuffled": shuffled, **found.to_dict(), "cpu_seconds": cpu, "wall_seconds": wall}
    case["accuracy"] = {name: 1 - each.error_rate for name, each in found.posteriors.items()}
    if shuffled:
        return case | {"met": abs(found.information) <= NOTHING}
    met = found.fano <= found.information <= found.label_entropy
    if photons >= TARGET_PHOTONS:
        case["target_bits"] = TARGET_BITS
        met = met and found.information > TARGET_BITS
    return case | {"met": met}


def main():
    options = parser(__doc__)
    options.add_argument("--photons", type=float, nargs="+", default=[100.0], help="mean of all pixels (default: 100)")
    options.add_argument("--effort", type=float, default=1.0, help="of what is trained (default: 1)")
    options.add_argument("--shuffled", action="store_true", help="with labels in random order too")
    args = options.parse_args()
    images, labels = digits(20_000)
    if args.quick:
        images, labels, args.effort = images[:3000], labels[:3000], 0.1
    cases = [measure(images, labels, photons, args) for photons in args.photons]
    if args.shuffled:
        cases.append(measure(images, labels, args.photons[0], args, shuffled=True))
    emit("task_information", {"effort": args.effort, "cases": cases})


if __name__ == "__main__":
    main()
