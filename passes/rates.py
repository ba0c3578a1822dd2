"""Instructions that each term of the cost models takes (conv_terms, runs_costs, dense_costs), by what a core has.

Non-negative least squares of relative errors over some 450 layers a core (of one to 24 channels, one to 784 inputs),
chains of which were run on emulated cores (zig -O2; -Os on RV32EC and, by gcc, on AVR). Nothing stands for 0.
"""

from __future__ import annotations

from collections.abc import Mapping

Rates = Mapping[str, float]

# Cortex-M4: unaligned loads, the DSP extension. Cortex-M3, M7, M33 and M55 differ little.
_UNALIGNED: Rates = {
    "binary_8": 84, "binary_word": 14.5, "byte": 8.32, "byte_call": 35, "byte_line": 11.7, "byte_row": 104,
    "code": 2.1, "code_far": 0.391, "code_row": 29.5, "dense_16": 108, "dense_bit": 12.1, "dense_byte": 3.31,
    "dense_byte_row": 10.1, "dense_call": 18.8, "dense_code": 1.99, "dense_code_32": 36.5, "dense_other": 76,
    "dense_plain": 7.64, "dense_rice": 26.2, "dense_rice_bit": 1.77, "dense_rice_row": 12.5, "dense_scaled":
    8.89, "dense_search": 0.687, "dense_shared": 2.07, "dense_step": 9.6, "lane_channel": 191, "lane_drain":
    56.7, "lane_entry": 1.73, "lane_entry_scaled": 14.1, "lane_put": 6.95, "lane_put_2": 9.42, "lane_put_many":
    2.33, "lane_row": 143, "lane_scaled": 7.63, "lane_search": 18, "lane_step": 3.87, "lane_tabled": 758,
    "lane_tap": 5.25, "lane_wide": 3.84, "lane_wide_row": 462, "lane_widen": 17.4, "lane_word": 2.16,
    "line_more": 0.396, "line_ragged": 4.99, "line_row": 7.2, "look_more": 2.81, "look_ragged": 2.12,
    "look_row": 1.54, "look_sum": 11.3, "pack": 3.36, "pair_1": 5.98, "pair_any": 15.9, "pair_line": 23.9,
    "pair_one": 6.15, "pair_one_line": 21.4, "pair_row": 239, "pair_split": 14, "pair_weight": 5.15, "plane_16":
    133, "plane_row": 30.4, "rice": 16.3, "rice_byte": 10.3, "rice_bytes": 26.3, "rice_channel": 265,
    "rice_chunk": 59.1, "rice_code": 3.59, "rice_row": 63.2, "rice_scaled": 12.6, "rice_search": 2.96,
    "rice_step": 7.33, "rice_tap": 18.5, "rice_tile": 59.1, "row": 75.8, "run": 11, "run_channel": 176,
    "run_copied": 1.09, "run_entry": 1.2, "run_halved": 3.02, "run_listed": 12.8, "run_rest": 3.8, "run_row":
    8.87, "run_stepped": 13.2, "run_tables": 138, "run_tap": 11.6, "run_tile": 141, "scaled": 15.6, "search":
    7.88, "sparse": 2.99, "sparse_32": 111, "sparse_list": 8.2, "step": 6.26, "table_level": 23.6, "tap": 4.46,
    "tap_pixel": 20.3, "tap_row": 134, "ternary_8": 92.7, "ternary_word": 16.6, "vector": 10, "vector_16": 77,
    "vector_8": 14, "vector_rows": 85, "vertical_128": 180, "vertical_16": 139, "vertical_16_128": 205,
    "vertical_32": 55, "vertical_call": 166, "vertical_digit": 24.4, "vertical_input": 5.82, "vertical_sums":
    224,
}  # fmt: skip
# Cortex-M0+: aligned words, eight registers that most instructions reach.
_ALIGNED: Rates = {
    "binary_8": 130, "binary_word": 24.3, "byte": 10.3, "byte_call": 50.9, "byte_line": 15.4, "byte_pixel":
    5.24, "byte_row": 128, "code": 3.18, "code_pixel": 1.49, "code_row": 80.6, "dense_16": 80.9, "dense_bit":
    16.5, "dense_byte": 6.02, "dense_byte_row": 55.1, "dense_call": 4.89, "dense_code": 1.71, "dense_code_32":
    86.6, "dense_code_far": 0.617, "dense_code_row": 1.89, "dense_other": 95, "dense_plain": 10, "dense_rice":
    29.4, "dense_rice_bit": 2.01, "dense_rice_row": 20.2, "dense_scaled": 28.9, "dense_search": 8.59,
    "dense_step": 11.7, "lane_band": 351, "lane_channel": 534, "lane_chunk": 121, "lane_drain": 12.7,
    "lane_entry": 3.3, "lane_entry_scaled": 13.5, "lane_put": 3.1, "lane_put_2": 3.16, "lane_put_many": 14.8,
    "lane_row": 682, "lane_scaled": 5.65, "lane_search": 17.5, "lane_shift": 4.73, "lane_tabled": 6.97,
    "lane_tap": 3.78, "lane_wide": 16.9, "lane_wide_row": 2040, "lane_widen": 10.1, "lane_word": 4.37,
    "look_chunk": 16.1, "look_one": 2.2, "look_ragged": 10.8, "look_row": 36.6, "look_sum": 42.9, "pack": 4.04,
    "pair_1": 22.9, "pair_any": 26.3, "pair_line": 49.3, "pair_one": 7.3, "pair_one_line": 31, "pair_row": 209,
    "pair_split": 31.5, "pair_weight": 10.9, "plane_16": 191, "plane_row": 32.2, "rice": 31.2, "rice_byte":
    11.5, "rice_bytes": 14, "rice_channel": 506, "rice_chunk": 107, "rice_code": 4.68, "rice_half": 27.6,
    "rice_row": 70.9, "rice_scaled": 8.93, "rice_search": 5.12, "rice_step": 11.1, "rice_tile": 172, "row": 60,
    "run": 182, "run_channel": 288, "run_entry": 2.03, "run_entry_scaled": 15.7, "run_halved": 13.4,
    "run_listed": 12.2, "run_rest": 4.13, "run_row": 25, "run_shifted": 2.42, "run_stepped": 11.8, "run_tables":
    115, "run_tap": 12.9, "run_tile": 58.2, "scaled": 18.4, "search": 5.65, "sparse": 2.98, "sparse_32": 231,
    "sparse_list": 16.9, "step": 11.4, "table_level": 25.3, "tap": 5.08, "tap_pixel": 29.2, "tap_row": 211,
    "ternary_8": 141, "ternary_word": 26.3, "vertical_16": 203, "vertical_32": 63, "vertical_call": 188,
    "vertical_digit": 28, "vertical_input": 8.96, "vertical_sums": 396,
}  # fmt: skip
# RV32IMC: aligned words, 31 registers.
_MANY_REGISTERS: Rates = {
    "binary_8": 91.4, "binary_word": 19.2, "byte": 6.66, "byte_call": 15.2, "byte_line": 12.9, "byte_row": 98.6,
    "code": 2.24, "code_channel": 0.606, "code_pixel": 0.842, "code_row": 64.3, "counted_binary_8": 41.1,
    "counted_binary_word": 7.45, "counted_row": 24.5, "counted_ternary_8": 56.2, "counted_ternary_word": 10.2,
    "dense_16": 217, "dense_bit": 8.37, "dense_byte": 5.1, "dense_byte_row": 7.91, "dense_code": 1.64,
    "dense_code_32": 25.4, "dense_code_long": 0.731, "dense_code_row": 6.23, "dense_other": 95, "dense_plain":
    9.53, "dense_rice": 19.1, "dense_rice_bit": 1.68, "dense_rice_row": 17.4, "dense_scaled": 15.3,
    "dense_search": 2.82, "dense_step": 7.95, "lane_band": 256, "lane_channel": 249, "lane_chunk": 89.8,
    "lane_drain": 6.43, "lane_entry": 2.37, "lane_entry_scaled": 9.37, "lane_put": 4.44, "lane_put_2": 5.03,
    "lane_put_many": 13.6, "lane_row": 613, "lane_search": 4.05, "lane_shift": 2.76, "lane_tabled": 85.8,
    "lane_tap": 5.25, "lane_wide": 12.2, "lane_wide_row": 1470, "lane_widen": 14, "lane_word": 3.09,
    "look_chunk": 3.98, "look_more": 4.71, "look_one": 2.48, "look_ragged": 1.43, "look_row": 25.3, "look_sum":
    20.4, "pack": 3.82, "pair_1": 14.4, "pair_3": 7.02, "pair_any": 19.1, "pair_block": 88.7, "pair_line": 14.4,
    "pair_one": 7.19, "pair_one_line": 13, "pair_row": 211, "pair_split": 3.49, "pair_weight": 19, "plane_16":
    196, "plane_row": 30, "rice": 17.9, "rice_byte": 11.5, "rice_bytes": 20, "rice_channel": 336, "rice_chunk":
    82.8, "rice_code": 1.97, "rice_half": 19.6, "rice_row": 57.5, "rice_scaled": 8.81, "rice_search": 4.97,
    "rice_step": 6.94, "rice_tile": 135, "row": 32.1, "run": 58.6, "run_channel": 184, "run_copied": 2.72,
    "run_entry": 1.12, "run_entry_scaled": 10.9, "run_halved": 10.8, "run_listed": 11.1, "run_rest": 1.23,
    "run_row": 13.1, "run_shifted": 4.7, "run_stepped": 17.9, "run_tables": 65.7, "run_tap": 22.4, "run_tile":
    134, "scaled": 16.4, "search": 8.33, "sparse": 4.03, "sparse_32": 187, "sparse_list": 26.4, "step": 6.93,
    "table_level": 16.2, "tap": 5.62, "tap_pixel": 15.3, "tap_row": 146, "ternary_8": 119, "ternary_word": 22.1,
    "vertical_16": 143, "vertical_32": 59.5, "vertical_call": 214, "vertical_digit": 25, "vertical_input": 7.29,
    "vertical_output": 1.7, "vertical_sums": 381, "vertical_total": 16.1,
}  # fmt: skip
# RV32EC, for size: every multiplication is a call, whose loop turns once for each digit of a factor.
_SOFTWARE: Rates = {
    "binary_8": 111, "binary_word": 28.8, "byte": 15.7, "byte_call": 51.8, "byte_line": 19.9, "byte_pixel":
    22.8, "byte_row": 136, "byte_turn": 7, "code": 2.01, "code_channel": 66.1, "code_long": 1.77, "code_pixel":
    15.3, "dense_16": 89.7, "dense_bit": 9.31, "dense_byte": 13.5, "dense_byte_row": 25.6, "dense_byte_turn": 7,
    "dense_code": 1.69, "dense_code_32": 72.3, "dense_code_far": 0.00614, "dense_code_long": 2.11,
    "dense_code_row": 0.829, "dense_other": 150, "dense_plain": 41.2, "dense_rice": 28.6, "dense_rice_bit": 1.9,
    "dense_rice_row": 12, "dense_scaled": 44.7, "dense_search": 114, "dense_step": 22.8, "end_turn": 7.55,
    "lane_band": 321, "lane_channel": 579, "lane_chunk": 119, "lane_drain": 81.8, "lane_entry": 3.15,
    "lane_entry_scaled": 12.8, "lane_put": 8.96, "lane_put_2": 17.2, "lane_put_many": 8.93, "lane_ragged": 4.23,
    "lane_row": 1120, "lane_search": 41.4, "lane_shift": 3.76, "lane_step": 9.46, "lane_tap": 8.53,
    "lane_widen": 57.1, "lane_word": 1.94, "pack": 5.75, "pair_1": 5.66, "pair_3": 42.8, "pair_any": 63.3,
    "pair_block": 317, "pair_one": 21.1, "pair_row": 960, "pair_turn": 7, "pair_weight": 18.7, "plane_16": 193,
    "plane_row": 51.1, "rice": 44.5, "rice_byte": 34.5, "rice_bytes": 45.8, "rice_channel": 374, "rice_chunk":
    111, "rice_code": 8.69, "rice_half": 20.8, "rice_scaled": 85.7, "rice_search": 37.4, "rice_step": 22.1,
    "rice_tile": 311, "rice_turn": 7.04, "row": 140, "scaled": 26.2, "search": 18, "sparse": 4.13, "sparse_32":
    156, "sparse_list": 23.9, "step": 19.7, "table_level": 14.8, "tap": 5.73, "tap_pixel": 54.2, "tap_row": 264,
    "ternary_8": 156, "ternary_word": 29.5, "vertical_16": 177, "vertical_32": 74.9, "vertical_call": 210,
    "vertical_digit": 28.5, "vertical_input": 7.75, "vertical_output": 4.54, "vertical_sums": 414,
    "vertical_total": 17.3,
}  # fmt: skip
# AVR, for size: a word takes four registers, and four instructions for each of anyone else's.
_EIGHT_BIT: Rates = {
    "binary_8": 568, "binary_word": 70.7, "byte": 62, "byte_call": 169, "byte_line": 90.8, "byte_row": 338,
    "code": 4.09, "code_channel": 157, "dense_16": 286, "dense_bit": 18.1, "dense_byte": 26.5, "dense_byte_row":
    99.1, "dense_code": 6.51, "dense_code_far": 1.75, "dense_code_long": 0.238, "dense_code_row": 35.3,
    "dense_other": 300, "dense_plain": 13.8, "dense_rice": 346, "dense_rice_bit": 16, "dense_rice_row": 132,
    "dense_scaled": 147, "dense_search": 243, "dense_step": 53.3, "pack": 98.7, "pair_1": 201, "pair_3": 215,
    "pair_any": 225, "pair_block": 165, "pair_line": 78.4, "pair_one": 70.9, "pair_one_line": 77, "pair_row":
    242, "pair_split": 78.5, "pair_weight": 141, "plane_16": 647, "plane_row": 170, "row": 506, "scaled": 182,
    "search": 72.5, "sparse": 12.4, "sparse_32": 714, "sparse_list": 71, "step": 51.5, "tap": 12.8, "tap_pixel":
    143, "tap_row": 577, "ternary_8": 646, "ternary_word": 79.2, "vertical_16": 673, "vertical_32": 175,
    "vertical_call": 1020, "vertical_digit": 78.3, "vertical_input": 30.3, "vertical_output": 30.6,
    "vertical_sums": 2740, "vertical_total": 69,
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
