"""What goes back to DICOM: derived CT series and segmentations, which refer to the images that they came from."""
