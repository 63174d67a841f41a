"""Whether the data holds together: sums that must tie, sides that must not mix."""
