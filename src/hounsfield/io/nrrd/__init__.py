"""Read and write NRRD: attached or detached, raw, gzip or bzip2, one data file or many."""
