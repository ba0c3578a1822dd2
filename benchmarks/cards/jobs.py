"""What is trained: every recipe at two sparsities, and the cards of the deck. One job is one network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from benchmarks.cards.data import Size, corrupted_test, testing, training

from cardc.errors import CompileError
from cardc.frontend.train.augment import augmentation
from cardc.frontend.train.biprop import Biprop
from cardc.frontend.train.blocks import CARD, FLOAT
from cardc.frontend.train.convnets import small
from cardc.frontend.train.dense import Dense
from cardc.frontend.train.export import export_qonnx
from cardc.frontend.train.layers import sparsity
from cardc.frontend.train.lottery import LearningRateRewinding, LotteryTicket
from cardc.frontend.train.magnitude import FineTune, Gradual
from cardc.frontend.train.margins import clear_boundaries
from cardc.frontend.train.popup import EdgePopup
from cardc.frontend.train.recipe import Aids, Recipe, Schedule, predict

CHANNELS = (16, 32, 64)
RECIPES = ("finetune", "gradual", "lottery", "rewinding", "edge-popup", "biprop")
TITLES = {
    "dense": "dense float", "binary": "dense binary", "finetune": "magnitude, fine-tuned",
    "gradual": "gradual magnitude", "lottery": "lottery ticket", "rewinding": "learning-rate rewinding",
    "edge-popup": "edge-popup", "biprop": "biprop",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Job:
    """One network to train: everything that decides its weights."""

    recipe: str
    sparsity: float
    augmentation: str
    seed: int
    size: Size
    data: Path
    work: Path

    @property
    def name(self) -> str:
        return f"{self.recipe}-{round(self.sparsity * 100)}-{self.augmentation}-{self.seed}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Logits on the clean test images and on every cell, sparsity reached, seconds and epochs of training."""

    job: Job
    clean: np.ndarray
    cells: np.ndarray
    sparsity: float
    seconds: float
    epochs: int


def jobs(size: Size, data: Path, work: Path) -> list[Job]:
    """Longest first, so that two workers end together."""
    found = [Job("biprop", 0.9, a, seed, size, data, work) for a in ("augmix", "gaussian") for seed in (0, 1)]
    for recipe in ("lottery", "rewinding", "edge-popup", "biprop", "gradual", "finetune"):
        found += [Job(recipe, s, "clean", 0, size, data, work) for s in (0.95, 0.9)]
    return [*found, *(Job(r, 0.0, "clean", 0, size, data, work) for r in ("binary", "dense"))]


def recipe(job: Job) -> Recipe:
    """The recipe of `job`. A round of the iterative ones prunes 44 % of what is left (the papers: 20 %)."""
    schedule = Schedule(job.size.epochs, 128, job.seed, augmentation(job.augmentation))
    again = Schedule(job.size.rewound_epochs, 128, job.seed, augmentation(job.augmentation))
    half = Schedule(max(1, job.size.epochs // 2), 128, job.seed, augmentation(job.augmentation))
    match job.recipe:
        case "dense" | "binary":
            return Dense(schedule=schedule)
        case "finetune":
            return FineTune(job.sparsity, tune_lr=0.003, dense_epochs=half.epochs, schedule=half)
        case "gradual":
            return Gradual(job.sparsity, every=20, schedule=schedule)
        case "lottery":
            return LotteryTicket(job.sparsity, share=0.44, schedule=again)
        case "rewinding":
            return LearningRateRewinding(job.sparsity, share=0.44, schedule=again)
        case "edge-popup":
            return EdgePopup(job.sparsity, score_lr=0.1, lr=0.03, schedule=schedule)
        case "biprop":
            return Biprop(job.sparsity, score_lr=0.1, lr=0.03, scale_fan=True, schedule=schedule)
    raise CompileError(f"no recipe {job.recipe!r}", fix=f"use one of: {', '.join(TITLES)}")


def train(job: Job) -> Outcome:
    """Train, export to work/<name>.onnx and test; what is there already is only read."""
    torch.set_num_threads(1)
    kept = job.work / f"{job.name}.npz"
    if not kept.exists():
        x, y = training(job.data, job.size)
        model = small(CHANNELS, precision=FLOAT if job.recipe == "dense" else CARD, seed=job.seed)
        epochs, start = 0, perf_counter()

        def count(_: object) -> None:
            nonlocal epochs
            epochs += 1

        recipe(job).train(model, x, y, count, Aids(checkpoint=job.work / f"{job.name}.checkpoint.npz"))
        seconds = perf_counter() - start
        if job.recipe != "dense":
            clear_boundaries(model)
            export_qonnx(model, torch.from_numpy(x[:1]), job.work / f"{job.name}.onnx")
        clean = predict(model, testing(job.data, job.size)[0])
        images, _ = corrupted_test(job.data, job.size, job.work)
        cells = np.stack([predict(model, cell) for cell in images])
        facts = np.array([sparsity(model), seconds, epochs])
        np.savez(kept, clean=clean, cells=cells, facts=facts)
    with np.load(kept, allow_pickle=False) as file:
        zeros, seconds, epochs = file["facts"].tolist()
        return Outcome(job, file["clean"], file["cells"], zeros, seconds, int(epochs))
