"""Array kernels, in C++ where numpy would copy; they know no geometry objects and no files."""
