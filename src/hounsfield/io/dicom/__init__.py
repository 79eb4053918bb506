"""Read, check and write DICOM series, segmentations and structure sets."""
