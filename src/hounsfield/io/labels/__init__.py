"""Labels that others drew: RTSTRUCT, DICOM SEG and label files onto an image's grid, and masks back to DICOM SEG."""
