"""JSON Schemas (draft 2020-12) of every kind of file; ``schema KIND`` prints them."""

from tracebridge.adapters.schemas.schemas import kinds, load, violations

__all__ = ["kinds", "load", "violations"]
