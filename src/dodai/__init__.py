"""Dodai's host side: builds the image, runs it, opens shells in its containers."""

__version__ = "0.1.0"
