"""The slices of an image as labels are drawn on them, and the way from there onto the image's natural grid."""

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

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SliceGrid:
    """Slices (i, j, k), each at its own place, and `sampling` from them onto `grid`, where the image's voxels lie.

    `origins_ras_mm` (k, 3) is the centre of pixel (0, 0) of each slice. `instances` holds (SOP instance UID, frame
    number from 1) of each slice, ('', 0) where it has none; `references` the frames of reference of its slices.
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
        """The slices of a stack as they lie on disk."""
        frames = source_frames(stack)
        return cls(
            shape=stack.shape,
            origins_ras_mm=stack.origins_ras_mm,
            step_i_ras_mm=stack.step_i_ras_mm,
            step_j_ras_mm=stack.step_j_ras_mm,
            thickness_mm=stack.step_mm,
            grid=stack.grid,
            sampling=Sampling.of_stack(stack),
            instances=tuple(
                ("", 0) if frame is None else (frame.sop_instance, frame.index + 1)
                for frame in frames
            ),
            references=frozenset(frame.reference for frame in frames if frame and frame.reference),
        )

    @classmethod
    def of_grid(cls, grid: Grid, *, axis: int = 2) -> SliceGrid:
        """The slices of a grid across its `axis`."""
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
        """The unit vector across the slices in RAS+, towards ascending k."""
        across = np.cross(self.step_i_ras_mm, self.step_j_ras_mm)
        along = self.origins_ras_mm[-1] - self.origins_ras_mm[0]
        length = float(np.linalg.norm(across)) * (-1.0 if float(along @ across) < 0 else 1.0)
        return np.asarray(across / length, dtype=np.float64)

    @property
    def places_mm(self) -> Floats:
        """The place of each slice along the normal, mm, ascending (k,)."""
        return np.asarray(self.origins_ras_mm @ self.normal, dtype=np.float64)

    @property
    def gaps_mm(self) -> Floats:
        """The distance of each slice to its nearest neighbour, mm (k,); its thickness where it is alone."""
        if self.shape[2] == 1:
            return np.array([self.thickness_mm])
        gaps = np.abs(np.diff(self.places_mm))
        return np.asarray(
            np.minimum(np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0])), dtype=np.float64
        )

    def in_plane(self, points_ras_mm: Floats, k: int) -> Floats:
        """Pixel coordinates (n, 2) of points (n, 3), seen along the normal of slice k."""
        plane = np.stack([self.step_i_ras_mm, self.step_j_ras_mm], axis=1)
        return np.asarray(
            (points_ras_mm - self.origins_ras_mm[k]) @ np.linalg.pinv(plane).T, dtype=np.float64
        )

    def volume(self, array: NDArray[np.uint8]) -> Volume:
        """A mask (i, j, k) on the slices as a mask on the image's grid: copied bit for bit where the slices lie on
        it, else where it fills over half of a voxel, in the image's own sampling."""
        drawn = Volume.from_array(array, affine=_placeholder(self), quantity="mask")
        return sample_label(drawn, self.grid, self.sampling, method="partial_volume")


def _placeholder(lattice: SliceGrid) -> Floats:
    """An affine for voxels that lie on no one grid: only their order counts."""
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = lattice.step_i_ras_mm, lattice.step_j_ras_mm
    affine[:3, 2] = lattice.normal * lattice.thickness_mm
    return affine
