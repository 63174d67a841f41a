"""Prefect flows: schedule, retries and names only. The steps are those of ``tracebridge.cycle``."""
