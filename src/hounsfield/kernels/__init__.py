"""Array in, array out: the loops over voxels, in C++ where numpy would make copies; no geometry objects, no files."""
