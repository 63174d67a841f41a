"""TraceBridge."""
