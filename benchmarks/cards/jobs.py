"""One job is one network: trained, judged, and kept in the work folder, where the next run finds it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import torch
from benchmarks.cards.data import Source, cells, testing, training, validation
from benchmarks.cards.plan import SETTINGS, TITLES, Exam, Size, build

from cardc.errors import CompileError
from cardc.frontend.train.augment import augmentation
from cardc.frontend.train.biprop import Biprop
from cardc.frontend.train.corruptions import CORRUPTIONS, HELD_OUT
from cardc.frontend.train.dense import Dense
from cardc.frontend.train.export import export_qonnx
from cardc.frontend.train.layers import sparsity
from cardc.frontend.train.lottery import LearningRateRewinding, LotteryTicket
from cardc.frontend.train.magnitude import FineTune, Gradual
from cardc.frontend.train.margins import clear_boundaries
from cardc.frontend.train.popup import EdgePopup
from cardc.frontend.train.recipe import Aids, Recipe, Schedule, predict

TUNING_SEED = 1000


@dataclass(frozen=True, slots=True)
class Job:
    """All that decides a network's weights and what it is asked; `measure` off: validation images only."""

    arch: str
    recipe: str
    setting: int
    sparsity: float
    augmentation: str
    seed: int
    size: Size
    exam: Exam
    measure: bool

    @property
    def title(self) -> str:
        zeros = f" {self.sparsity:.0%}" if self.sparsity else ""
        return f"{self.arch}, {TITLES[self.recipe]}{zeros}, {self.augmentation}, seed {self.seed}"

    def file(self, work: Path, ending: str) -> Path:
        """Where something of this job is kept. Other settings, other name."""
        key = hashlib.sha256(f"{self!r} {SETTINGS[self.recipe][self.setting]}".encode()).hexdigest()[:12]
        return work / f"{self.arch}-{self.recipe}-{round(100 * self.sparsity)}-{self.augmentation}-{key}.{ending}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Logits for validation images, clean and by HELD_OUT; and for test images, clean and by CORRUPTIONS.

    Clean [N, classes], corrupted [cells, n, classes]; empty where the job does not measure. `cpu_seconds` are of
    training, `all_cpu_seconds` with judging.
    """

    job: Job
    validation: np.ndarray
    held_out: np.ndarray
    clean: np.ndarray
    cells: np.ndarray
    sparsity: float
    epochs: int
    seconds: float
    cpu_seconds: float
    all_cpu_seconds: float


def recipe(job: Job) -> Recipe:
    """The recipe of `job` with its setting; every recipe of one size trains for `size.epochs` in all."""
    epochs, setting = job.size.epochs, SETTINGS[job.recipe][job.setting]
    schedule = Schedule(epochs, job.size.batch, job.seed, augmentation(job.augmentation))
    match job.recipe:
        case "dense" | "binary":
            return Dense(**setting, schedule=schedule)
        case "finetune":
            tuning = Schedule(epochs // 2, job.size.batch, job.seed, augmentation(job.augmentation))
            return FineTune(job.sparsity, **setting, dense_epochs=epochs - epochs // 2, schedule=tuning)
        case "gradual":
            return Gradual(job.sparsity, **setting, every=10, schedule=schedule)
        case "lottery" | "rewinding":
            rounds = int(setting["rounds"])
            # e epochs at first and e - 1 in each round, since rounds go back to epoch 1
            once = Schedule(max(2, round((epochs + rounds) / (rounds + 1))), job.size.batch, job.seed, schedule.augment)
            kind = LotteryTicket if job.recipe == "lottery" else LearningRateRewinding
            return kind(job.sparsity, lr=setting["lr"], share=1 - (1 - job.sparsity) ** (1 / rounds), schedule=once)
        case "edge-popup":
            return EdgePopup(job.sparsity, **setting, schedule=schedule)
        case "biprop":
            return Biprop(job.sparsity, **setting, scale_fan=True, schedule=schedule)
    raise CompileError(f"no recipe {job.recipe!r}", fix=f"use one of: {', '.join(TITLES)}")


def epochs(how: Recipe) -> int:
    """All epochs that a recipe trains, over all its phases."""
    match how:
        case FineTune():
            return how.dense_epochs + how.schedule.epochs
        case LotteryTicket() | LearningRateRewinding():
            return how.schedule.epochs + len(how.rounds()) * (how.schedule.epochs - how.rewind_epochs)
        case Dense() | Gradual() | EdgePopup() | Biprop():
            return how.schedule.epochs
    raise CompileError(f"no recipe {how!r}", fix="count its epochs here")


@dataclass(frozen=True, slots=True)
class Worker:
    """Runs jobs; can be sent to another process."""

    source: Source
    device: str = "cpu"

    def __call__(self, job: Job) -> Outcome:
        kept = job.file(self.source.work, "npz")
        if not kept.exists():
            torch.set_num_threads(1)
            self.source.work.mkdir(parents=True, exist_ok=True)
            arrays = self._arrays(job)
            part = kept.with_name(f"{kept.name}.{os.getpid()}.npz")
            np.savez(part, **arrays)
            os.replace(part, kept)
        with np.load(kept, allow_pickle=False) as file:
            zeros, trained, seconds, cpu, everything = file["facts"].tolist()
            parts = (file[name] for name in ("validation", "held_out", "clean", "cells"))
            return Outcome(job, *parts, zeros, int(trained), seconds, cpu, everything)

    def _arrays(self, job: Job) -> dict[str, np.ndarray]:
        s = self.source
        x, y = training(s, job.exam, job.size.train)
        model = build(job.arch, job.seed, dense=job.recipe == "dense")
        begin, cpu_begin, how = perf_counter(), process_time(), recipe(job)
        checkpoint = job.file(s.work, "checkpoint.npz")
        how.train(model, x, y, aids=Aids(checkpoint=checkpoint, device=self.device))
        seconds, cpu = perf_counter() - begin, process_time() - cpu_begin
        if job.measure and job.recipe != "dense":
            # The sums of a wide layer lie everywhere: `cardc verify` then counts those near a boundary.
            with contextlib.suppress(CompileError):
                clear_boundaries(model)
            export_qonnx(model, torch.from_numpy(x[:1]), job.file(s.work, "onnx"))
        none = np.zeros((0, 0), np.float32)
        out = {
            "validation": self._ask(model, validation(s, job.exam)[0]),
            "held_out": none,
            "clean": none,
            "cells": none,
        }
        if job.measure:
            out["clean"] = self._ask(model, testing(s, job.exam)[0])
            for name, kinds, test in (("held_out", HELD_OUT, False), ("cells", CORRUPTIONS, True)):
                out[name] = np.stack([self._ask(model, cell) for cell in cells(s, job.exam, kinds, test=test)[0]])
        checkpoint.unlink(missing_ok=True)
        everything = process_time() - cpu_begin
        return {**out, "facts": np.array([sparsity(model), epochs(how), seconds, cpu, everything])}

    def _ask(self, model: torch.nn.Module, x: np.ndarray) -> np.ndarray:
        return predict(model, x, device=self.device)
