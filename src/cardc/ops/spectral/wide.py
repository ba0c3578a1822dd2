"""The transform in words of more than 16 bits: products that are shortened one by one, as cores multiply 32 by 32 bits.

Data have at most 30 bits, twiddles t. A product of a number and a component of a twiddle is divided by 2^(t + 2) and
rounded down on its own: with twiddles in Q30 that is the high half of 64 bits, one instruction on most cores. A turned
number is a quarter of z * w:

    turned(z, w) = (hi(re * w_re) + hi(im * -w_im) + 1, hi(im * w_re) + hi(re * w_im) + 1),   hi(x) = x >> (t + 2)

where the 1 makes up for two roundings downwards, on average. A stage of radix 4 adds turned numbers to a >> 2; the
first stage has no twiddles: sums, divided by the radix where it is `scaled`. The split of two real transforms gives
half of what it gives in 16 bits: with E2 = Z + R, O2 = Z - R (see `spectrum`), X = (E2 >> 2) + turned(O2, -i w).
"""

from __future__ import annotations

import numpy as np

from .transform import Complex, join, twiddles


def turned(z: Complex, w: Complex, bits: int) -> Complex:
    """A quarter of z * w, for w of `bits` bits behind the point."""
    by = bits + 2
    re = (z[0] * w[0] >> by) + (z[1] * -w[1] >> by) + 1
    return re, (z[1] * w[0] >> by) + (z[0] * w[1] >> by) + 1


def wide_stage(x: Complex, radix: int, size: int, bits: int, *, scaled: bool = True) -> Complex:
    """As `transform.stage`."""
    shape = x[0].shape
    blocks = [part.reshape(*shape[:-1], -1, radix, size) for part in x]
    terms = [(blocks[0][..., m, :], blocks[1][..., m, :]) for m in range(radix)]
    if size == 1:
        down = radix.bit_length() - 1 if scaled else 0
        sums = [(re >> down, im >> down) for re, im in join(terms)]
    else:
        re, im = twiddles(radix * size, radix * size, bits)
        at = np.arange(size)
        rest = [turned(term, (re[m * at], im[m * at]), bits) for m, term in enumerate(terms) if m]
        sums = join([(terms[0][0] >> 2, terms[0][1] >> 2), *rest])
    return np.stack([s[0] for s in sums], -2).reshape(shape), np.stack([s[1] for s in sums], -2).reshape(shape)
