"""Promises, and how each is kept."""
