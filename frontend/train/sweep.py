"""Many trainings at once: over seeds, augmentations, sparsities, on this machine or on a Ray cluster.

Ray is an extra, `pip install 'cardc[sweep]'`, and is imported only where it is used.
"""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Literal, TypeVar, get_args

from ...errors import CompileError

T = TypeVar("T")
R = TypeVar("R")
Where = Literal["here", "ray"]


def grid(**axes: Iterable[Any]) -> list[dict[str, Any]]:
    """Every combination of the axes' values, the last axis fastest: grid(seed=(0, 1), sparsity=(0.9, 0.95))."""
    values = [list(axis) for axis in axes.values()]
    return [dict(zip(axes, point, strict=True)) for point in itertools.product(*values)]


def sweep(
    run: Callable[[T], R], trials: Sequence[T], *, where: Where = "here", workers: int = 1, address: str | None = None,
    gpus: float = 0, done: Callable[[int, R], None] = lambda i, result: None,
) -> list[R]:  # fmt: skip
    """[run(trial) for trial in trials], `workers` at a time, results in order.

    `run` is a function of a module, trials and results can be pickled between processes (never to a file). "here"
    runs in this process with one worker and in fresh ones with more; "ray" on the cluster at `address`, or one it
    starts on this machine, each trial with one CPU and `gpus` GPUs. `done(i, result)` is called as each ends. The
    first exception ends the sweep.
    """
    if where not in get_args(Where) or workers < 1:
        raise CompileError(f"a sweep on {where!r} with {workers} workers", fix="'here' or 'ray', at least one worker")
    results: dict[int, R] = {}
    for i, result in _ended(run, trials, where, workers, address, gpus):
        results[i] = result
        done(i, result)
    return [results[i] for i in range(len(trials))]


def _ended(
    run: Callable[[T], R], trials: Sequence[T], where: Where, workers: int, address: str | None, gpus: float
) -> Iterator[tuple[int, R]]:
    if where == "ray":
        yield from _on_ray(run, trials, workers, address, gpus)
    elif workers == 1:
        for i, trial in enumerate(trials):
            yield i, run(trial)
    else:
        # Not forked: torch's threads do not survive a fork.
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            futures = {pool.submit(run, trial): i for i, trial in enumerate(trials)}
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _on_ray(
    run: Callable[[T], R], trials: Sequence[T], workers: int, address: str | None, gpus: float
) -> Iterator[tuple[int, R]]:
    try:
        import ray
    except ImportError as error:
        raise CompileError("ray is not installed", fix="pip install 'cardc[sweep]'") from error
    mine = not ray.is_initialized()
    if mine:
        options: Mapping[str, Any] = {"address": address} if address else {"num_cpus": workers}
        ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False, **options)
    try:
        task: Any = ray.remote(num_cpus=1, num_gpus=gpus)(lambda trial: run(trial))  # Ray takes no built-in functions
        pending = {task.remote(trial): i for i, trial in enumerate(trials)}
        while pending:
            (ready, *_), _ = ray.wait(list(pending))
            yield pending.pop(ready), _result(ray, ready)
    finally:
        if mine:
            ray.shutdown()


def _result(ray: Any, ready: Any) -> Any:
    """What the trial returned, or its own exception (Ray wraps it in one whose text is a traceback)."""
    try:
        return ray.get(ready)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, Exception):
            raise error.cause from None
        raise
