"""The C kernels: hand-written C99 files, shipped as they are. `sources` picks the ones that a program needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files

_INCLUDE = re.compile(r'^#include "(cardc_\w+\.h)"$', re.MULTILINE)
_CALL = re.compile(r"\b(cardc_\w+)\(")

# Which file defines each function. A test compares this with what the compiler puts into each object file.
FILE_OF = {
    "cardc_add": "cardc_join.c",
    "cardc_add_bytes": "cardc_add_bytes.c",
    "cardc_add_logits": "cardc_deck.c",
    "cardc_add_softmax": "cardc_deck.c",
    "cardc_add_wide": "cardc_join_wide.c",
    "cardc_argmax_channels": "cardc_join.c",
    "cardc_argmax_channels_wide": "cardc_join_wide.c",
    "cardc_argmax_i16": "cardc_argmax.c",
    "cardc_argmax_i32": "cardc_argmax.c",
    "cardc_argmax_i64": "cardc_join_wide.c",
    "cardc_argmax_u8": "cardc_argmax.c",
    "cardc_conv_int8": "cardc_conv_int8.c",
    "cardc_conv_lanes": "cardc_conv_lanes.c",
    "cardc_conv_long": "cardc_conv_long.c",
    "cardc_conv_pairs": "cardc_conv_pairs.c",
    "cardc_conv_patches": "cardc_conv_patches.c",
    "cardc_conv_rice": "cardc_conv_rice.c",
    "cardc_conv_runs": "cardc_conv_runs.c",
    "cardc_conv_stacked": "cardc_conv_stacked.c",
    "cardc_conv_straight": "cardc_conv_straight.c",
    "cardc_conv_taps": "cardc_conv_taps.c",
    "cardc_conv_vectors": "cardc_conv_vectors.c",
    "cardc_conv_wide": "cardc_conv_wide.c",
    "cardc_copy": "cardc_layout.c",
    "cardc_dense_binary": "cardc_dense_binary.c",
    "cardc_dense_int8": "cardc_dense_int8.c",
    "cardc_dense_rice": "cardc_dense_rice.c",
    "cardc_dense_sparse": "cardc_dense_sparse.c",
    "cardc_dense_ternary": "cardc_dense_ternary.c",
    "cardc_dense_vertical": "cardc_dense_vertical.c",
    "cardc_dense_vertical_bits": "cardc_dense_vertical.c",
    "cardc_dense_wide": "cardc_dense_wide.c",
    "cardc_end_rows": "cardc_rows.c",
    "cardc_fft_first2": "cardc_fft.c",
    "cardc_fft_first2_scaled": "cardc_fft.c",
    "cardc_fft_first4": "cardc_fft.c",
    "cardc_fft_first4_scaled": "cardc_fft.c",
    "cardc_fft_radix4": "cardc_fft.c",
    "cardc_fft_wide_first2": "cardc_fft_wide.c",
    "cardc_fft_wide_first2_scaled": "cardc_fft_wide.c",
    "cardc_fft_wide_first4": "cardc_fft_wide.c",
    "cardc_fft_wide_first4_scaled": "cardc_fft_wide.c",
    "cardc_fft_wide_radix4": "cardc_fft_wide.c",
    "cardc_fill": "cardc_join.c",
    "cardc_fill_border": "cardc_layout.c",
    "cardc_fill_rows": "cardc_rows.c",
    "cardc_fill_wide": "cardc_join_wide.c",
    "cardc_finish_i16": "cardc_finish.c",
    "cardc_finish_i32": "cardc_finish.c",
    "cardc_finish_one": "cardc_finish.c",
    "cardc_finish_outputs": "cardc_finish_outputs.c",
    "cardc_finish_row": "cardc_finish.c",
    "cardc_finish_table": "cardc_finish.c",
    "cardc_finish_u8": "cardc_finish.c",
    "cardc_gate_feed_i8": "cardc_gate.c",
    "cardc_gate_feed_u8": "cardc_gate.c",
    "cardc_gate_powers": "cardc_gate_values.c",
    "cardc_gate_scores": "cardc_gate_values.c",
    "cardc_gate_values": "cardc_gate_values.c",
    "cardc_gate_wide_constant": "cardc_gate_wide_values.c",
    "cardc_gate_wide_dot": "cardc_gate_wide_values.c",
    "cardc_gate_wide_feed_i8": "cardc_gate_wide.c",
    "cardc_gate_wide_feed_u8": "cardc_gate_wide.c",
    "cardc_gate_wide_powers": "cardc_gate_wide_values.c",
    "cardc_gate_wide_values": "cardc_gate_wide_values.c",
    "cardc_load_f32": "cardc_load_f32.c",
    "cardc_load_f32_wide": "cardc_load_f32_wide.c",
    "cardc_load_i8": "cardc_load.c",
    "cardc_load_u8": "cardc_load.c",
    "cardc_load_wide": "cardc_load_wide.c",
    "cardc_lookup": "cardc_lookup.c",
    "cardc_max_windows": "cardc_join.c",
    "cardc_max_windows_wide": "cardc_join_wide.c",
    "cardc_maxpool": "cardc_maxpool.c",
    "cardc_move": "cardc_join.c",
    "cardc_move_wide": "cardc_join_wide.c",
    "cardc_next_rows": "cardc_rows.c",
    "cardc_pack_planes": "cardc_layout.c",
    "cardc_store": "cardc_finish.c",
    "cardc_sum_windows": "cardc_join.c",
    "cardc_sum_windows_wide": "cardc_join_wide.c",
    "cardc_top_channels": "cardc_join.c",
    "cardc_top_channels_wide": "cardc_join_wide.c",
    "cardc_wide_row": "cardc_finish_wide.c",
    "cardc_wide_tensor": "cardc_finish_wide.c",
}


def sources(functions: Iterable[str]) -> dict[str, str]:
    """The files (name -> text, sorted) that define `functions` and all that these need.

    Raises KeyError for a name that is no kernel: the caller's fault, not the user's.
    """
    wanted = sorted({FILE_OF[name] for name in functions})
    found: dict[str, str] = {}
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found[name] = text = files(__name__).joinpath(name).read_text(encoding="utf-8")
        wanted.extend(_INCLUDE.findall(text))
        if name.endswith(".c"):
            wanted.extend(FILE_OF[f] for f in _CALL.findall(text) if f in FILE_OF)
    return dict(sorted(found.items()))
