"""benchmarks/cards: same bits again, nothing trained twice, verdicts, and the whole command on a few images."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.cards import jobs, run
from benchmarks.cards.compare import Claim
from benchmarks.cards.data import Source, cells, source, training, validation
from benchmarks.cards.jobs import Job, Worker, epochs, recipe
from benchmarks.cards.plan import PLANS, SETTINGS, SMOKE
from benchmarks.cards.study import best_recipe, choose, choose_none, deck_jobs, main_jobs, tuning_jobs
from PIL import Image

from cardc.errors import CompileError
from cardc.frontend.deck import load_deck
from cardc.frontend.train.corruptions import CORRUPTIONS, HELD_OUT

PLAN = SMOKE["digits"]
JOB = Job("tiny", "biprop", 0, 0.9, "augmix", 0, PLAN.size, PLAN.exam, measure=True)


def _digits(work: Path) -> Source:
    return source("digits", None, work)


def test_a_network_is_the_same_to_the_bit_and_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (Worker(_digits(tmp_path / name))(JOB) for name in ("a", "b"))
    for name in ("validation", "held_out", "clean", "cells"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), name
        assert getattr(first, name).size
    ours, theirs = (JOB.file(tmp_path / name, "onnx").read_bytes() for name in ("a", "b"))
    assert ours == theirs
    assert sorted(p.suffix for p in (tmp_path / "a").iterdir()) == [".npz", ".npz", ".npz", ".onnx"]  # no checkpoint

    def never(job: Job) -> None:
        raise AssertionError(f"{job} is trained again")

    monkeypatch.setattr(jobs, "recipe", never)
    assert np.array_equal(Worker(_digits(tmp_path / "a"))(JOB).clean, first.clean)
    with pytest.raises(AssertionError, match="trained again"):
        Worker(_digits(tmp_path / "a"))(dataclasses.replace(JOB, seed=7))


def test_settings_are_chosen_without_a_test_image(tmp_path: Path) -> None:
    job = dataclasses.replace(JOB, measure=False)
    outcome = Worker(_digits(tmp_path))(job)
    assert outcome.validation.shape == (40, 10)
    assert outcome.clean.size == outcome.cells.size == outcome.held_out.size == 0
    assert not any(j.measure for j in tuning_jobs(PLAN))
    x, _ = training(_digits(tmp_path), PLAN.exam, 1000)
    held = {i.tobytes() for i in validation(_digits(tmp_path), PLAN.exam)[0]}
    assert not held & {i.tobytes() for i in x}
    with pytest.raises(CompileError, match="for validation"):
        training(_digits(tmp_path), PLAN.exam, 1_420)


@pytest.mark.parametrize("dataset", PLANS)
def test_all_recipes_train_for_the_same_epochs(dataset: str) -> None:
    plan = PLANS[dataset]
    todo = [*tuning_jobs(plan), *main_jobs(plan, choose_none(), 1)]
    assert {epochs(recipe(job)) for job in todo} == {plan.size.epochs}
    assert len({job.file(Path("."), "npz") for job in todo}) == len(todo)
    assert {j.recipe for j in todo} == set(SETTINGS)


def test_the_best_setting_is_taken(tmp_path: Path) -> None:
    y = validation(_digits(tmp_path), PLAN.exam)[1]
    right, wrong = np.eye(10, dtype=np.float32)[y], np.eye(10, dtype=np.float32)[(y + 1) % 10]
    none = np.zeros((0, 0), np.float32)

    def outcome(job: Job) -> jobs.Outcome:
        good = job.setting == 2 and job.recipe == "gradual"
        return jobs.Outcome(job, right if good else wrong, none, none, none, 0.0, 1, 0.0, 0.0, 0.0)

    found = choose(PLAN, _digits(tmp_path), [outcome(job) for job in tuning_jobs(PLAN)])
    assert {c.recipe: c.taken for c in found} == dict.fromkeys(SETTINGS, 0) | {"gradual": 2}
    assert best_recipe(found) == "gradual"
    assert {(j.recipe, j.setting, j.augmentation) for j in deck_jobs(PLAN, found)} == {
        ("gradual", 2, "augmix"), ("gradual", 2, "gaussian"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tickets", "peers", "says"),
    [
        ((0.8, 0.7), (0.7, 0.6), "confirmed"), ((0.5, 0.5), (0.7, 0.6), "contradicted"),
        ((0.8, 0.5), (0.7, 0.6), "seeds disagree"), ((0.8,), (0.7,), "one seed, no verdict"),
    ],
)  # fmt: skip
def test_verdicts(tickets: tuple[float, ...], peers: tuple[float, ...], says: str) -> None:
    assert Claim("small", 0.9, tickets, peers).verdict == says


def test_corrupted_images_are_kept(tmp_path: Path) -> None:
    s = _digits(tmp_path)
    x, y = cells(s, PLAN.exam, CORRUPTIONS, test=True)
    assert (x.shape, y.shape) == ((75, 2, 1, 8, 8), (75, 2))
    again, _ = cells(s, PLAN.exam, CORRUPTIONS, test=True)
    assert np.array_equal(again, x)
    assert cells(s, PLAN.exam, HELD_OUT, test=False)[0].shape == (20, 2, 1, 8, 8)


def _colours(path: Path, count: int) -> None:
    def png(image: np.ndarray) -> bytes:  # type: ignore[type-arg]
        file = io.BytesIO()
        Image.fromarray(image).save(file, "png")
        return file.getvalue()

    random = np.random.default_rng(0)
    images = [{"bytes": png(i), "path": None} for i in random.integers(0, 256, (count, 32, 32, 3), np.uint8)]
    pq.write_table(pa.table({"img": images, "label": random.integers(0, 10, count)}), path)


@pytest.mark.parametrize("arch", PLANS["cifar10"].archs)
def test_cifar_networks_train(arch: str, tmp_path: Path) -> None:
    """On noise of CIFAR-10's format, one epoch or so: that data, networks and export work, not that they learn."""
    _colours(tmp_path / "train.parquet", 96)
    _colours(tmp_path / "test.parquet", 8)
    size, exam = dataclasses.replace(PLAN.size, train=64, epochs=1), dataclasses.replace(PLAN.exam, test=8, a_cell=1)
    job = Job(arch, "biprop", 0, 0.95, "clean", 0, size, dataclasses.replace(exam, validation=20), measure=True)
    outcome = Worker(source("cifar10", str(tmp_path), tmp_path / "work"))(job)
    assert outcome.cells.shape == (75, 1, 10)
    assert outcome.sparsity == pytest.approx(0.95, abs=1e-3)
    assert job.file(tmp_path / "work", "onnx").stat().st_size > 10_000


def test_bad_options(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CARDC_DATA", raising=False)
    assert run.main(["--smoke", "--data", str(tmp_path)]) == 2
    assert "mnist is not there" in capsys.readouterr().err
    assert run.main(["--smoke", "--dataset", "digits", "--device", "tpu"]) == 2
    assert "auto, cpu or cuda" in capsys.readouterr().err


@pytest.mark.slow
def test_the_whole_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--smoke", "--dataset", "digits", "--workers", "1", "--device", "cpu", "--work", str(tmp_path / "work")]
    assert run.main([*options, "--json", "--export", str(tmp_path / "deck")]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert all(set(f) == {"work", "tool", "value", "unit", "peer", "peer_value", "ratio"} for f in figures)
    tools = {f["tool"] for f in figures if f["work"] == "digits, corrupted"}
    assert {"deck, agnostic", "deck, adaptive, M = 1", "deck, adaptive, M = 100"} < tools
    assert len(tools) == 14 + 4 + 5
    page = (tmp_path / "work" / "results.md").read_text()
    for title in ("## Recipes", "## The paper's claim", "## Gain of the deck", "## Settings tried", "nucleo-f446re"):
        assert title in page
    assert len(load_deck(tmp_path / "deck").cards) == 4
