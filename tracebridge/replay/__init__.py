"""The fixed comparison: which rows take part, which policies compete, and who came out ahead."""
