"""Serving: the router, the stages of a rollout, and the report that moves it or rolls it back."""

from tracebridge.canary.router import Router

__all__ = ["Router"]
