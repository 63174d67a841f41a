"""Raw reactions become labels: emoji to scores, changes to states, messages to answers."""
