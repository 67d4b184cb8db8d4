"""Collab: the live engine and its Django adapters."""

__version__ = "0.1.0"
