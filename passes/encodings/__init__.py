"""Weight encodings: integer weights to the arrays that the C kernels read, and exactly back.

One module an encoding, each with `encode(w, ...)`, `decode(encoded, ...)` and `size_bytes(encoded)`, in plain numpy.
`fold` turns what follows a layer (thresholds, requantisation, affine) into numbers about the kernel's own sum.
"""
