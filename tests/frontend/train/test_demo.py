"""The demo card, trained for a moment; tests/test_demo.py looks at the one that `cardc demo` trains in full."""

from __future__ import annotations

from cardc.frontend.train.demo import train_demo_card
from cardc.frontend.train.layers import masked_layers
from cardc.frontend.train.points import quantisers
from cardc.frontend.train.recipe import Progress


def test_demo_card() -> None:
    seen = list[Progress]()
    card, data = train_demo_card(progress=seen.append, epochs=4)
    masks = [layer.mask.numpy() for _, layer in masked_layers(card)]
    total, left = sum(m.size for m in masks), sum(int(m.sum()) for m in masks)
    assert (total, left) == (15248, 1524)
    assert data.sparsity == 1 - left / total
    points, logits = quantisers(card, data.split.x_test)
    assert [p.boundary_cases() for p in points] == [0, 0, 0, 0]
    assert 0.5 < data.test_accuracy == float((logits.argmax(1) == data.split.y_test).mean())
    assert [p.epoch for p in seen] == [1, 2, 3, 4]
    assert not card.training
