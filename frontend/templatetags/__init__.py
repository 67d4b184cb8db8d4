"""Template tags of Collab's pages."""
