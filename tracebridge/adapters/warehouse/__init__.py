"""The replay set in DuckDB: a cache that is rebuilt whole, its set logic kept in SQL files."""
