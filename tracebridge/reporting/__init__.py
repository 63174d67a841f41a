"""What a cycle saw, as documents that people and programs read: nouns in, plain JSON out."""
