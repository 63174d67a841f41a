"""What each section of the report says, as plain values ready to be laid out by a template."""
