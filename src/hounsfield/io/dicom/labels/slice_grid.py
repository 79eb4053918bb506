"""The slices of an image on which labels are drawn, and their sampling to the image grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.grid import Grid
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.dicom.read import source_frames
from hounsfield.resampling.labels import sample_label
from hounsfield.resampling.sampling import Sampling
from hounsfield.resampling.tilted_stack import straighten

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SliceGrid:
    """Slices (i, j, k) at their own positions, and the `sampling` from them to the image's `grid`.

    `origins_ras_mm` (k, 3) is the centre of pixel (0, 0) of each slice. `instances` is (SOP
    instance UID, frame number from 1) of each slice, ('', 0) if it has none; `references` are the
    frames of reference.
    """

    shape: tuple[int, int, int]
    origins_ras_mm: Floats
    step_i_ras_mm: Floats
    step_j_ras_mm: Floats
    thickness_mm: float
    grid: Grid
    sampling: Sampling
    instances: tuple[tuple[str, int], ...] = ()
    references: frozenset[str] = frozenset()

    @classmethod
    def of_stack(cls, stack: Stack) -> SliceGrid:
        """The original slices of a stack."""
        frames = source_frames(stack)
        return cls(
            shape=stack.shape,
            origins_ras_mm=stack.origins_ras_mm,
            step_i_ras_mm=stack.step_i_ras_mm,
            step_j_ras_mm=stack.step_j_ras_mm,
            thickness_mm=stack.step_mm,
            grid=stack.grid,
            sampling=straighten(stack),
            instances=tuple(
                ("", 0) if frame is None else (frame.sop_instance, frame.index + 1)
                for frame in frames
            ),
            references=frozenset(frame.reference for frame in frames if frame and frame.reference),
        )

    @classmethod
    def of_grid(cls, grid: Grid, *, axis: int = 2) -> SliceGrid:
        """The slices of a grid perpendicular to its `axis`."""
        turned = grid.permuted((*(n for n in range(3) if n != axis), axis))
        sampling = Sampling.of_grid(turned).to(grid)
        assert sampling is not None
        count = turned.shape[2]
        origins = turned.world(
            np.stack([np.zeros(count), np.zeros(count), np.arange(count)], axis=1)
        )
        return cls(
            shape=turned.shape,
            origins_ras_mm=origins,
            step_i_ras_mm=turned.affine[:3, 0],
            step_j_ras_mm=turned.affine[:3, 1],
            thickness_mm=turned.spacing_mm[2],
            grid=grid,
            sampling=sampling,
        )

    @property
    def normal(self) -> Floats:
        """The unit slice normal in RAS+, towards ascending k."""
        across = np.cross(self.step_i_ras_mm, self.step_j_ras_mm)
        along = self.origins_ras_mm[-1] - self.origins_ras_mm[0]
        length = float(np.linalg.norm(across)) * (-1.0 if float(along @ across) < 0 else 1.0)
        return np.asarray(across / length, dtype=np.float64)

    @property
    def positions_mm(self) -> Floats:
        """The position of each slice along the normal, mm, ascending (k,)."""
        return np.asarray(self.origins_ras_mm @ self.normal, dtype=np.float64)

    @property
    def gaps_mm(self) -> Floats:
        """The distance of each slice to its nearest neighbour, mm (k,); or its thickness."""
        if self.shape[2] == 1:
            return np.array([self.thickness_mm])
        gaps = np.abs(np.diff(self.positions_mm))
        return np.asarray(
            np.minimum(np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0])), dtype=np.float64
        )

    def in_plane(self, points_ras_mm: Floats, k: int) -> Floats:
        """Pixel coordinates (n, 2) of points (n, 3) projected onto slice k."""
        plane = np.stack([self.step_i_ras_mm, self.step_j_ras_mm], axis=1)
        return np.asarray(
            (points_ras_mm - self.origins_ras_mm[k]) @ np.linalg.pinv(plane).T, dtype=np.float64
        )

    def volume(self, array: NDArray[np.uint8]) -> Volume:
        """Sample a mask (i, j, k) from the slices to the image grid.

        Copied if the slices are on the grid; else a voxel is set if the mask fills over half of it.
        """
        mask = Volume.from_array(array, affine=_placeholder(self), quantity="mask")
        return sample_label(mask, self.grid, self.sampling, method="partial_volume")


def _placeholder(slices: SliceGrid) -> Floats:
    """An affine for slices that may not be on one grid; only their order is used."""
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = slices.step_i_ras_mm, slices.step_j_ras_mm
    affine[:3, 2] = slices.normal * slices.thickness_mm
    return affine
