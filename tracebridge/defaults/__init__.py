"""What a workspace starts with: behavior variants and reward profiles, as plain TOML files."""
