"""Networks that no layer rows describe: the layers that their description stands for, with their part of the counts."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

from table import Record

from cardc.estimate import FpgaLayer, Products, expected_products


def network_layers(record: Record) -> tuple[FpgaLayer, ...]:
    """The layers that the description in `op` stands for: 'mlp 10-5-2', 'dense+relu'; none for other words."""
    op, io_type = record.text("op"), record.text("io_type") or "io_parallel"
    act = int(record.of("act_bits_in", 8))
    acc, reuse = int(record.of("accum_bits", 16)), max(1, int(record.of("reuse_factor", 1)))
    bits = int(record.of("weight_bits", 16))
    if op.startswith("mlp "):
        sizes = [int(size) for size in op[4:].split("-") if size.isdigit()]
        after = [*["relu"] * (len(sizes) - 2), "softmax"]
    elif op.startswith("dense+"):
        sizes, after = [int(record.of("n_in", 1)), int(record.of("n_out", 1))], [op[6:]]
    else:
        return ()
    pairs = list(pairwise(sizes))
    layers: list[FpgaLayer] = []
    for (inputs, outputs), following in zip(pairs, after, strict=False):
        share = inputs * outputs / max(1, sum(a * b for a, b in pairs))
        common = {"out_shape": (outputs,), "strategy": "latency", "io_type": io_type}
        layers += [
            FpgaLayer(
                name=record.where, op="dense", in_shape=(inputs,), act_bits=act, out_bits=acc, acc_bits=acc,
                weight_bits=bits, products=_share_of(record, inputs, outputs, share), reuse_factor=reuse, **common,
            ),
            FpgaLayer(name=record.where, op=following, in_shape=(outputs,), act_bits=acc,
                      out_bits=act if following == "relu" and op.startswith("mlp") else acc, **common),
        ]  # fmt: skip
    return tuple(layers)


def _share_of(record: Record, inputs: int, outputs: int, share: float) -> Products:
    """A layer's part of the counts of its network, by its part of the weights."""
    if record.number("n_csd1") is None:
        bits = int(record.of("weight_bits", 16))
        return expected_products(inputs, outputs, bits, bits - record.whole_bits("weight_int_bits", 6))
    used = [record.of(name, 0) * share for name in ("n_csd1", "n_csd2", "n_csd3p")]
    made2, made3 = record.of("n_uniq_csd2", 0) * share, record.of("n_uniq_csd3p", 0) * share
    made1 = max(0.0, record.of("n_uniq", 0) * share - made2 - made3)
    return Products(
        weights=inputs * outputs, used=(used[0], used[1], used[2]), made=(made1, made2, made3), negated=made1 / 2,
        wide=made3, columns=outputs, longest=ceil(sum(used) / outputs), biases=0.0, expected=True,
    )  # fmt: skip


def adder_bits(record: Record) -> float | None:
    """The cost that da4ml states of its adder graph, in bits of adders."""
    for word in record.text("note").split():
        if word.startswith("da4ml_cost="):
            try:
                return float(word.partition("=")[2])
            except ValueError:
                return None
    return None
