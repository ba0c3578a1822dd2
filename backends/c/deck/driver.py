"""C that runs a deck over many inputs in one call, and tells its picks: for this computer and for emulated cores."""

from __future__ import annotations

from ..writer import Writer
from .program import DeckProgram

DRIVER = "cardc_deck_driver.c"


def driver(deck: DeckProgram) -> str:
    """`cardc_deck_run` runs a sequence from a state as it is; `cardc_deck_state_bytes` is that state's size."""
    w, name, up = Writer(), deck.name, deck.name.upper()
    stateful = deck.gate is not None
    types = f"const {deck.in_type} *in, {deck.out_type} *out, uint8_t *picks, void *state, void *arena"
    w(f'#include "{name}.h"')
    w()
    w("uint32_t cardc_deck_state_bytes(void);")
    w("void cardc_deck_reset(void *state);")
    w("void cardc_deck_picks(const void *state, uint8_t *picks);")
    w(f"int cardc_deck_run(uint32_t count, {types});")
    w()
    w("uint32_t cardc_deck_state_bytes(void)")
    with w.block(""):
        w(f"return {f'sizeof({name}_state)' if stateful else '0'};")
    w()
    w("void cardc_deck_reset(void *state)")
    with w.block(""):
        w(f"{name}_reset(({name}_state *)state);" if stateful else "(void)state;")
    w()
    w("void cardc_deck_picks(const void *state, uint8_t *picks)")
    with w.block(""):
        if stateful:
            w("uint32_t i;")
            with w.block(f"for (i = 0; i < {up}_PICKS; i++)"):
                w(f"picks[i] = ((const {name}_state *)state)->picks[i];")
        else:
            w("(void)state;")
            w("(void)picks;")
    w()
    w(f"int cardc_deck_run(uint32_t count, {types})")
    with w.block(""):
        w(f"int error = {up}_OK;")
        with w.block(f"for (; count > 0 && error == {up}_OK; count--)"):
            state = f"({name}_state *)state, " if stateful else ""
            w(f"error = {name}_predict(in, out, {state}arena);")
            w("cardc_deck_picks(state, picks);")
            w(f"in += {up}_IN;")
            w(f"out += {up}_OUT;")
            w(f"picks += {deck.joint.picked};")
        w("return error;")
    return w.text()
