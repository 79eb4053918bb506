"""Tissues of the phantoms, their HU, and their groups."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Tissue(IntEnum):
    """Number the tissues of the phantom, as in its labels."""

    AIR = 0
    TABLE = 1
    TABLE_FOAM = 2
    REST_SHELL = 3
    REST_FOAM = 4
    SKIN = 5
    FAT = 6
    MUSCLE = 7
    COMPACT_BONE = 8
    DIPLOE = 9
    PETROUS_BONE = 10
    CARTILAGE = 11
    INNER_AIR = 12
    EYE = 13
    LENS = 14
    SPINAL_FLUID = 15
    CORD = 16
    CSF = 17
    GREY = 18
    WHITE = 19
    BRAINSTEM = 20
    VENTRICLE = 21
    DURA = 22
    CALCIFICATION = 23
    EDEMA = 24
    BLEED = 25
    TOOTH = 26
    PAD = 27
    BOARD = 28
    STRAP = 29
    SHEET = 30
    LUNG_LEFT = 31
    LUNG_RIGHT = 32
    VESSEL_LEFT = 33
    VESSEL_RIGHT = 34
    AIRWAY = 35
    NODULE = 36
    CONSOLIDATION = 37
    EFFUSION = 38
    PLEURAL_GAS = 39
    HEART = 40
    LIVER = 41
    GUT_GAS = 42


HU: dict[Tissue, float] = {
    Tissue.AIR: -1000,
    Tissue.TABLE: -120,
    Tissue.TABLE_FOAM: -880,
    Tissue.REST_SHELL: 180,
    Tissue.REST_FOAM: -900,
    Tissue.SKIN: 45,
    Tissue.FAT: -90,
    Tissue.MUSCLE: 55,
    Tissue.COMPACT_BONE: 1350,
    Tissue.DIPLOE: 700,
    Tissue.PETROUS_BONE: 1700,
    Tissue.CARTILAGE: 90,
    Tissue.INNER_AIR: -1000,
    Tissue.EYE: 12,
    Tissue.LENS: 85,
    Tissue.SPINAL_FLUID: 8,
    Tissue.CORD: 34,
    Tissue.CSF: 8,
    Tissue.GREY: 38,
    Tissue.WHITE: 30,
    Tissue.BRAINSTEM: 32,
    Tissue.VENTRICLE: 5,
    Tissue.DURA: 60,
    Tissue.CALCIFICATION: 190,
    Tissue.EDEMA: 20,
    Tissue.BLEED: 66,
    Tissue.TOOTH: 2400,
    Tissue.PAD: -300,
    Tissue.BOARD: 100,
    Tissue.STRAP: -150,
    Tissue.SHEET: 40,
    Tissue.LUNG_LEFT: -850,
    Tissue.LUNG_RIGHT: -850,
    Tissue.VESSEL_LEFT: 45,
    Tissue.VESSEL_RIGHT: 45,
    Tissue.AIRWAY: -1000,
    Tissue.NODULE: 30,
    Tissue.CONSOLIDATION: 40,
    Tissue.EFFUSION: 12,
    Tissue.PLEURAL_GAS: -1000,
    Tissue.HEART: 45,
    Tissue.LIVER: 60,
    Tissue.GUT_GAS: -1000,
}
"""Mean HU at 120 kVp from textbooks of head CT (compact bone 1000 to 1700, grey matter 37 to 41,
white matter 28 to 32) and of chest CT (lung at full inspiration -900 to -800)."""

TABLES = frozenset({Tissue.TABLE, Tissue.TABLE_FOAM})
"""The table top, which is neither patient nor headrest."""

HEADREST = frozenset({Tissue.REST_SHELL, Tissue.REST_FOAM})
"""The headrest: shell and foam."""

TOUCHING = {
    "pad": frozenset({Tissue.PAD}),
    "board": frozenset({Tissue.BOARD}),
    "strap": frozenset({Tissue.STRAP}),
    "sheet": frozenset({Tissue.SHEET}),
}
"""The objects that may touch the head; a drape and an ear pad are sheets."""

LUNGS = {
    "left": frozenset({Tissue.LUNG_LEFT, Tissue.VESSEL_LEFT}),
    "right": frozenset({Tissue.LUNG_RIGHT, Tissue.VESSEL_RIGHT}),
}
"""Each lung with the vessels and bronchi in it."""

CHEST = frozenset(tissue for tissue in Tissue if tissue >= Tissue.LUNG_LEFT)
"""The tissues that only a chest has."""

HEAD = frozenset(Tissue) - TABLES - HEADREST - CHEST - {Tissue.AIR}.union(*TOUCHING.values())
"""The patient: all inside the skin, including sinuses, air cells, ear canals and airway."""

BRAIN = frozenset(
    {
        Tissue.CSF,
        Tissue.GREY,
        Tissue.WHITE,
        Tissue.BRAINSTEM,
        Tissue.VENTRICLE,
        Tissue.DURA,
        Tissue.CALCIFICATION,
        Tissue.EDEMA,
        Tissue.BLEED,
    }
)
"""The contents of the skull down to the foramen magnum: brain, fluid, dura and bleeds."""


def values() -> NDArray[np.float32]:
    """HU by tissue number, (tissues,) float32."""
    return np.array([HU[tissue] for tissue in Tissue], dtype=np.float32)


def members(group: frozenset[Tissue]) -> NDArray[np.float32]:
    """1 for the tissues of `group`, 0 for the others, (tissues,) float32."""
    return np.array([tissue in group for tissue in Tissue], dtype=np.float32)
