"""A DICOM study with an identifying value wherever a header can have one."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, PrivateBlock
from pydicom.sequence import Sequence

from hounsfield.phantom import grid_about, head, write_series

TEXTS = """
    PatientID InstitutionName InstitutionAddress ReferringPhysicianName PerformingPhysicianName
    OperatorsName StudyDescription SeriesDescription ProtocolName StationName DeviceSerialNumber
    AccessionNumber StudyID PatientComments ImageComments AdditionalPatientHistory OtherPatientIDs
    PatientAddress PatientTelephoneNumbers EthnicGroup Occupation RequestingPhysician
    InstitutionalDepartmentName PhysiciansOfRecord NameOfPhysiciansReadingStudy
    AdmittingDiagnosesDescription RequestedProcedureDescription PerformedProcedureStepDescription
    PerformedProcedureStepID DerivationDescription ContrastBolusAgent AcquisitionComments DetectorID
    GantryID PlateID PatientBirthName PatientMotherBirthName CurrentPatientLocation MedicalAlerts
    Allergies PatientReligiousPreference MilitaryRank BranchOfService IssuerOfPatientID
    AdmissionID ServiceEpisodeID RequestedProcedureID ScheduledProcedureStepID TextComments
    IdentifyingComments ResultsComments InterpretationText ReasonForStudy StudyComments
    CassetteID AcquisitionProtocolDescription InsurancePlanIdentification
"""
"""Attributes of texts, names and ids; those that are not in a CT image belong to other modules."""

PLACES = tuple(TEXTS.split())


def value_of(number: int) -> str:
    """The value that is planted in a place: letters and digits that nothing else has."""
    return f"WQK{number:03d}"


NAMES = {"PatientName": "Zykowska^Olimpia Ng", "RealDoctor": "Przybyl^Xaver"}
BIRTH, SCANNED = "19491231", "20180704"
WEIGHT, SIZE = "83.75", "1.792"
ADDRESS = "Quellenweg 12, 8047 Ostermundigen"
COMMENT = "fell from his bicycle near the Aareschlucht on 3.7.2018, called 0315551234"
TIME = "101530.274913"

NESTED = {
    "person address": 901,
    "code meaning": 902,
    "nested institution": 903,
    "region meaning": 904,
    "private LO": 905,
    "private UN": 906,
    "private SQ": 907,
    "overlay comment": 908,
    "overlay description": 909,
    "curve": 910,
    "unknown element": 911,
    "trailing padding": 912,
    "icon": 913,
    "source AE title": 914,
    "private information": 915,
    "preamble": 916,
}
"""Places that are no plain attribute, with the number of their value."""

REFERENCES = (
    ("ReferencedImageSequence", "an image"),
    ("ReferencedStudySequence", "the whole study"),
)
"""Sequences of references, each to a UID of its own."""

FOLDER = "Zykowska_Olimpia"


def plant(folder: Path) -> Path:
    """Write the study; returns its folder, whose name is the patient's."""
    scan = folder / FOLDER
    grid = grid_about((0, -4, 10), shape=(24, 24, 6), spacing_mm=(10, 10, 30))
    for path in write_series(head(grid, noise_hu=2), scan).files:
        data = pydicom.dcmread(path)
        put(data)
        data.save_as(path)
    return scan


def put(data: Dataset) -> None:
    """Put all values into one slice."""
    data.PatientName, data.NamesOfIntendedRecipientsOfResults = NAMES.values()
    data.PatientBirthDate = BIRTH
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(data, keyword, SCANNED)
    data.StudyTime = TIME
    data.PatientWeight, data.PatientSize = WEIGHT, SIZE
    data.PatientAge = "068Y"
    for number, keyword in enumerate(PLACES):
        setattr(data, keyword, value_of(number))
    data.PatientAddress = f"{ADDRESS} {value_of(PLACES.index('PatientAddress'))}"
    data.AdditionalPatientHistory = f"{COMMENT}; {value_of(15)}"
    for sequence, keyword in REFERENCES:
        item = Dataset()
        item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        item.ReferencedSOPInstanceUID = f"1.2.276.0.7230010.{len(keyword)}.20180704"
        setattr(data, sequence, Sequence([item]))
    _put_nested(data)
    _put_binary(data)


def _put_nested(data: Dataset) -> None:
    person, code, region = Dataset(), Dataset(), Dataset()
    person.PersonAddress = value_of(901)
    person.InstitutionName = value_of(903)
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99X", value_of(902)
    person.PersonIdentificationCodeSequence = Sequence([code])
    data.ReferringPhysicianIdentificationSequence = Sequence([person])
    region.CodeValue, region.CodingSchemeDesignator = "2", "99X"
    region.CodeMeaning = value_of(904)
    data.AnatomicRegionSequence = Sequence([region])
    block: PrivateBlock = data.private_block(0x0029, "AUDIT TEST", create=True)
    block.add_new(1, "LO", value_of(905))
    block.add_new(2, "UN", b"\1\2\0\0" + value_of(906).encode() + b"\0\0")
    inner = Dataset()
    inner.PatientName = value_of(907)
    block.add_new(3, "SQ", Sequence([inner]))


def _put_binary(data: Dataset) -> None:
    data.add_new(0x60004000, "LT", value_of(908))
    data.add_new(0x60000022, "LO", value_of(909))
    data.add_new(0x50003000, "OB", value_of(910).encode())
    data.add_new(0x00200FFE, "UN", value_of(911).encode())
    data.add_new(0xFFFCFFFC, "OB", value_of(912).encode())
    icon = Dataset()
    icon.Rows, icon.Columns, icon.BitsAllocated, icon.SamplesPerPixel = 2, 3, 8, 1
    icon.add_new(0x7FE00010, "OB", value_of(913).encode())
    data.IconImageSequence = Sequence([icon])
    data.file_meta.SourceApplicationEntityTitle = value_of(914)
    data.file_meta.PrivateInformationCreatorUID = "1.2.276.0.7230010.3.0.3.6.4.9876"
    data.file_meta.PrivateInformation = value_of(915).encode()
    data.preamble = value_of(916).encode().ljust(128, b"\0")


def uids(folder: Path) -> dict[str, str]:
    """The UIDs of the first slice."""
    data = pydicom.dcmread(next(path for path in sorted(folder.iterdir()) if path.is_file()))
    names = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
    found = {name: str(data[name].value) for name in names}
    for sequence, keyword in REFERENCES:
        found[keyword] = str(data[sequence].value[0].ReferencedSOPInstanceUID)
    return found
