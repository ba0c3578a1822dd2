"""Augmentations: what each operation does to an image, the mixture, and the consistency term."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch.nn import functional

from cardc.errors import CompileError
from cardc.frontend.train import augmix
from cardc.frontend.train.augment import AugMix, Clean, Gaussian, augmentation
from cardc.frontend.train.objective import objective

X = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0)) ** 2
BYTES = torch.randint(256, (6, 1, 28, 28), generator=torch.Generator().manual_seed(1)).float() / 255 * 0.8
ONE, PLUS = torch.ones(6), torch.ones(6)


def _random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", [Clean(), Gaussian(), AugMix(), AugMix(width=1, depth=5, severity=10)])
def test_views_stay_images_and_follow_the_seed(kind: Clean | Gaussian | AugMix) -> None:
    views = kind.views(X, _random())
    assert len(views) == (3 if isinstance(kind, AugMix) else 1)
    for view, again in zip(views, kind.views(X, _random()), strict=True):
        assert view.shape == X.shape
        assert float(view.min()) >= 0
        assert float(view.max()) <= 1 + 1e-6
        assert torch.equal(view, again)
    if not isinstance(kind, Clean):
        assert not torch.equal(views[-1], kind.views(X, _random(1))[-1])
    if isinstance(kind, AugMix):
        assert torch.equal(views[0], X)
        assert not torch.equal(views[1], views[2])


def test_gaussian_noise_has_its_deviation() -> None:
    grey = torch.full((50, 1, 32, 32), 0.5)
    (noisy,) = Gaussian(0.1).views(grey, _random())
    assert float((noisy - 0.5).std()) == pytest.approx(0.1, rel=0.01)


def _pil(x: torch.Tensor, change: object) -> np.ndarray:  # type: ignore[type-arg]
    images = [Image.fromarray((i[0] * 255).round().byte().numpy()) for i in x]
    return np.stack([np.asarray(change(i)) for i in images])  # type: ignore[operator]


def test_operations_on_bytes_are_pils() -> None:
    def same(got: torch.Tensor, want: np.ndarray) -> None:  # type: ignore[type-arg]
        assert np.array_equal((got[:, 0] * 255).round().numpy(), want)

    half = torch.full((6,), 0.5)
    same(augmix.equalize(BYTES, ONE, PLUS), _pil(BYTES, ImageOps.equalize))
    same(augmix.posterize(BYTES, half, PLUS), _pil(BYTES, lambda i: ImageOps.posterize(i, 2)))
    same(augmix.solarize(BYTES, half, PLUS), _pil(BYTES, lambda i: ImageOps.solarize(i, 128)))
    contrast = augmix.autocontrast(BYTES, ONE, PLUS)[:, 0] * 255
    assert float((contrast - torch.from_numpy(_pil(BYTES, ImageOps.autocontrast))).abs().max()) < 1.01


def test_flat_images_survive() -> None:
    flat = torch.full((6, 1, 8, 8), 0.3)
    for operation in (augmix.autocontrast, augmix.equalize):
        torch.testing.assert_close(operation(flat, ONE, PLUS), flat)


def test_geometry() -> None:
    third = augmix.translate_x(BYTES, ONE, PLUS)  # 28 / 3, whole pixels: 9
    torch.testing.assert_close(third[:, :, :, :-9], BYTES[:, :, :, 9:], atol=1e-4, rtol=0)
    assert float(third[:, :, :, -9:].abs().max()) < 1e-4
    torch.testing.assert_close(augmix.translate_y(BYTES.mT, ONE, PLUS), third.mT, atol=1e-4, rtol=0)
    torch.testing.assert_close(augmix.rotate(BYTES, ONE * 0, PLUS), BYTES, atol=1e-4, rtol=0)
    cross = torch.zeros(1, 1, 31, 31)
    cross[..., 15, 25] = 1  # to the right of the centre
    row, column = divmod(int(augmix.rotate(cross, torch.ones(1), torch.ones(1)).argmax()), 31)
    assert abs(row - 15) == 5  # 10 pixels by 30 degrees
    assert column == 24


def test_consistency_is_the_jensen_shannon_divergence() -> None:
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 5))
    y = torch.zeros(12, dtype=torch.int64)
    views = AugMix().views(X, _random())
    shares = [functional.softmax(model(v), dim=1) for v in views]
    middle = sum(shares) / 3
    kl = [(p * (p.log() - middle.log())).sum(1).mean() for p in shares]
    want = functional.cross_entropy(model(X), y) + 12 * sum(kl) / 3
    loss, logits = objective(model, views, y, 12.0, None)
    torch.testing.assert_close(loss, want)
    torch.testing.assert_close(logits, model(X))


def test_names_and_bad_settings() -> None:
    assert augmentation("augmix") == AugMix()
    with pytest.raises(CompileError, match="no augmentation"):
        augmentation("fog")
    for make in (lambda: Gaussian(-1), lambda: AugMix(width=0), lambda: AugMix(severity=11)):
        with pytest.raises(CompileError):
            make()
