"""Real browsers and unmodified providers against a running site."""
