"""A small convolutional card, as ONNX text."""

from __future__ import annotations

QUANT = 'narrow: int = 0, rounding_mode: string = "ROUND">'
CARD = f"""
card (float[1,1,4,4] x) => (float[1,2] y)
<float s = {{0.5}}, float z = {{0}}, float b = {{3}}, float ws = {{0.25}}, int64[2] flat = {{1, -1}},
 float[2,1,3,3] w = {{1,-1,1,1,-1,1,1,1,1, 1,-1,1,1,-1,1,1,1,1}},
 float[8,2] v = {{1,-1,1,1,1,-1,-1,-1, 1,-1,1,1,1,-1,-1,-1}}>
{{
  xq = Quant<signed: int = 0, {QUANT}(x, s, z, b)
  wq = BipolarQuant(w, ws)
  a = Conv<kernel_shape: ints = [3,3], pads: ints = [1,1,1,1]>(xq, wq)
  r = Relu(a)
  c = Quant<signed: int = 0, {QUANT}(r, s, z, b)
  p = MaxPool<kernel_shape: ints = [2,2], strides: ints = [2,2]>(c)
  f = Reshape(p, flat)
  vq = BipolarQuant(v, ws)
  y = MatMul(f, vq)
}}
"""
