"""DICOM attributes that describe the technique, and the kind of token of all others."""

from __future__ import annotations

import re

from hounsfield.dataset.audit.token import Kind

_TECHNICAL = """
    SpecificCharacterSet TransferSyntaxUID ImplementationClassUID ImplementationVersionName
    MediaStorageSOPClassUID SOPClassUID ReferencedSOPClassUID ReferencedSOPClassUIDInFile
    RelatedGeneralSOPClassUID OriginalSpecializedSOPClassUID SOPClassesInStudy
    ReferencedTransferSyntaxUIDInFile EncryptedContentTransferSyntaxUID
    Manufacturer ManufacturerModelName SoftwareVersions ConvolutionKernel FilterType FilterMaterial
    RescaleType PositionReferenceIndicator TimezoneOffsetFromUTC WindowCenterWidthExplanation
    LUTExplanation ModalityLUTType CodingSchemeDesignator CodingSchemeVersion CodingSchemeUID
    CodeValue LongCodeValue URNCodeValue MappingResource MappingResourceUID MappingResourceName
    ContextUID ContextGroupVersion ContextGroupLocalVersion ContextGroupExtensionCreatorUID
    PaletteColorLookupTableUID SegmentAlgorithmName DeidentificationMethod
    ROIGenerationAlgorithm AlgorithmName AlgorithmVersion
    ContributionDescription"""

TECHNICAL = frozenset(_TECHNICAL.split())
"""Attributes that say how an image was made and coded, not of whom. Their values are never searched
for, as they may be in outputs: the kernel in a report, for example."""

UNIDENTIFYING_VRS = frozenset(
    {"CS", "IS", "DS", "FL", "FD", "SL", "SS", "SV", "UL", "US", "UV", "AT"}
)
"""Defined terms and numbers of the standard (PS3.5 table 6.2-1), except for those in MEASURES."""

MEASURES = frozenset({"PatientSize", "PatientWeight"})
LABELS = frozenset({"ROIName", "ROIObservationLabel", "SegmentLabel", "SegmentDescription"})

IDENTIFIER = re.compile(
    r"IDs?$|Number$|Numbers$|Identifier|Accession|Serial|StationName|AETitle|Telephone|^UID$"
    r"|ApplicationEntity|ContactMeth|Locat"
)
"""Keywords of attributes whose value is an id rather than a text."""

INSTITUTION = re.compile("Institution|Address|Department|Residence|CountryOf|Organization")

KINDS: dict[str, Kind] = {
    "PN": "name", "DA": "date", "DT": "date", "TM": "time", "UI": "uid", "AS": "age", "AE": "id",
}  # fmt: skip
"""Kinds of tokens by VR; the texts of the rest are ids, labels or free texts by their keyword."""

TEXT_VRS = frozenset({"LO", "SH", "LT", "ST", "UT", "UC", "UR"})


def kind_of(keyword: str, vr: str) -> Kind | None:
    """Return the kind of token of an attribute; None if it does not identify anyone.

    >>> kind_of("PatientID", "LO"), kind_of("StudyDescription", "LO"), kind_of("KVP", "DS")
    ('id', 'text', None)
    """
    if keyword in TECHNICAL:
        return None
    if keyword in MEASURES:
        return "measure"
    if keyword in LABELS:
        return "label"
    if vr in KINDS:
        return KINDS[vr]
    if vr in TEXT_VRS:
        if INSTITUTION.search(keyword):
            return "institution"
        return "id" if IDENTIFIER.search(keyword) else "text"
    return None
