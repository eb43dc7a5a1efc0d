"""Seconds of one training step of the PixelCNN's network, and of drawing images with it.

A step is the gradient of the mixture's negative log-likelihood on a batch of 64 images of one channel, in chunks, and Adam's
update, float32, at the published size: 64 features, 7 gated layers, 40 components. `step_s` is the median, compilation left
out. With `--peer PYTHON` the authors' package fits its own network of that size under that interpreter (see benchmarks/peer.py
for its environment): the training step that its `fit` calls is timed, from the call to the end of the computation, and the two
programs take turns step by step, as the machine's load may change. `ratio` is how many times longer its median is.

`sampling`: the network's part in drawing images value by value, after compilation; numbers of the right size take the place
of the density's own draws.

    python benchmarks/pixel_cnn.py --peer peer/bin/python
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from _common import emit, parser, say, timed

BATCH, COMPONENTS = 64, 40
RATIO_TARGETS = {16: 1.3, 32: 1.8}
SAMPLING_TARGET_S = 10.0
MARK = "PEER-STEP "
HERE = Path(__file__).resolve()


def start_training(side, seed):
    """Return a function that takes one training step."""
    import jax
    import optax

    from ideal.density.networks.network_density import _Loss
    from ideal.density.networks.pixel_cnn import GatedNetwork
    from ideal.density.networks.training import _gradient

    network = GatedNetwork(1, COMPONENTS, 64, 7)
    loss, optimiser = _Loss(network, False, False), optax.adam(1e-3)
    rng = np.random.default_rng(seed)
    batch = tuple(rng.standard_normal((BATCH, side, side, 1)).astype(np.float32) for _ in range(2))
    constants = {"log_deviation": np.zeros((side, side, 1), np.float32)}
    parameters = jax.device_put(network.init(rng))

    def step(parameters, state):
        gradient = _gradient(loss, parameters, constants, batch)
        update, state = optimiser.update(gradient, state)
        return optax.apply_updates(parameters, update), state, update["last_bias"].sum()

    step = jax.jit(step, donate_argnums=(0, 1))
    held = [parameters, optimiser.init(parameters)]

    def call():
        *held[:], found = step(*held)
        return float(jax.block_until_ready((held, found))[1])

    return call


def start_peer(python, side, steps):
    """Return a function that lets the authors' program take one training step, and returns its seconds."""
    command = [python, str(HERE), "--worker", "peer", "--sides", str(side), "--steps", str(steps)]
    environment = {key: value for key, value in os.environ.items() if key not in ("OPENBLAS_NUM_THREADS", "XLA_FLAGS")}
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True, bufsize=1)

    def call():
        process.stdin.write("\n")
        for line in process.stdout:
            if line.startswith(MARK):
                return float(line[len(MARK) :])
        raise RuntimeError(f"the authors' package stopped with exit status {process.wait()}")

    return call, process


def work_peer(side, steps, seed):
    """Run the authors' `fit`, each training step when a line arrives."""
    import jax
    from encoding_information.models import pixel_cnn

    train_model = pixel_cnn.train_model

    def wait_and_time(step, *arguments, **options):
        sys.stdin.readline()
        begun = time.perf_counter()
        result = jax.block_until_ready(step(*arguments, **options))
        print(f"{MARK}{time.perf_counter() - begun}", flush=True)
        return result

    def train(*arguments, train_step, **options):
        return train_model(*arguments, train_step=lambda *a, **o: wait_and_time(train_step, *a, **o), **options)

    pixel_cnn.train_model = train
    images = np.random.default_rng(seed).poisson(100, (4 * BATCH, side, side)).astype(np.float32)
    model = pixel_cnn.PixelCNN(num_hidden_channels=64, num_mixture_components=COMPONENTS)
    options = {"batch_size": BATCH, "num_val_samples": BATCH, "model_seed": seed, "data_seed": seed, "verbose": False}
    model.fit(images, max_epochs=1, steps_per_epoch=steps, **options)


def measure_training(side, args):
    ours = start_training(side, args.seed)
    _, compilation = timed(ours)
    peer, process = start_peer(args.peer, side, args.steps + 1) if args.peer else (None, None)
    try:
        if peer:
            peer()  # compiles
        seconds = []
        for _ in range(args.steps):
            seconds.append([timed(ours)[1], peer() if peer else np.nan])
    finally:
        if process:
            process.kill()
            process.wait()
    mine, its = np.median(seconds, axis=0)
    found = {"side": side, "step_s": mine, "fastest_step_s": np.min(seconds, axis=0)[0], "first_step_s": compilation}
    if peer:
        target = RATIO_TARGETS.get(side, 1.0)
        found |= {"peer_step_s": its, "peer_fastest_step_s": np.min(seconds, axis=0)[1], "ratio": its / mine}
        found["met"] = bool(its / mine >= target)
    say(f"{side}x{side}: {mine:.2f} s a step" + (f", the peer's {its:.2f} s" if peer else ""))
    return found


def measure_sampling(images, side, seed):
    from flax import nnx

    from ideal.density.networks.pixel_cnn_network import PixelCNN, Stepper

    network = PixelCNN(1, 3 * COMPONENTS, rngs=nnx.Rngs(seed))
    rng = np.random.default_rng(seed)
    draws = rng.standard_normal((side * side, images)).astype(np.float32)

    def sample():
        stepper = Stepper(network, images, np.zeros((side, side, 1)))
        for draw in draws:
            np.asarray(stepper.outputs(0.5 * draw))
            stepper.record(draw)

    _, first = timed(sample)
    _, again = timed(sample, 3)
    say(f"sampling {images} images of {side}x{side}: {again:.2f} s")
    return {"images": images, "side": side, "first_s": first, "again_s": again, "met": again < SAMPLING_TARGET_S}


def main():
    options = parser(__doc__)
    options.add_argument("--sides", type=int, nargs="+", default=[16, 32], help="of the images (default: 16 32)")
    options.add_argument("--steps", type=int, default=9, help="training steps timed (default: 9)")
    options.add_argument("--images", type=int, default=100, help="drawn (default: 100)")
    options.add_argument("--peer", metavar="PYTHON", help="interpreter that has the authors' package; see benchmarks/peer.py")
    options.add_argument("--worker", choices=["peer"], help="for the script's own use")
    args = options.parse_args()
    if args.worker:
        work_peer(args.sides[0], args.steps, args.seed)
        return
    if args.quick:
        args.sides, args.steps = args.sides[:1], 3
    result = {"training": [measure_training(side, args) for side in args.sides]}
    result["sampling"] = measure_sampling(args.images, max(args.sides), args.seed)
    emit("pixel_cnn", result | {"steps": args.steps, "batch": BATCH, "components": COMPONENTS})


if __name__ == "__main__":
    main()
