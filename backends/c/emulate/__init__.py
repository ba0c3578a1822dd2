"""Compilers and emulators for emitted C: sources and bytes in, ELF files, results and exact counts out."""
