"""The ready-made project: settings, URLs, ASGI application and command line."""
