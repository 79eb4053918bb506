"""Tags (group << 16 | element, PS3.6), transfer syntaxes and SOP classes that reading CT needs."""

from __future__ import annotations

from typing import Final

TRANSFER_SYNTAX: Final = 0x00020010
META_SOP_CLASS: Final = 0x00020002
META_SOP_INSTANCE: Final = 0x00020003
IMAGE_TYPE: Final = 0x00080008
SOP_CLASS: Final = 0x00080016
SOP_INSTANCE: Final = 0x00080018
ACQUISITION_DATE: Final = 0x00080022
CONTENT_DATE: Final = 0x00080023
ACQUISITION_DATETIME: Final = 0x0008002A
ACQUISITION_TIME: Final = 0x00080032
CONTENT_TIME: Final = 0x00080033
MODALITY: Final = 0x00080060
MANUFACTURER: Final = 0x00080070
PATIENT_NAME: Final = 0x00100010
PATIENT_ID: Final = 0x00100020
BIRTH_DATE: Final = 0x00100030
CONTRAST_AGENT: Final = 0x00180010
SLICE_THICKNESS: Final = 0x00180050
KVP: Final = 0x00180060
TRIGGER_TIME: Final = 0x00181060
KERNEL: Final = 0x00181210
CARDIAC_PHASE: Final = 0x00209241
STUDY: Final = 0x0020000D
SERIES: Final = 0x0020000E
ACQUISITION_NUMBER: Final = 0x00200012
INSTANCE_NUMBER: Final = 0x00200013
POSITION: Final = 0x00200032
ORIENTATION: Final = 0x00200037
FRAME_OF_REFERENCE: Final = 0x00200052
TEMPORAL_POSITION: Final = 0x00200100
TEMPORAL_INDEX: Final = 0x00209128
SAMPLES: Final = 0x00280002
PHOTOMETRIC: Final = 0x00280004
FRAMES: Final = 0x00280008
ROWS: Final = 0x00280010
COLUMNS: Final = 0x00280011
PIXEL_SPACING: Final = 0x00280030
BITS_ALLOCATED: Final = 0x00280100
BITS_STORED: Final = 0x00280101
HIGH_BIT: Final = 0x00280102
SIGNED: Final = 0x00280103
PADDING: Final = 0x00280120
PADDING_LIMIT: Final = 0x00280121
INTERCEPT: Final = 0x00281052
SLOPE: Final = 0x00281053
RESCALE_TYPE: Final = 0x00281054
LOSSY: Final = 0x00282110
MODALITY_LUT: Final = 0x00283000
SHARED_GROUPS: Final = 0x52009229
FRAME_GROUPS: Final = 0x52009230
PIXEL_DATA: Final = 0x7FE00010
FLOAT_PIXEL_DATA: Final = 0x7FE00008
DOUBLE_PIXEL_DATA: Final = 0x7FE00009
DIRECTORY_RECORDS: Final = 0x00041220

WANTED: Final = frozenset(
    {
        TRANSFER_SYNTAX,
        META_SOP_CLASS,
        META_SOP_INSTANCE,
        IMAGE_TYPE,
        SOP_CLASS,
        SOP_INSTANCE,
        ACQUISITION_DATE,
        CONTENT_DATE,
        ACQUISITION_DATETIME,
        ACQUISITION_TIME,
        CONTENT_TIME,
        MODALITY,
        MANUFACTURER,
        PATIENT_NAME,
        PATIENT_ID,
        BIRTH_DATE,
        CONTRAST_AGENT,
        SLICE_THICKNESS,
        KVP,
        TRIGGER_TIME,
        KERNEL,
        CARDIAC_PHASE,
        STUDY,
        SERIES,
        ACQUISITION_NUMBER,
        INSTANCE_NUMBER,
        POSITION,
        ORIENTATION,
        FRAME_OF_REFERENCE,
        TEMPORAL_POSITION,
        TEMPORAL_INDEX,
        SAMPLES,
        PHOTOMETRIC,
        FRAMES,
        ROWS,
        COLUMNS,
        PIXEL_SPACING,
        BITS_ALLOCATED,
        BITS_STORED,
        HIGH_BIT,
        SIGNED,
        PADDING,
        PADDING_LIMIT,
        INTERCEPT,
        SLOPE,
        RESCALE_TYPE,
        LOSSY,
    }
)
"""Attributes that the fast parser keeps; it skips all others."""

SEQUENCES: Final = frozenset({MODALITY_LUT, SHARED_GROUPS, FRAME_GROUPS, DIRECTORY_RECORDS})
"""Sequences that need pydicom: a header with one of them is parsed by it."""

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"
RLE: Final = "1.2.840.10008.1.2.5"
GE_BIG_PIXELS: Final = "1.2.840.113619.5.2"
"""GE's private syntax: implicit VR little endian with big endian pixels (as GDCM reads it)."""
NATIVE: Final = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG, GE_BIG_PIXELS})
PUBLIC_ROOT: Final = "1.2.840.10008."
"""The start of every UID of the standard (PS3.5 chapter 9); others are private."""

CODECS: Final = {
    IMPLICIT_LITTLE: "raw",
    EXPLICIT_LITTLE: "raw",
    DEFLATED: "deflate",
    EXPLICIT_BIG: "raw-big-endian",
    GE_BIG_PIXELS: "raw-big-endian",
    RLE: "rle",
    "1.2.840.10008.1.2.4.50": "jpeg",
    "1.2.840.10008.1.2.4.51": "jpeg",
    "1.2.840.10008.1.2.4.53": "jpeg",
    "1.2.840.10008.1.2.4.55": "jpeg",
    "1.2.840.10008.1.2.4.57": "jpeg-lossless",
    "1.2.840.10008.1.2.4.70": "jpeg-lossless",
    "1.2.840.10008.1.2.4.80": "jpeg-ls",
    "1.2.840.10008.1.2.4.81": "jpeg-ls",
    "1.2.840.10008.1.2.4.90": "jpeg2000",
    "1.2.840.10008.1.2.4.91": "jpeg2000",
    "1.2.840.10008.1.2.4.201": "htj2k",
    "1.2.840.10008.1.2.4.202": "htj2k",
    "1.2.840.10008.1.2.4.203": "htj2k",
}
"""Short codec names of the transfer syntaxes that can be decoded (PS3.5 section 10)."""

CT_IMAGE: Final = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT: Final = "1.2.840.10008.5.1.4.1.1.2.1"
LEGACY_ENHANCED_CT: Final = "1.2.840.10008.5.1.4.1.1.2.2"
SECONDARY_CAPTURES: Final = "1.2.840.10008.5.1.4.1.1.7"
MEDIA_DIRECTORY: Final = "1.2.840.10008.1.3.10"
CT_CLASSES = frozenset({CT_IMAGE, ENHANCED_CT, LEGACY_ENHANCED_CT})
