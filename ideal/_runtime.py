"""Process-wide settings that JAX on a small CPU needs, made before its backend starts.

jaxlib calls SciPy's OpenBLAS from its own thread pool. When OpenBLAS starts threads for each of those calls, and XLA runs
independent calls of one program at once, a jitted gradient of a few batched log-determinants takes minutes or hangs. One
BLAS thread and XLA's sequential scheduler make it take milliseconds. One thread also serves the factorizations outside JAX: on
two cores of which one is busy, two threads wait for each other (a fit at 32x32 took 88 s instead of 3). A user who has set
either is left alone.
"""

import os
import sys

_THREADS = "OPENBLAS_NUM_THREADS"
_SCHEDULER = "xla_cpu_enable_concurrency_optimized_scheduler"
_user_set_threads = any(name in os.environ for name in (_THREADS, "OMP_NUM_THREADS", "GOTO_NUM_THREADS"))


def configure() -> None:
    """Set one BLAS thread and XLA's sequential scheduler, unless the environment says otherwise."""
    if not _user_set_threads:
        os.environ[_THREADS] = "1"
        if "numpy" in sys.modules:  # its OpenBLAS, and perhaps SciPy's, has read the environment already
            _limit_loaded_blas()
    flags = os.environ.get("XLA_FLAGS", "")
    if _SCHEDULER not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --{_SCHEDULER}=false".strip()


def _limit_loaded_blas() -> None:
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1, user_api="blas")
