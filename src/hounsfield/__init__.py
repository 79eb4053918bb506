"""Hounsfield turns CT as it lies on disk into data that a network can learn from."""
