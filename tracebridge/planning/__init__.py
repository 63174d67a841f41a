"""Graph-based planning: recorded or written plans become graphs that are scheduled again."""
