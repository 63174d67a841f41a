"""The report and the index: self-contained pages without script, links or foreign resources."""
