"""Pipelines: parse, check, plan, fuse, run and record a list of steps."""
