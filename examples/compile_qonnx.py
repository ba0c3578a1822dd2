#!/usr/bin/env python3
"""Compile a QONNX file for several boards, verify it on all of them at once, write what fits.

    python examples/compile_qonnx.py card.onnx --board nucleo-f446re --board pynq-z2 --inputs x_test.npy

Without --inputs, verification runs on random numbers, which says less: give it data from the model's own world.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import cardc


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--board", action="append", required=True, help="a board, or a path to a .toml; repeatable")
    parser.add_argument("--inputs", type=Path, help="samples [N, ...] as .npy")
    parser.add_argument("--out", type=Path, default=Path("out"))
    options = parser.parse_args(arguments)
    try:
        builds = [cardc.compile(options.model, board) for board in options.board]
        if options.inputs is not None:
            x = np.load(options.inputs, allow_pickle=False)
        else:
            # The input's shape, batch first, as the compiler found it.
            (value,) = builds[0].lowered.imported.graph.inputs
            shape = [int(d) for d in value.shape or () if isinstance(d, int)]
            x = np.random.default_rng(0).normal(size=(32, *shape[1:])).astype(np.float32)

        verdict = cardc.verify(options.model, options.board, x)
        print(f"{'exact' if verdict.equal else 'NOT EQUAL'}: {' == '.join(verdict.stages)}")
        if not verdict.equal:
            print(verdict.first_difference)
            return verdict.exit_code

        for build in builds:
            build.exact = verdict  # so that the report shows it
            fits = build.report.fits
            print(f"{build.target.title}: {'fits' if fits else 'does not fit'}")
            if fits:
                build.write(options.out / build.target.name)
            else:
                print("\n".join(f"  {line}" for line in build.report.fit.advice))
    except cardc.CompileError as error:
        # What is wrong, where, and what to do about it.
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
