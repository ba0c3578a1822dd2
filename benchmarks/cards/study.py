"""The order of work: settings by validation, then the deck's cards, then every recipe by every seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from benchmarks.cards.data import Source, validation
from benchmarks.cards.jobs import TUNING_SEED, Job, Outcome, Worker
from benchmarks.cards.plan import RECIPES, SETTINGS, Plan

from cardc.frontend.train.sweep import Where, sweep

AUGMENTATIONS = ("augmix", "gaussian")


@dataclass(frozen=True, slots=True)
class How:
    """Where networks are trained: how many at a time, on this machine or Ray's, on "cpu" or "cuda"."""

    workers: int = 1
    on: Where = "here"
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class Choice:
    """Validation accuracy of each setting of one recipe, and the one taken."""

    recipe: str
    accuracies: tuple[float, ...]
    taken: int


@dataclass(frozen=True, slots=True)
class Study:
    """All that was trained. `deck` are the cards of the deck, `main` the networks of the comparison."""

    plan: Plan
    source: Source
    choices: tuple[Choice, ...]
    deck: tuple[Outcome, ...]
    main: tuple[Outcome, ...]
    cpu_seconds: float


def tuning_jobs(plan: Plan) -> list[Job]:
    """Every setting of every recipe at the highest sparsity, by a seed that is used for nothing else."""
    return [
        Job(plan.archs[0], r, i, 0.0 if r in ("dense", "binary") else max(plan.sparsities), "clean", TUNING_SEED,
            plan.size, plan.exam, measure=False)
        for r, settings in SETTINGS.items() for i in range(len(settings))
    ]  # fmt: skip


def choose(plan: Plan, source: Source, outcomes: Sequence[Outcome]) -> tuple[Choice, ...]:
    """The setting with the best accuracy on clean validation images; among equals the first."""
    y = validation(source, plan.exam)[1]
    found = []
    for recipe in SETTINGS:
        own = [o for o in outcomes if o.job.recipe == recipe]
        shares = tuple(float((o.validation.argmax(1) == y).mean()) for o in own)
        found.append(Choice(recipe, shares, int(np.argmax(shares))))
    return tuple(found)


def best_recipe(choices: Sequence[Choice]) -> str:
    """The pruning recipe of the best validation accuracy, which the deck's cards are trained by."""
    return max((c for c in choices if c.recipe in RECIPES), key=lambda c: max(c.accuracies)).recipe


def deck_jobs(plan: Plan, choices: Sequence[Choice]) -> list[Job]:
    """Two cards for each augmentation."""
    recipe = best_recipe(choices)
    taken = {c.recipe: c.taken for c in choices}[recipe]
    return [
        Job(plan.archs[0], recipe, taken, plan.deck_sparsity, a, seed, plan.deck_size, plan.exam, measure=True)
        for a in AUGMENTATIONS for seed in (0, 1)
    ]  # fmt: skip


def main_jobs(plan: Plan, choices: Sequence[Choice], seeds: int) -> list[Job]:
    """Every recipe at every sparsity on clean images, seed by seed."""
    taken = {c.recipe: c.taken for c in choices}
    return [
        Job(arch, recipe, taken[recipe], s, "clean", seed, plan.size, plan.exam, measure=True)
        for seed in range(seeds) for arch in plan.archs for recipe in taken
        for s in ((0.0,) if recipe in ("dense", "binary") else plan.sparsities)
    ]  # fmt: skip


def study(plan: Plan, source: Source, seeds: int, how: How, say: Callable[[str], None]) -> Study:
    """Train what the work folder does not hold yet; `say` hears of each network."""
    total = len(tuning_jobs(plan)) + 4 + len(main_jobs(plan, choose_none(), seeds))
    done, spent = 0, 0.0

    def run(todo: Sequence[Job]) -> tuple[Outcome, ...]:
        def ended(i: int, outcome: Outcome) -> None:
            nonlocal done, spent
            done, spent = done + 1, spent + outcome.all_cpu_seconds
            say(f"[{done}/{total}] {todo[i].title}: {outcome.all_cpu_seconds:.0f} s, {spent:.0f} s of CPU so far")

        gpus = 0 if how.device == "cpu" else 1 / how.workers
        worker = Worker(source, how.device)
        return tuple(sweep(worker, todo, where=how.on, workers=how.workers, gpus=gpus, done=ended))

    choices = choose(plan, source, run(tuning_jobs(plan)))
    deck = run(deck_jobs(plan, choices))
    main = run(main_jobs(plan, choices, seeds))
    return Study(plan, source, choices, deck, main, spent)


def choose_none() -> tuple[Choice, ...]:
    """As if the first setting had won everywhere."""
    return tuple(Choice(recipe, (0.0,), 0) for recipe in SETTINGS)
