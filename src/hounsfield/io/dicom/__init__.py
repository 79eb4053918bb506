"""DICOM: what a folder, an archive or a file holds, what is wrong with it, and its slices as a Stack."""
