"""The format `rawct` for Hounsfield's registry; reader and writer are named by import paths.

A file is a header in ASCII and the voxels behind it:

    RAWCT 1
    shape 512 512 200
    dtype int16
    quantity hu
    affine -0.7 0 0 180 0 -0.7 0 180 0 0 1 -100
    voxels

`affine` has the first three rows of the affine from voxel indices to RAS+ mm, row by row. Voxels
are little-endian, i fastest, and nothing follows them.
"""

from hounsfield.io.base import Format, Output

MAGIC = b"RAWCT 1\n"

RAWCT = Format(
    name="rawct",
    title="rawct",
    magic=((0, MAGIC),),
    suffixes=(".rawct",),
    reader="hounsfield_rawct.reader:open_rawct",
    outputs=(Output(name="rawct", writer="hounsfield_rawct.writer:write_rawct"),),
)
