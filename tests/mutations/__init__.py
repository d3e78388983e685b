"""Wrong derivative rules, planted in a copy of every operation, and what the public kit says to each."""
