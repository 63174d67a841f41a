"""All I/O: session logs, the reaction ledger, the event store, DuckDB, bundles, pages, trainers.

Adapters implement the Protocols of ``tracebridge.ports``; only ``wiring`` chooses among them.
"""
