"""Numbers over time. Empty but for its place in the house."""
