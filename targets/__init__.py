"""Boards: one TOML file each."""

from __future__ import annotations

from .base import Cpi, Target, listing, load, names

__all__ = ["Cpi", "Target", "listing", "load", "names"]
