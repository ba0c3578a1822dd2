"""Trainings that cannot work are refused in words, before they begin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cardc.errors import CompileError
from cardc.frontend.train.augment import AugMix
from cardc.frontend.train.biprop import Biprop
from cardc.frontend.train.config import RECIPES, read_recipe, recipe_from
from cardc.frontend.train.deck import train_deck
from cardc.frontend.train.lottery import LotteryTicket
from cardc.frontend.train.magnitude import Gradual
from cardc.frontend.train.models import digits_card, mlp_card
from cardc.frontend.train.objective import Distil
from cardc.frontend.train.ranking import rank_masks
from cardc.frontend.train.recipe import Aids, Recipe, Schedule, predict
from cardc.frontend.train.weights import ReSte

X = np.random.default_rng(0).random((70, 1, 8, 8), np.float32)
Y = (np.arange(70) % 10).astype(np.int64)
SHORT = Schedule(epochs=1)
NAN = X.copy()
NAN[3, 0, 1, 1] = np.nan


def _train(x: np.ndarray, y: np.ndarray, card: nn.Module | None = None, aids: Aids | None = None) -> None:  # type: ignore[type-arg]
    Gradual(0.5, schedule=SHORT).train(card or mlp_card(hidden=(8,)), x, y, None, aids)


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (X[:0], Y[:0], "inputs of shape"), (X[:1], Y[:1], "inputs of shape"), (X, Y[:9], "inputs of shape"),
        (X, np.eye(10)[Y], "labels of shape"), (X, Y.astype(np.float32), "labels of type float32"),
        (X, Y - 1, "from -1"), (X, Y + 1, "a label 10"), (NAN, Y, "NaN or infinity"),
        (np.where(np.isnan(NAN), np.inf, X), Y, "NaN or infinity"),
        ((X * 255).astype(np.uint8), Y, "type uint8"), (X.astype(object), Y, "type object"),
        (X[:, :, :7], Y, "takes no images"), (X.ravel(), Y, "inputs of shape"),
    ],
)  # fmt: skip
def test_bad_data(x: np.ndarray, y: np.ndarray, says: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(CompileError, match=says) as caught:
        _train(x, y)
    assert caught.value.fix


def test_other_float_types_are_taken() -> None:
    for kind in (np.float64, np.float16):
        _train(X.astype(kind), Y.astype(np.uint8))


def test_models_and_devices_that_do_not_fit() -> None:
    mixed = Biprop(0.5, schedule=Schedule(epochs=1, augment=AugMix()))
    with pytest.raises(CompileError, match="outputs of shape \\[3\\]"):
        _train(X, Y, mlp_card(hidden=(8,), classes=3))
    with pytest.raises(CompileError, match="no images of shape \\[64\\]"):
        _train(X.reshape(70, 64), Y, digits_card((4, 4, 4)))
    with pytest.raises(CompileError, match="device 'warp'"):
        _train(X, Y, None, Aids(device="warp"))
    with pytest.raises(CompileError, match="AugMix of a batch"):
        mixed.train(mlp_card(hidden=(8,)), X.reshape(70, 64), Y)
    with pytest.raises(CompileError, match="no images"):
        predict(mlp_card(), X[:0])


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 1.5, float("nan")])
@pytest.mark.parametrize("name", sorted(set(RECIPES) - {"dense"}))
def test_sparsity_out_of_range(name: str, sparsity: float) -> None:
    with pytest.raises(CompileError, match="sparsity is"):
        RECIPES[name](sparsity=sparsity)


def test_a_sparsity_that_empties_a_layer() -> None:
    with pytest.raises(CompileError, match="without weights"):
        Biprop(0.9999, schedule=SHORT).train(mlp_card(hidden=(8,)), X, Y)
    with pytest.raises(CompileError, match="NaN"):
        rank_masks([torch.tensor([1.0, float("nan")])], 0.5)


def test_a_loss_that_is_no_number_is_said_so() -> None:
    nowhere = Aids(distil=Distil(lambda x: torch.full((len(x), 10), torch.nan)))
    with pytest.raises(CompileError, match=r"the loss is nan in epoch 1|NaN or infinity") as caught:
        _train(X, Y, None, nowhere)
    assert "learning rate" in caught.value.fix


@pytest.mark.parametrize(
    "make",
    [
        lambda: Schedule(epochs=0), lambda: Schedule(epochs=2.5), lambda: Schedule(batch_size=1),  # type: ignore[arg-type]
        lambda: Schedule(seed=-1), lambda: Schedule(seed=1 << 40), lambda: Gradual(lr=float("inf")),
        lambda: Gradual(lr=1e38),
        lambda: LotteryTicket(share=float("nan")), lambda: AugMix(severity=float("nan")),
    ],
)  # fmt: skip
def test_bad_schedules(make: Callable[[], object]) -> None:
    with pytest.raises(CompileError):
        make()


@pytest.mark.parametrize(
    "change",
    [
        lambda: (Gradual(0.6, schedule=SHORT), mlp_card(hidden=(8,)), X, Y),
        lambda: (Gradual(0.5, schedule=Schedule(epochs=2)), mlp_card(hidden=(8,)), X, Y),
        lambda: (Gradual(0.5, schedule=SHORT), mlp_card(hidden=(9,)), X, Y),
        lambda: (Gradual(0.5, schedule=SHORT), mlp_card(hidden=(8,)), 1 - X, Y),
        lambda: (Gradual(0.5, schedule=SHORT), mlp_card(hidden=(8,)), X, Y[::-1]),
    ],
    ids=["recipe", "schedule", "model", "images", "labels"],
)
def test_a_checkpoint_of_another_training(
    change: Callable[[], tuple[Recipe, nn.Module, object, object]], tmp_path: Path
) -> None:
    aids = Aids(checkpoint=tmp_path / "run.npz")
    _train(X, Y, None, aids)
    recipe, model, x, y = change()
    with pytest.raises(CompileError, match="of another run"):
        recipe.train(model, x, y, None, aids)  # type: ignore[arg-type]


@pytest.mark.parametrize("cut", [0, 30, 2000])
def test_a_checkpoint_cut_short(cut: int, tmp_path: Path) -> None:
    aids = Aids(checkpoint=tmp_path / "run.npz")
    _train(X, Y, None, aids)
    (tmp_path / "run.npz").write_bytes((tmp_path / "run.npz").read_bytes()[:cut])
    with pytest.raises(CompileError, match="no checkpoint"):
        _train(X, Y, None, aids)


WHOLE = """
recipe = "gradual"
sparsity = 0.8
every = 7
[estimator]
name = "reste"
power = 2
[schedule]
epochs = 3
[schedule.augment]
name = "augmix"
severity = 2.5
"""


def test_a_recipe_from_toml(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(WHOLE)
    want = Gradual(0.8, every=7, estimator=ReSte(power=2.0), schedule=Schedule(3, augment=AugMix(severity=2.5)))
    assert read_recipe(tmp_path / "r.toml") == want
    for name, kind in RECIPES.items():
        assert recipe_from({"recipe": name}) == kind()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("recipe =", "recipe", "no valid TOML"), ('"gradual"', '"graduel"', "'recipe' is 'graduel'"),
        ('recipe = "gradual"', "", "'recipe' is missing"), ("sparsity = 0.8", "sparsity = 1.8", "sparsity is 1.8"),
        ("sparsity = 0.8", "sparcity = 0.8", "unknown key 'sparcity'"), ("every = 7", "every = 7.5", "every is 7.5"),
        ("every = 7", "every = true", "every is True"), ("every = 7", 'every = "7"', "every is 7"),
        ("every = 7", "every = 0", "every 0 steps"), ('"reste"', '"rest"', "'name' is 'rest'"),
        ("power = 2", "power = 0.5", "ReSTE"), ("epochs = 3", "epochs = 0", "0 epochs"),
        ("epochs = 3", "epoch = 3", "'epoch'"),
        ('"augmix"', '"fog"', "'name' is 'fog'"), ("severity = 2.5", "severity = 99", "AugMix"),
        ('[estimator]\nname = "reste"\npower = 2', 'estimator = "reste"', "estimator is reste"),
    ],
)  # fmt: skip
def test_bad_recipe_files(old: str, new: str, says: str, tmp_path: Path) -> None:
    assert old in WHOLE
    (tmp_path / "r.toml").write_text(WHOLE.replace(old, new, 1))
    with pytest.raises(CompileError, match=says) as caught:
        read_recipe(tmp_path / "r.toml")
    assert caught.value.fix
    assert "r.toml" in (caught.value.node or "")


def test_recipe_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge.toml").write_bytes(b"#" * ((1 << 20) + 1))
    for name, says in (("binary.toml", "no valid TOML"), ("huge.toml", "larger than"), ("none.toml", "cannot read")):
        with pytest.raises(CompileError, match=says):
            read_recipe(tmp_path / name)


def test_decks_without_cards() -> None:
    for settings in ({"augmentations": []}, {"augmentations": [AugMix()], "replicas": 0}):
        with pytest.raises(CompileError, match="replicas of"):
            train_deck("d", lambda s: mlp_card(), lambda a, s: Biprop(), X, Y, **settings)  # type: ignore[arg-type]
