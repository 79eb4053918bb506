"""NRRD, attached and detached, raw, gzip and bzip2, one data file or many."""
