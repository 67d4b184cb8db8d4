"""Live documents: who writes what, and the pages and API around it."""
