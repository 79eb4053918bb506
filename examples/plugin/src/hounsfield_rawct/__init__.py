"""An example of a package that adds a step and a format to Hounsfield."""
