#!/usr/bin/env python3
"""Train a small dense card with biprop, compile it for a board, prove it exact, write the project.

    python examples/train_and_compile.py --board rp2040-pico --out out/digits

The card has masked binary layers (cardc.frontend.train.layers): their masks act on the quantised weights, so what
was pruned stays pruned. Any Brevitas module of such layers compiles the same way.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cardc
from cardc.frontend.train.biprop import Biprop
from cardc.frontend.train.data import digits
from cardc.frontend.train.margins import clear_boundaries
from cardc.frontend.train.models import mlp_card
from cardc.frontend.train.recipe import Schedule, accuracy


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--board", default="rp2040-pico", help="see `cardc targets`")
    parser.add_argument("--out", type=Path, default=Path("out/digits"))
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--sparsity", type=float, default=0.8)
    parser.add_argument("--inputs", type=int, default=360, help="how many test images to verify on")
    options = parser.parse_args(arguments)

    # 1. Train: weights stay as they were drawn, biprop learns which of them to keep.
    data = digits()
    card = mlp_card(inputs=64, hidden=(64, 32), classes=10)
    recipe = Biprop(sparsity=options.sparsity, score_lr=0.1, lr=0.03, schedule=Schedule(epochs=options.epochs))
    recipe.train(card, data.x_train, data.y_train)
    clear_boundaries(card)  # no float executor can round it differently now
    print(f"trained: {accuracy(card, data.x_test, data.y_test):.1%} of the test images right in Brevitas")

    # 2. Compile: the module itself, and one sample for its input's shape.
    x, y = data.x_test[: options.inputs], data.y_test[: options.inputs]
    build = cardc.compile(card, options.board, sample=x[:1], name="digits")

    # 3. Prove it: every quantised tensor, from Brevitas to the emulated board.
    verdict = build.verify(x, y, emulated_inputs=min(50, len(x)))
    print(f"{'exact' if verdict.equal else 'NOT EQUAL'}: {' == '.join(verdict.stages)}")
    if not verdict.equal:
        print(verdict.first_difference)
        return verdict.exit_code

    # 4. Run one image as the board would, and write the project with its reports.
    print(f"the board answers {build.emulate(x[:1])[0].argmax()}, the label is {y[0]}")
    build.write(options.out)
    for name, figure in build.report.totals.items():
        print(f"{name}: {figure.value:,.6g} ({figure.stage})")
    print(f"written to {options.out}: open report.html")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
