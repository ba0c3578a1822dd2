"""Whole decks as one C library: the gate, its cards with shared constants and kernels, and what joins their answers."""
