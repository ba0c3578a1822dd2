"""The gate's integer arithmetic: transform, spectrum, decision. It is the meaning; every backend equals it."""

from __future__ import annotations

from .gate import GateState, IntegerGate
from .plan import Plan, make_plan

__all__ = ["GateState", "IntegerGate", "Plan", "make_plan"]
