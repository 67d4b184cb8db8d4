"""A dashboard's layout: what its room holds, read and changed."""
