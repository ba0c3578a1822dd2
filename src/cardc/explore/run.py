"""Many tasks, here, in fresh processes or on a Ray cluster, until they are done or the time is over."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, TypeVar

from ..errors import CompileError

T = TypeVar("T")
R = TypeVar("R")
Done = Callable[[int, int], None]


def run(
    work: Callable[[T], R], tasks: Sequence[T], *, jobs: int, cluster: str | None, deadline: float, done: Done
) -> list[R]:
    """work(task) for the first tasks, in the order of `tasks`: all, or those that were begun before `deadline`
    (time.monotonic). At least one is. `work` is a function of a module. `done(ended, of)` after each."""
    found: dict[int, R] = {}
    for index, result in _ended(work, tasks, jobs, cluster, deadline):
        found[index] = result
        done(len(found), len(tasks))
    return [found[index] for index in sorted(found)]


def _ended(
    work: Callable[[T], R], tasks: Sequence[T], jobs: int, cluster: str | None, deadline: float
) -> Iterator[tuple[int, R]]:
    begun = _begun(tasks, deadline)
    if cluster is not None:
        yield from _on_ray(work, begun, cluster)
    elif jobs == 1 or len(tasks) == 1:
        for index, task in begun:
            yield index, work(task)
    else:
        yield from _in_processes(work, begun, min(jobs, len(tasks)))


def _begun(tasks: Sequence[T], deadline: float) -> Iterator[tuple[int, T]]:
    """Tasks as they are asked for, none after the deadline but the first."""
    for index, task in enumerate(tasks):
        if index and time.monotonic() >= deadline:
            return
        yield index, task


def _in_processes(work: Callable[[T], R], begun: Iterator[tuple[int, T]], jobs: int) -> Iterator[tuple[int, R]]:
    # Spawned: forks inherit locks and threads. No more tasks are handed out than there are processes, so that the
    # deadline holds.
    try:
        with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
            pending: dict[Future[R], int] = {pool.submit(work, task): k for k, task in islice(begun, jobs)}
            while pending:
                ready = wait(pending, return_when=FIRST_COMPLETED).done
                for future in sorted(ready, key=lambda f: pending[f]):
                    yield pending.pop(future), future.result()
                    pending |= {pool.submit(work, task): k for k, task in islice(begun, 1)}
    except BrokenProcessPool as error:
        raise CompileError(
            "a worker process ended before its work was done",
            fix='use one process (-j 1); in a script, call from below `if __name__ == "__main__":`',
            exit_code=1,
        ) from error


def _on_ray(work: Callable[[T], R], begun: Iterator[tuple[int, T]], address: str) -> Iterator[tuple[int, R]]:
    ray = _ray()
    mine = not ray.is_initialized()
    if mine:
        _connect(ray, address)
    try:
        task: Any = ray.remote(num_cpus=1)(lambda one: work(one))  # Ray takes no built-in functions
        width = max(1, int(ray.cluster_resources().get("CPU", 1)))
        pending = {task.remote(one): k for k, one in islice(begun, width)}
        while pending:
            (ready, *_), _ = ray.wait(list(pending))
            yield pending.pop(ready), ray.get(ready)
            pending |= {task.remote(one): k for k, one in islice(begun, 1)}
    finally:
        if mine:
            ray.shutdown()


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise CompileError("ray is not installed", fix="pip install 'cardc[sweep]'") from error
    return ray


def _connect(ray: Any, address: str) -> None:
    try:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise CompileError(
            f"no Ray cluster at {address!r}: {first}", fix="give HOST:PORT of its head node, auto, or local"
        ) from error
