"""The command line: verbs that parse, call and say; no algorithms."""
