"""Words that are in outputs of any source, and names that scanners make."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_COMMON = """
    abdomen abdominal acquisition angio angiography arterial artery axial body bone brain breast
    case case_id cervical chest clinic clinical colon computed contrast coronal data default delay
    delayed demo department derived description diagnostic dicom dose ear early elbow enhanced exam
    extremity face facial female file folder foot hand head heart helical high hip hospital image
    images institute institution kernel kidney knee large late lateral left leg level liver
    localizer lower lumbar lung lungs male mask medical medium mip modality name native neck none
    normal null number orbit original other pancreas patient pelvis phantom phase plain portal
    position posterior prone protocol radiology reconstruction region report research right
    routine sagittal scan scanner scout screen second segmentation serie series sharp shoulder
    sinus size skull slice small smooth soft spine spiral spleen standard studies study supine test
    thin thick thoracic thorax time tissue tomography topogram torso true type university unknown
    untitled upper value venous vertebra view volume whole window wrist with without yes the and for
    false from of"""

COMMON = frozenset(_COMMON.split())
"""Words of the field and of JSON: no token alone, in names of persons too (Mr Head)."""

GENERIC_NAMES = re.compile(
    r"(?i)(?:im|img|images?|slices?|ct|mr|i|z|file|dcm|dicom|dicomdir|dir|ser|series|scans?|cases?"
    r"|vol|volumes?|segs?|labels?|masks?|study|studies|st|se|s|pa|data|v)"
    r"[-_ ]?\d{0,8}(?:\.[a-z0-9]{1,6}){0,2}"
)
"""Names of files and folders that scanners, archives and this package number themselves."""

_WORD = re.compile(r"[a-z]{2,}")
_PROSE = re.compile(r'"""(?:.|\n)*?"""|#.*')
"""Docstrings and comments, whose examples have names of persons."""


def is_common(word: str) -> bool:
    """Whether a word is one of the field or of this package, or has fewer than three letters.

    >>> is_common("HEAD"), is_common("tilt"), is_common("Simpson")
    (True, True, False)
    """
    lower = word.lower()
    return len(lower) < 3 or lower in COMMON or lower in own_words()


@cache
def own_words() -> frozenset[str]:
    """The words of this package's source: keys, messages, names of formats and structures."""
    from hounsfield.io.dicom.labels.structures import STRUCTURES

    root = Path(__file__).resolve().parents[2]
    texts = [file.read_text(encoding="utf-8") for file in root.rglob("*.py")]
    texts = [_PROSE.sub(" ", text) for text in texts]
    texts += [file.read_text(encoding="utf-8") for file in root.rglob("*.toml")]
    texts += [" ".join([name, each.kind[1]]) for name, each in STRUCTURES.items()]
    return frozenset(word for text in texts for word in _WORD.findall(text.lower()))
