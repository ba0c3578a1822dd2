"""The demo card is as good and as sparse as promised, and no value of it sits near a rounding boundary."""

from __future__ import annotations

import numpy as np
import pytest

from cardc.frontend.train.demo import train_demo_card
from cardc.frontend.train.layers import masked_layers
from cardc.frontend.train.points import quantisers
from cardc.frontend.train.recipe import Progress


@pytest.mark.slow
def test_demo_card() -> None:
    seen = list[Progress]()
    card, data = train_demo_card(progress=seen.append)
    assert data.test_accuracy >= 0.95
    masks = [layer.mask.numpy() for _, layer in masked_layers(card)]
    total, left = sum(m.size for m in masks), sum(int(m.sum()) for m in masks)
    assert (total, left) == (15248, 1524)
    assert data.sparsity == 1 - left / total
    points, logits = quantisers(card, data.split.x_test)
    assert [p.boundary_cases() for p in points] == [0, 0, 0, 0]
    assert float((logits.argmax(1) == data.split.y_test).mean()) == data.test_accuracy
    assert seen[-1].epoch == seen[-1].epochs == len(seen)
    assert np.isfinite(logits).all()
