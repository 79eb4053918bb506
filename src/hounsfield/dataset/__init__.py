"""Datasets: find cases, run a pipeline over them, resume a run, restore predictions."""
