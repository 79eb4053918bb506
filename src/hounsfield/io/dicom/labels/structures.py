"""Codes of the structures that labels are usually named after (SNOMED CT, PS3.16 annex D)."""

from __future__ import annotations

import re
from dataclasses import dataclass

Code = tuple[str, str]
"""A SNOMED CT code value and its meaning."""

ANATOMY: Code = ("123037004", "Anatomical Structure")
ABNORMAL: Code = ("49755003", "Morphologically Abnormal Structure")
TISSUE: Code = ("85756007", "Tissue")
"""Categories of PS3.16 CID 7150."""

SIDES: dict[str, Code] = {"left": ("7771000", "Left"), "right": ("24028007", "Right")}
"""Laterality, PS3.16 CID 244."""

_CODES: dict[Code, str] = {
    ANATOMY: """
        adrenal_gland=23451007:Adrenal gland, aorta=15825003:Aorta, bone=272673000:Bone,
        brain=12738006:Brain, breast=76752008:Breast, bronchus=955009:Bronchus,
        cerebellum=113305005:Cerebellum, clavicle=51299004:Clavicle, colon=71854001:Colon,
        duodenum=38848004:Duodenum, esophagus=32849002:Esophagus, eye=81745001:Eye,
        femur=71341001:Femur, fibula=87342007:Fibula, gallbladder=28231008:Gallbladder,
        head=69536005:Head, heart=80891009:Heart, hip=29836001:Hip, humerus=85050009:Humerus,
        inferior_vena_cava=64131007:Inferior vena cava, kidney=64033007:Kidney,
        larynx=4596009:Larynx, liver=10200004:Liver, lung=39607008:Lung,
        lung_lower_lobe=90572001:Lower lobe of lung, lung_upper_lobe=45653009:Upper lobe of lung,
        lymph_node=59441001:Lymph Node, mandible=91609006:Mandible, pancreas=15776009:Pancreas,
        parotid_gland=45289007:Parotid gland, pelvis=816092008:Pelvis, prostate=41216001:Prostate,
        pulmonary_artery=81040000:Pulmonary artery, pulmonary_vein=122972007:Pulmonary vein,
        rectum=34402009:Rectum, rib=113197003:Rib, sacrum=54735007:Sacrum,
        scapula=79601000:Scapula, skeletal_muscle=127954009:Skeletal muscle,
        skin=39937001:Skin, skull=89546000:Skull, small_intestine=30315005:Small intestine,
        spinal_cord=2748008:Spinal cord, spine=421060004:Spine, spleen=78961009:Spleen,
        sternum=56873002:Sternum, stomach=69695003:Stomach,
        submandibular_gland=54019009:Submandibular gland,
        superior_vena_cava=48345005:Superior vena cava, thorax=816094009:Thorax,
        tibia=12611008:Tibia, trachea=44567001:Trachea, urinary_bladder=89837001:Bladder,
        uterus=35039007:Uterus, vertebra=51282000:Vertebra""",
    ABNORMAL: """
        cyst=367643001:Cyst, hemorrhage=50960005:Hemorrhage, lesion=52988006:Lesion,
        mass=4147007:Mass, nodule=27925004:Nodule, tumor=108369006:Neoplasm""",
    TISSUE: "fat=256674009:Fat",
}

_OTHER_NAMES = {
    "bladder": "urinary_bladder",
    "small_bowel": "small_intestine",
    "clavicula": "clavicle",
    "vertebrae": "vertebra",
    "oesophagus": "esophagus",
    "bleed": "hemorrhage",
    "haemorrhage": "hemorrhage",
    "tumour": "tumor",
    "neoplasm": "tumor",
}


@dataclass(frozen=True, slots=True)
class Structure:
    """Category, type and side of a segment (PS3.3 C.8.20.4.1)."""

    category: Code
    kind: Code
    side: Code | None = None


def _table() -> dict[str, Structure]:
    found = {}
    for category, text in _CODES.items():
        for item in text.split(","):
            name, _, code = item.strip().partition("=")
            value, _, meaning = code.partition(":")
            found[name] = Structure(category, (value, meaning))
    return found


STRUCTURES = _table()
"""The structure of each plain name, without sides."""


def structure_of(name: str) -> Structure | None:
    """The structure that a label is named after, such as 'Left kidney' or 'kidney_left'; or None.

    >>> structure_of("kidney_left").side, structure_of("My region")
    (('7771000', 'Left'), None)
    """
    words = re.split(r"[ _-]+", name.strip().lower())
    sides = [word for word in words if word in SIDES]
    plain = "_".join(word for word in words if word not in SIDES)
    found = STRUCTURES.get(_OTHER_NAMES.get(plain, plain))
    if found is None or len(sides) > 1:
        return None
    return Structure(found.category, found.kind, SIDES[sides[0]]) if sides else found
