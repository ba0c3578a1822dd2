"""Instructions that each term of the cost models takes (conv_terms, runs_costs, dense_costs), by what a core has.

Non-negative least squares of relative errors over some 450 layers a core (of one to 24 channels, one to 784 inputs),
chains of which were run on emulated cores (zig -O2; -Os on RV32EC and, by gcc, on AVR). Nothing stands for 0.
"""

from __future__ import annotations

from collections.abc import Mapping

Rates = Mapping[str, float]

# Cortex-M4: unaligned loads, the DSP extension. Cortex-M7 and M33 count alike.
_UNALIGNED: Rates = {
    "add": 292, "add_call": 30.2, "add_each": 14.8, "add_look": 21.6, "add_look_2": 25.1, "add_rest": 5.93,
    "add_row": 37.2, "argmax": 19.2, "binary_8": 82.9, "binary_word": 14, "border_channel": 44.8, "border_gap":
    4.91, "border_gap_byte": 3.47, "border_word": 9.53, "byte": 8.49, "byte_call": 32.4, "byte_line": 11.7,
    "byte_pixel": 2.27, "byte_row": 67.6, "code": 1.99, "code_channel": 87.3, "code_far": 0.326, "code_pixel":
    5.98, "copy_byte": 2.7, "copy_word": 3.23, "dense_16": 148, "dense_bit": 8.15, "dense_byte": 3.28,
    "dense_byte_row": 36.3, "dense_call": 67, "dense_code": 1.62, "dense_code_32": 41.6, "dense_code_further":
    0.168, "dense_code_long": 0.409, "dense_code_row": 4.71, "dense_other": 76, "dense_plain": 3.92,
    "dense_rice": 26.3, "dense_rice_bit": 1.81, "dense_rice_row": 11.9, "dense_scaled": 2.84, "dense_search":
    4.88, "dense_shared": 31, "dense_shared_row": 25.5, "dense_step": 7.82, "dense_step_wide": 19.7,
    "dense_thresholds_wide": 39.9, "lane_band": 21.6, "lane_channel": 73.1, "lane_chunk": 195, "lane_drain":
    47.2, "lane_entry": 0.889, "lane_entry_scaled": 12, "lane_put": 3, "lane_put_2": 4.63, "lane_put_many":
    10.4, "lane_ragged": 4.18, "lane_row": 134, "lane_scaled": 11.1, "lane_tabled": 350, "lane_tap": 5.41,
    "lane_wide": 4.52, "lane_wide_row": 383, "lane_word": 2.18, "line_chunk": 7.12, "line_eight": 49.3,
    "line_half": 19.6, "line_pair": 19.5, "line_part": 4.4, "line_row": 0.0957, "line_single": 2.13,
    "line_word": 13.1, "load": 55.3, "load_four": 10.1, "load_one": 13.7, "load_row": 33.1, "load_wide_2": 35.5,
    "load_wide_4": 47.7, "long_band": 25, "long_channel": 25, "long_cleared": 5.88, "long_column": 69.1,
    "long_copied": 2.61, "long_double": 10, "long_each": 5.72, "long_four": 13.9, "long_layer": 602,
    "long_line": 9.93, "long_part": 11, "long_sums": 1, "long_weight": 0.0282, "long_word": 44.5, "look_1":
    8.11, "look_16": 54.3, "look_4": 14.1, "look_half_1": 12.3, "look_half_4": 15.9, "look_row": 9.68,
    "look_sum_1": 7.05, "look_sum_8": 50.3, "move_row": 11.9, "moved": 54.5, "pack": 3.7, "pair_1": 11.1,
    "pair_3_1": 3.84, "pair_3_2": 5.25, "pair_any": 16.9, "pair_block": 81.1, "pair_channel": 31.2,
    "pair_layer": 165, "pair_line": 7.92, "pair_one": 3.64, "pair_one_line": 27.2, "pair_row": 37.5,
    "pair_split": 13.5, "pair_weight": 9.75, "plane_16": 136, "plane_row": 31.5, "pool_half": 14, "pool_line":
    14.4, "pool_one": 43.1, "pool_row": 67.9, "pool_tap": 4.8, "rice": 16.9, "rice_bit": 8.27, "rice_byte":
    10.7, "rice_bytes": 37.9, "rice_channel": 245, "rice_chunk": 45.2, "rice_code": 2.73, "rice_row": 78.3,
    "rice_scaled": 13.9, "rice_search": 4.95, "rice_step": 6.78, "rice_tap": 18.7, "rice_tile": 45.2, "row":
    90.6, "run": 140, "run_band": 172, "run_channel": 62.4, "run_copied_1": 8.45, "run_each_byte": 9.37,
    "run_each_half": 21.3, "run_each_sum": 14.8, "run_entry": 0.746, "run_entry_scaled": 11.6, "run_gather": 22,
    "run_gathered": 2.25, "run_halved": 4.09, "run_halved_any": 8.1, "run_halved_any_row": 31.5,
    "run_halved_row": 26.9, "run_listed": 6.09, "run_shifted_1": 2.33, "run_shifted_4": 12.2, "run_shifted_row":
    18.2, "run_shifted_short": 0.556, "run_stepped": 8.02, "run_stepped_row": 21.1, "run_tables": 141,
    "run_tap": 13, "run_tile": 14, "scaled": 10.8, "scaled_wide": 39.5, "search_wide": 35.2, "sparse": 2.96,
    "sparse_32": 72.6, "sparse_list": 12.3, "step": 6.98, "step_call": 67.6, "step_wide": 8.79, "sum_1": 4.47,
    "sum_16": 12.5, "sum_4": 11, "sum_one": 57.4, "table_level": 15.6, "tap": 4.42, "tap_pixel": 25.4,
    "tap_row": 112, "ternary_8": 91, "ternary_word": 16.3, "vector": 10, "vector_16": 77, "vector_8": 14,
    "vector_rows": 85, "vertical_128": 180, "vertical_16": 137, "vertical_16_128": 205, "vertical_call": 161,
    "vertical_input": 6.84, "vertical_output": 12.1, "vertical_sum": 20.1, "wide_call": 61.1, "wide_dot_long":
    26.1, "wide_dot_short": 4.87, "wide_out": 90.3, "wide_row": 22.1, "wide_seen": 14.8, "wide_step": 12.5,
    "wide_tap_short": 5.38,
}  # fmt: skip
# Cortex-M3, which counts alike but where bytes are added to halves: in five instructions instead of three.
_WITHOUT_DSP: Rates = {**_UNALIGNED, "rice_tap": 29.6}
# Cortex-M55: loops that count without instructions of their own, vectors.
_VECTORS: Rates = {
    "add": 35, "add_call": 53.6, "add_channel": 24, "add_each": 11.2, "add_row": 9, "add_vector": 7, "argmax":
    18.9, "binary_8": 78.5, "binary_word": 12.8, "border": 248, "border_channel": 20.6, "border_gap": 19.2,
    "border_gap_byte": 2.24, "border_word": 3.1, "byte": 4.62, "byte_call": 18.4, "byte_line": 14.4,
    "byte_pixel": 2.2, "byte_row": 52.2, "code": 1.72, "code_channel": 167, "code_far": 0.195, "code_long":
    0.392, "code_pixel": 4.21, "code_row": 13.9, "copy_byte": 1.61, "copy_word": 2.93, "dense_16": 108,
    "dense_bit": 3.99, "dense_byte": 3.31, "dense_byte_row": 10.1, "dense_call": 0.218, "dense_code": 2.03,
    "dense_code_32": 60, "dense_code_row": 3.46, "dense_other": 76, "dense_plain": 0.327, "dense_rice": 24.5,
    "dense_rice_bit": 1.68, "dense_rice_row": 13.8, "dense_scaled": 4.25, "dense_shared": 2.07, "dense_step":
    8.36, "dense_step_wide": 16.4, "dense_thresholds_wide": 32.8, "lane_band": 36.6, "lane_channel": 406,
    "lane_chunk": 217, "lane_drain": 31.8, "lane_entry": 0.361, "lane_entry_scaled": 7.26, "lane_put": 2.87,
    "lane_put_2": 4.55, "lane_put_many": 30.9, "lane_ragged": 2.41, "lane_row": 65, "lane_scaled": 8.93,
    "lane_search": 18, "lane_step": 3.87, "lane_tap": 5.46, "lane_wide": 3.84, "lane_wide_row": 462,
    "lane_word": 2.18, "line_chunk": 17.6, "line_eight": 35.1, "line_pair": 22.6, "line_part": 6.6,
    "line_single": 4.94, "line_word": 11.8, "load": 58.7, "load_four": 9.83, "load_one": 14.5, "load_row": 30.6,
    "load_wide_2": 41.5, "load_wide_4": 60.7, "long_band": 30.2, "long_channel": 30.2, "long_cleared": 5.28,
    "long_column": 45.7, "long_copied": 3.67, "long_double": 10, "long_each": 4.47, "long_four": 15.6,
    "long_layer": 665, "long_line": 3.34, "long_part": 9.17, "long_sums": 1, "long_weight": 5.95, "long_word":
    25.5, "look_1": 1.76, "look_16": 50.6, "look_4": 25.1, "look_sum_1": 2.62, "look_sum_8": 39.8, "move_row":
    3.68, "moved": 60, "pack": 3.73, "pair_1": 10.3, "pair_3_1": 5.4, "pair_3_2": 6.53, "pair_any": 13.9,
    "pair_block": 77.5, "pair_channel": 22.4, "pair_line": 7.69, "pair_one": 3.16, "pair_one_line": 23.7,
    "pair_row": 64.1, "pair_split": 9.63, "pair_weight": 6.75, "plane_16": 178, "plane_row": 30.8, "pool_half":
    10.5, "pool_line": 12.4, "pool_one": 37.1, "pool_row": 68.1, "pool_tap": 4.12, "rice": 17.5, "rice_bit":
    7.13, "rice_byte": 8.94, "rice_bytes": 32.9, "rice_channel": 238, "rice_chunk": 44.5, "rice_code": 2.82,
    "rice_row": 66.1, "rice_scaled": 9.98, "rice_search": 4.67, "rice_step": 6.65, "rice_tap": 19.2,
    "rice_tile": 44.5, "row": 68, "run_band": 323, "run_channel": 170, "run_copied_1": 5.92, "run_copied_4":
    4.28, "run_copied_short": 5.63, "run_each_byte": 9.56, "run_each_half": 45.7, "run_each_sum": 14.7,
    "run_entry": 0.629, "run_entry_scaled": 70.4, "run_gather": 34.3, "run_gathered": 6.59, "run_halved": 3.02,
    "run_listed": 6.31, "run_shifted_1": 0.647, "run_shifted_4": 8.84, "run_shifted_row": 19.8, "run_stepped":
    2.96, "run_stepped_row": 27.2, "run_tables": 69.4, "run_tap": 13, "run_tile": 14, "scaled": 8.5,
    "search_wide": 12.4, "sparse": 2.96, "sparse_32": 166, "sparse_list": 10.9, "step": 7.1, "step_call": 38.5,
    "step_wide": 3.19, "sum_1": 3.58, "sum_16": 11.6, "sum_4": 13.3, "sum_one": 84.6, "table_level": 31.5,
    "tap": 4.06, "tap_pixel": 25.6, "tap_row": 119, "ternary_8": 91.6, "ternary_word": 15.6, "vector": 11.7,
    "vector_16": 94.3, "vector_8": 14.9, "vector_rows": 90.8, "vertical_16": 131, "vertical_16_128": 148,
    "vertical_call": 44.3, "vertical_input": 8.18, "vertical_output": 16.8, "vertical_sums": 706, "wide_call":
    71.1, "wide_dot_long": 27.6, "wide_dot_short": 3.97, "wide_out": 62.8, "wide_row": 40.8, "wide_seen": 15.5,
    "wide_step": 16.2, "wide_tap_short": 3.56,
}  # fmt: skip
# Cortex-M0+: aligned words, eight registers that most instructions reach.
_ALIGNED: Rates = {
    "add": 80.4, "add_call": 88.7, "add_each": 19.4, "add_look": 22.1, "add_look_2": 26.1, "add_rest": 8.57,
    "add_row": 45.2, "argmax": 34.3, "binary_8": 129, "binary_word": 21.5, "border": 240, "border_gap": 4.36,
    "border_gap_4": 8.61, "border_gap_byte": 8.52, "border_word": 17, "byte": 10.5, "byte_call": 43.3,
    "byte_line": 15.7, "byte_pixel": 2.53, "byte_row": 115, "code": 2.96, "code_channel": 148, "code_far":
    0.174, "code_pixel": 6.93, "code_row": 35.6, "copy_byte": 10.4, "copy_word": 12.5, "dense_16": 215,
    "dense_bit": 9.41, "dense_byte": 5.95, "dense_byte_rest": 6.79, "dense_byte_row": 50.5, "dense_code": 1.93,
    "dense_code_32": 69.9, "dense_code_far": 0.335, "dense_code_further": 1.22, "dense_code_row": 5.33,
    "dense_other": 95, "dense_plain": 7.34, "dense_rice": 29.4, "dense_rice_bit": 2.01, "dense_rice_row": 20.2,
    "dense_scaled": 18.1, "dense_step": 13.1, "dense_step_wide": 20, "dense_thresholds_wide": 45.5, "lane_band":
    138, "lane_channel": 488, "lane_chunk": 136, "lane_entry": 4.34, "lane_entry_scaled": 17.6, "lane_put":
    5.66, "lane_put_2": 3.9, "lane_put_many": 32.7, "lane_ragged": 4.9, "lane_row": 841, "lane_scaled": 24.6,
    "lane_search": 19.2, "lane_shift": 4.71, "lane_step": 13.2, "lane_tap": 2.32, "lane_wide": 67.5,
    "lane_word": 3.87, "load": 85.1, "load_one": 12.3, "load_row": 28.2, "load_wide_2": 246, "load_wide_4": 312,
    "look_1": 10.4, "look_16": 52.1, "look_4": 17.2, "look_half_1": 21.7, "look_half_4": 12.6, "look_row": 14.5,
    "look_sum_1": 9.95, "look_sum_8": 66.2, "move": 145, "move_row": 9.22, "moved": 80.8, "pack": 6.34,
    "pair_1": 25.1, "pair_3_1": 11.7, "pair_3_2": 11.1, "pair_any": 32.5, "pair_block": 76.4, "pair_channel":
    30.7, "pair_line": 10.7, "pair_one": 5.3, "pair_one_line": 32.1, "pair_row": 107, "pair_split": 20.8,
    "pair_weight": 18.7, "plane_16": 181, "plane_row": 36.5, "pool_half": 15.1, "pool_line": 17.3, "pool_one":
    51.9, "pool_row": 77, "pool_tap": 5.75, "rice": 32.5, "rice_byte": 12.8, "rice_bytes": 20.4, "rice_channel":
    480, "rice_chunk": 138, "rice_code": 4.13, "rice_half": 18.6, "rice_row": 76.9, "rice_scaled": 11.5,
    "rice_search": 6.51, "rice_step": 11, "rice_tile": 149, "row": 83.7, "run": 59.1, "run_channel": 454,
    "run_copied_1": 5.15, "run_copied_4": 3.06, "run_copied_row": 9.51, "run_each_byte": 11.8, "run_each_half":
    24.1, "run_each_sum": 28.3, "run_entry": 2.48, "run_entry_scaled": 15.4, "run_gathered": 20.1, "run_halved":
    13.4, "run_halved_any": 21.8, "run_listed": 8.58, "run_minus": 20, "run_shifted_1": 10.9, "run_shifted_4":
    13.5, "run_shifted_row": 18.9, "run_shifted_short": 15.4, "run_stepped": 11.8, "run_stepped_any": 14.5,
    "run_stepped_any_row": 22.2, "run_tables": 44, "run_tap": 13, "run_tile": 35, "scaled": 15.8, "scaled_wide":
    88, "search": 2.82, "search_wide": 46.6, "sparse": 2.98, "sparse_32": 177, "sparse_list": 23.3, "step":
    10.8, "step_call": 64.6, "step_wide": 11.7, "sum_1": 4.45, "sum_4": 12, "sum_one": 117, "table_level": 32.3,
    "tap": 4.99, "tap_pixel": 30.9, "tap_row": 214, "ternary_8": 135, "ternary_word": 24.3, "vertical_16": 191,
    "vertical_input": 10.9, "vertical_output": 18.6, "vertical_sums": 968, "wide_call": 191, "wide_dot_long":
    59.6, "wide_dot_short": 7.9, "wide_out": 165, "wide_seen": 28, "wide_step": 14.1, "wide_tap_short": 11.2,
}  # fmt: skip
# RV32IMC: aligned words, 31 registers.
_MANY_REGISTERS: Rates = {
    "add_call": 93.3, "add_each": 11, "add_look": 26.5, "add_look_2": 32.4, "add_rest": 14.2, "add_row": 25.6,
    "argmax": 16.5, "binary_8": 91.4, "binary_word": 19.2, "border": 116, "border_gap": 15.6, "border_gap_4":
    12.4, "border_gap_byte": 7.49, "border_word": 3.42, "byte": 6.66, "byte_call": 15.2, "byte_line": 12.9,
    "byte_row": 98.6, "code": 2.24, "code_channel": 0.606, "code_pixel": 0.842, "code_row": 64.3, "copy_byte":
    1.36, "copy_word": 13.2, "counted_binary_8": 41.1, "counted_binary_word": 7.45, "counted_row": 24.5,
    "counted_ternary_8": 56.2, "counted_ternary_word": 10.2, "dense_16": 217, "dense_bit": 8.37, "dense_byte":
    5.1, "dense_byte_rest": 5.1, "dense_byte_row": 7.91, "dense_code": 1.64, "dense_code_32": 25.4,
    "dense_code_long": 0.731, "dense_code_row": 6.23, "dense_other": 95, "dense_plain": 9.53,
    "dense_plain_wide": 9.53, "dense_rice": 19.1, "dense_rice_bit": 1.68, "dense_rice_row": 17.4,
    "dense_scaled": 15.3, "dense_scaled_wide": 15.3, "dense_search": 2.82, "dense_step": 7.95,
    "dense_step_wide": 7.95, "dense_thresholds_wide": 2.82, "lane_band": 256, "lane_channel": 249, "lane_chunk":
    89.8, "lane_drain": 6.43, "lane_entry": 2.37, "lane_entry_scaled": 9.37, "lane_put": 4.44, "lane_put_2":
    5.03, "lane_put_many": 13.6, "lane_row": 613, "lane_search": 4.05, "lane_shift": 2.76, "lane_tabled": 85.8,
    "lane_tap": 5.25, "lane_wide": 12.2, "lane_wide_row": 1470, "lane_widen": 14, "lane_word": 3.09, "load_one":
    12.5, "load_row": 29.8, "load_wide_2": 38.9, "load_wide_4": 37, "look_1": 5.61, "look_16": 24.1, "look_4":
    8.73, "look_half_1": 20.5, "look_half_4": 2.53, "look_row": 27.6, "look_sum_1": 4.61, "look_sum_8": 16.4,
    "moved": 58.8, "pack": 3.82, "pair_1": 18.3, "pair_3_1": 9.62, "pair_3_2": 11.1, "pair_any": 20.9,
    "pair_block": 83.8, "pair_channel": 18.5, "pair_layer": 207, "pair_line": 3.25, "pair_one": 7.35,
    "pair_one_line": 14.2, "pair_row": 127, "pair_split": 8.73, "pair_weight": 17.4, "plane_16": 196,
    "plane_row": 30, "pool_half": 13.6, "pool_line": 10.5, "pool_one": 31.3, "pool_row": 47.6, "pool_tap": 3.48,
    "rice": 20.4, "rice_byte": 11.6, "rice_bytes": 54.4, "rice_channel": 165, "rice_chunk": 81.3, "rice_code":
    2.16, "rice_half": 19.6, "rice_row": 86.1, "rice_scaled": 11.6, "rice_search": 6.09, "rice_step": 6.56,
    "rice_tile": 115, "row": 32.1, "run_channel": 252, "run_copied_1": 4.76, "run_copied_4": 15,
    "run_copied_row": 17.1, "run_copied_short": 5.42, "run_each_byte": 6.09, "run_each_half": 15.7,
    "run_each_sum": 11.3, "run_entry": 2.1, "run_entry_scaled": 12.4, "run_gather": 35.3, "run_halved": 10.8,
    "run_halved_any": 15.8, "run_halved_any_row": 18.7, "run_listed": 14.1, "run_minus": 3.63, "run_shifted_1":
    5.54, "run_shifted_4": 21.3, "run_shifted_row": 12.2, "run_shifted_short": 11, "run_stepped": 17.9,
    "run_stepped_any": 18.4, "run_stepped_any_row": 13.5, "run_tap": 20.9, "run_tile": 101, "scaled": 16.4,
    "scaled_wide": 44.9, "search": 8.33, "search_wide": 59, "sparse": 4.03, "sparse_32": 187, "sparse_list":
    26.4, "step": 6.93, "step_call": 64.9, "step_wide": 6.93, "sum_1": 4.89, "sum_4": 11.1, "sum_line": 1.65,
    "sum_one": 89.9, "table_level": 16.2, "tap": 5.62, "tap_pixel": 15.3, "tap_row": 146, "ternary_8": 119,
    "ternary_word": 22.1, "vertical_16": 143, "vertical_32": 59.5, "vertical_call": 214, "vertical_digit": 25,
    "vertical_input": 7.29, "vertical_output": 1.7, "vertical_sums": 381, "vertical_total": 16.1, "wide_call":
    38.6, "wide_dot_long": 29, "wide_dot_short": 7.76, "wide_out": 46.3, "wide_row": 80.2, "wide_seen": 36.4,
    "wide_step": 19.1, "wide_tap_short": 6.68,
}  # fmt: skip
# RV32EC, for size: every multiplication is a call, whose loop turns once for each digit of a factor.
_SOFTWARE: Rates = {
    "add_call": 443, "add_each": 52.1, "add_look": 28, "add_look_2": 33.8, "add_rest": 13.9, "add_row": 25.5,
    "argmax": 33.6, "binary_8": 111, "binary_word": 28.8, "border_gap": 31.1, "border_gap_byte": 4.14, "byte":
    15.7, "byte_call": 51.8, "byte_line": 19.9, "byte_pixel": 22.8, "byte_row": 136, "byte_turn": 7, "code":
    2.01, "code_channel": 66.1, "code_long": 1.77, "code_pixel": 15.3, "copy_byte": 195, "copy_word": 23.5,
    "dense_16": 89.7, "dense_bit": 9.31, "dense_byte": 13.5, "dense_byte_rest": 13.5, "dense_byte_row": 25.6,
    "dense_byte_turn": 7, "dense_code": 1.69, "dense_code_32": 72.3, "dense_code_far": 0.00614,
    "dense_code_long": 2.11, "dense_code_row": 0.829, "dense_other": 150, "dense_plain": 41.2,
    "dense_plain_wide": 41.2, "dense_rice": 28.6, "dense_rice_bit": 1.89, "dense_rice_row": 12.5,
    "dense_scaled": 44.7, "dense_scaled_wide": 44.7, "dense_search": 114, "dense_step": 22.8, "dense_step_wide":
    22.8, "dense_thresholds_wide": 114, "end_turn": 7.55, "lane_band": 321, "lane_channel": 579, "lane_chunk":
    119, "lane_drain": 81.8, "lane_entry": 3.15, "lane_entry_scaled": 12.8, "lane_put": 8.96, "lane_put_2":
    17.2, "lane_put_many": 8.93, "lane_ragged": 4.23, "lane_row": 1120, "lane_search": 41.4, "lane_shift": 3.76,
    "lane_step": 9.46, "lane_tap": 8.53, "lane_widen": 57.1, "lane_word": 1.94, "load": 197, "load_one": 12.9,
    "load_row": 84.1, "load_wide_2": 351, "load_wide_4": 390, "moved": 336, "pack": 5.75, "pair_1": 61.6,
    "pair_3_1": 45.6, "pair_3_2": 47.5, "pair_any": 65.3, "pair_block": 356, "pair_channel": 6.48, "pair_layer":
    1610, "pair_line": 6.53, "pair_one": 12.4, "pair_one_line": 38.5, "pair_turn": 7, "pair_weight": 16.2,
    "plane_16": 193, "plane_row": 51.1, "pool_half": 53.6, "pool_line": 13.7, "pool_one": 41, "pool_row": 141,
    "pool_tap": 4.55, "rice": 48.4, "rice_byte": 35.1, "rice_bytes": 77.9, "rice_channel": 396, "rice_chunk":
    112, "rice_code": 4.25, "rice_half": 22.3, "rice_row": 138, "rice_scaled": 50.7, "rice_search": 27.8,
    "rice_step": 20.7, "rice_tile": 247, "rice_turn": 7.35, "row": 140, "scaled": 26.2, "scaled_wide": 440,
    "search": 18, "search_wide": 79.5, "sparse": 4.13, "sparse_32": 156, "sparse_list": 23.9, "step": 19.7,
    "step_wide": 19.7, "sum_1": 7.46, "sum_4": 11.4, "sum_line": 46.2, "sum_one": 143, "table_level": 14.8,
    "tap": 5.73, "tap_pixel": 54.2, "tap_row": 264, "ternary_8": 156, "ternary_word": 29.5, "vertical_16": 177,
    "vertical_32": 74.9, "vertical_call": 210, "vertical_digit": 28.5, "vertical_input": 7.75,
    "vertical_output": 4.54, "vertical_sums": 414, "vertical_total": 17.3, "wide_call": 371, "wide_dot_long":
    557, "wide_dot_short": 69.8, "wide_out": 208, "wide_row": 1040, "wide_seen": 55.3, "wide_tap_short": 137,
}  # fmt: skip
# AVR, for size: a word takes four registers, and four instructions for each of anyone else's.
_EIGHT_BIT: Rates = {
    "add": 522, "add_call": 507, "add_each": 59.6, "add_look": 76.7, "add_look_2": 199, "add_rest": 12.8,
    "add_row": 28.5, "argmax": 92.4, "binary_8": 568, "binary_word": 70.7, "border_channel": 305, "border_gap":
    69.3, "border_gap_byte": 69.3, "byte": 62, "byte_call": 169, "byte_line": 90.8, "byte_row": 338, "code":
    4.09, "code_channel": 157, "copy_byte": 200, "copy_word": 24.5, "dense_16": 286, "dense_bit": 18.1,
    "dense_byte": 26.5, "dense_byte_rest": 26.5, "dense_byte_row": 99.1, "dense_code": 6.51, "dense_code_far":
    1.75, "dense_code_long": 0.238, "dense_code_row": 35.3, "dense_other": 300, "dense_plain": 13.8,
    "dense_plain_wide": 13.8, "dense_rice": 346, "dense_rice_bit": 16, "dense_rice_row": 132, "dense_scaled":
    147, "dense_scaled_wide": 147, "dense_search": 243, "dense_step": 53.3, "dense_step_wide": 53.3,
    "dense_thresholds_wide": 243, "load": 91.5, "load_one": 45.3, "load_wide_2": 814, "moved": 603, "pack":
    98.7, "pair_1": 201, "pair_3_1": 230, "pair_3_2": 211, "pair_any": 233, "pair_block": 460, "pair_channel":
    109, "pair_layer": 2680, "pair_line": 2.7, "pair_one": 69.1, "pair_one_line": 63.2, "pair_split": 21.6,
    "pair_weight": 163, "plane_16": 647, "plane_row": 170, "pool_half": 54.1, "pool_line": 52.6, "pool_one":
    158, "pool_row": 194, "pool_tap": 17.5, "row": 506, "scaled": 182, "scaled_wide": 470, "search": 72.5,
    "search_wide": 500, "sparse": 12.4, "sparse_32": 714, "sparse_list": 71, "step": 51.5, "step_call": 658,
    "step_wide": 51.5, "sum_4": 41, "sum_one": 249, "tap": 12.8, "tap_pixel": 143, "tap_row": 577, "ternary_8":
    646, "ternary_word": 79.2, "vertical_16": 673, "vertical_32": 175, "vertical_call": 1020, "vertical_digit":
    78.3, "vertical_input": 30.3, "vertical_output": 30.6, "vertical_sums": 2740, "vertical_total": 69,
    "wide_call": 862, "wide_dot_short": 44.4, "wide_out": 812, "wide_seen": 530, "wide_step": 52.1,
    "wide_tap_short": 61.1,
}  # fmt: skip


def rates_of(features: frozenset[str]) -> Rates:
    """The rates of the core that has `features`."""
    if "eight_bit" in features:
        return _EIGHT_BIT
    if "software_multiply" in features:
        return _SOFTWARE
    if "mve" in features:
        return _VECTORS
    if "unaligned" in features:
        return _UNALIGNED if "dsp" in features else _WITHOUT_DSP
    return _MANY_REGISTERS if "many_registers" in features else _ALIGNED
