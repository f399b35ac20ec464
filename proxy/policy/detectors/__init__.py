"""What is looked for in values: numbers with checksums, addresses, keys, and patterns of a user's own."""
