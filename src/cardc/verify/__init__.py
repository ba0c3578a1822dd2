"""The equality chain: what was trained is what runs, compared integer by integer at every quantised tensor."""

from __future__ import annotations

from .run import verify

__all__ = ["verify"]
