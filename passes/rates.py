"""Instructions that each term of the cost models takes (conv_terms, runs_costs, dense_costs), by what a core has.

Non-negative least squares of relative errors over some 450 layers a core (of one to 24 channels, one to 784 inputs),
chains of which were run on emulated cores (zig -O2; -Os on RV32EC and, by gcc, on AVR). Nothing stands for 0.
"""

from __future__ import annotations

from collections.abc import Mapping

Rates = Mapping[str, float]

# Cortex-M4: unaligned loads, the DSP extension. Cortex-M3, M7, M33 and M55 differ little.
_UNALIGNED: Rates = {
    "binary_8": 84, "binary_word": 14.5, "byte": 8.31, "byte_call": 34.6, "byte_line": 11.8, "byte_row": 122,
    "code": 2.1, "code_far": 0.394, "code_pixel": 1.16, "code_row": 40.1, "counted_8": 45, "counted_word": 9,
    "dense_16": 108, "dense_bit": 12.1, "dense_byte": 3.31, "dense_byte_row": 10.1, "dense_call": 18.8,
    "dense_code": 1.99, "dense_code_32": 36.5, "dense_other": 76, "dense_plain": 7.64, "dense_rice": 43.5,
    "dense_rice_bit": 2.48, "dense_rice_row": 28.2, "dense_scaled": 8.89, "dense_search": 0.687, "dense_shared":
    2.07, "dense_step": 9.6, "lane_channel": 192, "lane_drain": 56.5, "lane_entry": 1.68, "lane_entry_scaled":
    14.4, "lane_put": 6.88, "lane_put_2": 9.37, "lane_put_many": 2.31, "lane_row": 143, "lane_scaled": 7.66,
    "lane_search": 18, "lane_step": 3.86, "lane_tabled": 753, "lane_tap": 5.26, "lane_wide": 3.84,
    "lane_wide_row": 463, "lane_widen": 17.5, "lane_word": 2.16, "line_more": 4.65, "line_one": 2.04,
    "line_ragged": 3.4, "line_row": 7.03, "look_more": 13.9, "look_ragged": 3.48, "look_row": 3.33, "look_sum":
    16.1, "pack": 3.36, "pair_1": 5.57, "pair_any": 15.9, "pair_line": 23.8, "pair_one": 6.17, "pair_one_line":
    21.4, "pair_row": 253, "pair_split": 16.6, "pair_weight": 5.08, "plane_16": 133, "plane_row": 30.4, "rice":
    79.3, "rice_bit": 4.54, "rice_channel": 198, "row": 65.4, "run": 49.6, "run_channel": 226, "run_copied":
    4.47, "run_entry": 1.13, "run_halved": 4.87, "run_listed": 10.9, "run_rest": 3.29, "run_row": 8.45,
    "run_stepped": 15.5, "run_tables": 22.5, "run_tap": 11.8, "run_tile": 98.3, "scaled": 14.4, "search": 6.56,
    "sparse": 2.99, "sparse_32": 111, "sparse_list": 8.2, "step": 6.29, "table_level": 26.2, "tap": 4.46,
    "tap_pixel": 21.5, "tap_row": 145, "ternary_8": 92.7, "ternary_word": 16.6, "vector": 10, "vector_16": 77,
    "vector_8": 14, "vector_rows": 85, "vertical_128": 180, "vertical_16": 139, "vertical_16_128": 205,
    "vertical_32": 55, "vertical_call": 166, "vertical_digit": 24.4, "vertical_input": 5.82, "vertical_sums":
    224,
}  # fmt: skip
# Cortex-M0+: aligned words, eight registers that most instructions reach.
_ALIGNED: Rates = {
    "binary_8": 130, "binary_word": 24.3, "byte": 10.3, "byte_call": 50.9, "byte_line": 15.4, "byte_pixel":
    11.2, "byte_row": 47, "code": 3.18, "code_pixel": 7.4, "dense_16": 80.9, "dense_bit": 16.5, "dense_byte":
    6.02, "dense_byte_row": 55.1, "dense_call": 4.89, "dense_code": 1.71, "dense_code_32": 86.6,
    "dense_code_far": 0.617, "dense_code_row": 1.89, "dense_other": 95, "dense_plain": 10, "dense_rice": 62.2,
    "dense_rice_bit": 2.42, "dense_rice_row": 46.2, "dense_scaled": 28.9, "dense_search": 8.59, "dense_step":
    11.7, "lane_band": 343, "lane_channel": 533, "lane_chunk": 121, "lane_drain": 12.5, "lane_entry": 3.3,
    "lane_entry_scaled": 13.7, "lane_put": 3.22, "lane_put_2": 3.28, "lane_put_many": 14.9, "lane_row": 690,
    "lane_scaled": 5.66, "lane_search": 17.5, "lane_shift": 4.67, "lane_tabled": 18.2, "lane_tap": 3.8,
    "lane_wide": 16.9, "lane_wide_row": 2030, "lane_widen": 10.1, "lane_word": 4.37, "look_chunk": 21.6,
    "look_ragged": 20.5, "look_row": 13, "look_sum": 41.8, "pack": 4.04, "pair_1": 23.2, "pair_any": 26.2,
    "pair_block": 15.8, "pair_line": 49.4, "pair_one": 7.15, "pair_one_line": 31, "pair_row": 39.4,
    "pair_split": 38.4, "pair_weight": 11.4, "plane_16": 191, "plane_row": 32.2, "rice": 117, "rice_bit": 0.551,
    "rice_channel": 492, "row": 141, "run": 211, "run_channel": 151, "run_entry": 2.08, "run_entry_scaled":
    18.6, "run_halved": 16.1, "run_listed": 11.8, "run_rest": 2.5, "run_row": 25.2, "run_shifted": 3.94,
    "run_stepped": 12.3, "run_tables": 327, "run_tap": 11.9, "run_tile": 21.7, "scaled": 12.5, "sparse": 2.98,
    "sparse_32": 231, "sparse_list": 16.9, "step": 11.3, "table_level": 26.8, "tap": 5.08, "tap_pixel": 35.1,
    "tap_row": 131, "ternary_8": 141, "ternary_word": 26.3, "vertical_16": 203, "vertical_32": 63,
    "vertical_call": 188, "vertical_digit": 28, "vertical_input": 8.96, "vertical_sums": 396,
}  # fmt: skip
# RV32IMC: aligned words, 31 registers.
_MANY_REGISTERS: Rates = {
    "binary_8": 91.1, "binary_word": 19.1, "byte": 6.66, "byte_call": 15, "byte_line": 12.9, "byte_row": 75.4,
    "code": 2.24, "code_channel": 0.569, "code_pixel": 1.39, "code_row": 37.4, "dense_16": 153, "dense_bit":
    6.38, "dense_byte": 5.06, "dense_byte_row": 15.7, "dense_call": 27.9, "dense_code": 2.23, "dense_code_32":
    81.7, "dense_code_far": 0.0482, "dense_other": 95, "dense_plain": 8.19, "dense_rice": 33.2,
    "dense_rice_bit": 2.07, "dense_rice_row": 33.5, "dense_scaled": 14.2, "dense_search": 3.33, "dense_step":
    7.42, "lane_band": 253, "lane_channel": 250, "lane_chunk": 89.8, "lane_drain": 6.44, "lane_entry": 2.37,
    "lane_entry_scaled": 9.43, "lane_put": 4.47, "lane_put_2": 5.06, "lane_put_many": 13.6, "lane_row": 615,
    "lane_search": 4.05, "lane_shift": 2.74, "lane_tabled": 88.8, "lane_tap": 5.26, "lane_wide": 12.2,
    "lane_wide_row": 1470, "lane_widen": 14, "lane_word": 3.1, "look_chunk": 5.07, "look_more": 9.29,
    "look_one": 3.44, "look_ragged": 4.6, "look_row": 23, "look_sum": 16.6, "pack": 3.79, "pair_1": 14.8,
    "pair_3": 6.94, "pair_any": 19, "pair_block": 93.7, "pair_line": 14.7, "pair_one": 7.14, "pair_one_line":
    12.9, "pair_row": 161, "pair_split": 2.68, "pair_weight": 19.3, "plane_16": 210, "plane_row": 30.1, "rice":
    60.4, "rice_bit": 2.49, "rice_channel": 414, "row": 59, "run": 115, "run_channel": 131, "run_copied": 2.53,
    "run_entry": 1.1, "run_entry_scaled": 11.6, "run_halved": 11.6, "run_listed": 8.29, "run_rest": 1.28,
    "run_row": 14.3, "run_shifted": 4.01, "run_stepped": 17.5, "run_tables": 88, "run_tap": 23.4, "run_tile":
    99.3, "scaled": 15.9, "search": 7.75, "sparse": 4.02, "sparse_32": 172, "sparse_list": 27.7, "step": 6.94,
    "table_level": 16.6, "tap": 5.62, "tap_pixel": 15.8, "tap_row": 119, "ternary_8": 119, "ternary_word": 22.1,
    "vertical_16": 65.5, "vertical_32": 143, "vertical_digit": 66.9, "vertical_input": 6.66, "vertical_sums":
    295,
}  # fmt: skip
# RV32EC, for size: every multiplication is a call, whose loop turns once for each digit of a factor.
_SOFTWARE: Rates = {
    "binary_8": 214, "binary_word": 33, "byte": 13.1, "byte_call": 48.7, "byte_line": 20.7, "byte_row": 391,
    "byte_turn": 7.21, "code": 3.58, "code_pixel": 11.7, "code_row": 10.2, "dense_byte": 13.7, "dense_byte_row":
    22, "dense_byte_turn": 6.9, "dense_call": 93.7, "dense_code": 3.04, "dense_code_far": 0.0333, "dense_other":
    150, "dense_plain": 24.9, "dense_rice": 43.3, "dense_rice_bit": 2.68, "dense_rice_row": 37.5,
    "dense_scaled": 128, "dense_search": 119, "dense_step": 19.4, "end_turn": 6.61, "lane_channel": 1440,
    "lane_chunk": 379, "lane_put": 8.86, "lane_put_2": 12.7, "lane_put_many": 8.31, "lane_row": 4130,
    "lane_step": 61, "lane_tap": 4.52, "lane_widen": 170, "lane_word": 2.14, "pack": 5.61, "pair_1": 60.8,
    "pair_3": 42.4, "pair_any": 64.3, "pair_block": 354, "pair_line": 11.5, "pair_one": 10.7, "pair_one_line":
    43, "pair_row": 61.5, "pair_turn": 7.03, "pair_weight": 20, "plane_16": 231, "plane_row": 54, "rice": 87.5,
    "rice_channel": 778, "row": 93.3, "scaled": 22.9, "search": 19, "sparse": 3.82, "sparse_32": 219,
    "sparse_list": 30.2, "step": 20.1, "tap": 5.81, "tap_pixel": 51.7, "tap_row": 303, "ternary_8": 146,
    "ternary_word": 28.4, "vertical_16": 80.4, "vertical_digit": 218, "vertical_input": 1.64,
}  # fmt: skip
# AVR, for size: a word takes four registers, and four instructions for each of anyone else's.
_EIGHT_BIT: Rates = {
    "binary_8": 567, "binary_word": 72.2, "byte": 62, "byte_call": 169, "byte_line": 90.8, "byte_row": 338,
    "code": 4.09, "code_channel": 157, "dense_16": 312, "dense_bit": 21.7, "dense_byte": 26.5, "dense_byte_row":
    93.3, "dense_code": 7.06, "dense_code_far": 1.21, "dense_code_row": 29.1, "dense_other": 300, "dense_plain":
    19.3, "dense_rice": 402, "dense_rice_bit": 18.1, "dense_rice_row": 168, "dense_scaled": 149, "dense_search":
    233, "dense_step": 54, "pack": 98.7, "pair_1": 201, "pair_3": 215, "pair_any": 225, "pair_block": 165,
    "pair_line": 78.4, "pair_one": 70.9, "pair_one_line": 77, "pair_row": 242, "pair_split": 78.5,
    "pair_weight": 141, "plane_16": 626, "plane_row": 168, "row": 506, "scaled": 182, "search": 72.5, "sparse":
    12.5, "sparse_32": 717, "sparse_list": 66.2, "step": 51.5, "tap": 12.8, "tap_pixel": 143, "tap_row": 577,
    "ternary_8": 647, "ternary_word": 80.7, "vertical_16": 283, "vertical_32": 545, "vertical_call": 229,
    "vertical_digit": 373, "vertical_input": 27.8, "vertical_sums": 1220,
}  # fmt: skip


def rates_of(features: frozenset[str]) -> Rates:
    """The rates of the core that has `features`."""
    if "eight_bit" in features:
        return _EIGHT_BIT
    if "software_multiply" in features:
        return _SOFTWARE
    if "unaligned" in features:
        return _UNALIGNED
    return _MANY_REGISTERS if "many_registers" in features else _ALIGNED
