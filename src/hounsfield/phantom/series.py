"""Writing of the phantom as a CT series, with known ground truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError, WriteError
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume
from hounsfield.phantom.acquisition import Acquisition, acquire
from hounsfield.phantom.chest import Chest, ChestRecipe
from hounsfield.phantom.encode import file_bytes, set_pixels
from hounsfield.phantom.enhanced import enhanced_bytes
from hounsfield.phantom.extras import extra_bytes
from hounsfield.phantom.faults import Faults
from hounsfield.phantom.head import Head, Recipe
from hounsfield.phantom.identity import Identity
from hounsfield.phantom.noise import noise
from hounsfield.phantom.slice_dataset import SliceId, slice_dataset
from hounsfield.phantom.stored import Stored, store

RAS_FROM_LPS = np.array([-1.0, -1.0, 1.0])
"""Conversion from LPS (DICOM) to RAS."""

CONTRAST_HU = 12.0
"""HU that each further phase adds to soft tissue (20 to 100 HU)."""

REPEAT_NOISE_HU = 4.0
"""Noise that another phase, another study or a differing duplicate adds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """Hold what `write_series` has written, and its ground truth.

    Parameters
    ----------
    folder : Path
        The folder of the series.
    files : tuple of Path
        Slices ascending along the normal; then duplicates, phases and studies.
    extras : tuple of Path
        Files that are no slices, such as a localizer.
    faults : Faults
        The faults of the series.
    origins_ras_mm : ndarray of float64, (k, 3)
        Centre of voxel (0, 0) of each slice, missing ones too, RAS+ mm.
    truths : tuple of Volume
        For each phase and study the volume that a perfect reader returns; padding is air, and
        missing slices are there. Empty if the positions are uneven.
    recipe : Recipe, ChestRecipe or None
        How the head or chest was made; None if the series was written from a Volume.

    Examples
    --------
    >>> import tempfile
    >>> from hounsfield.phantom.head import grid_about, head
    >>> small = head(grid_about((0, 0, 0), shape=(32, 32, 4), spacing_mm=(7, 7, 9)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(write_series(small, folder, faults=Faults(missing=(2,))).files)
    3
    """

    folder: Path
    files: tuple[Path, ...]
    extras: tuple[Path, ...]
    faults: Faults
    origins_ras_mm: NDArray[np.float64]
    truths: tuple[Volume, ...]
    recipe: Recipe | ChestRecipe | None

    @property
    def truth(self) -> Volume | None:
        """The truth of the first phase of the first study; None for uneven positions."""
        return self.truths[0] if self.truths else None

    def on(self, grid: Grid) -> Head | Chest:
        """Return the head or chest of the series without noise on another grid.

        Parameters
        ----------
        grid : Grid
            The grid.

        Returns
        -------
        Head or Chest
            The phantom.

        Raises
        ------
        GeometryError
            If the series was written from a Volume.
        """
        if self.recipe is None:
            raise GeometryError(
                "the series was written from a Volume; expected a Head, which can be rendered again"
            )
        return replace(self.recipe, noise_hu=0.0).on(grid)


def write_series(
    source: Head | Chest | Volume,
    folder: str | Path,
    *,
    faults: Faults | None = None,
    seed: int = 0,
) -> Series:
    """Write a phantom or a volume as a DICOM CT series with faults.

    By default stored values are int16, HU = stored - 1024, and -2000 (PixelPaddingValue) outside of
    the reconstruction circle. The patient is fictitious.

    Parameters
    ----------
    source : Head, Chest or Volume
        What to write.
    folder : str or Path
        A new or empty folder.
    faults : Faults, optional
        What is wrong with the series (default: nothing).
    seed : int, default 0
        Seed of file names, UIDs and all else; the same input gives the same bytes.

    Returns
    -------
    Series
        The files and the ground truth.

    Raises
    ------
    WriteError
        If the folder is not empty, or cannot be written.
    GeometryError
        If the source does not allow a fault, or a fault names a slice that does not exist.
    QuantityError
        If the source is not HU.

    Examples
    --------
    >>> import tempfile
    >>> from hounsfield.phantom.head import grid_about, head
    >>> small = head(grid_about((0, 0, 0), shape=(32, 32, 4), spacing_mm=(7, 7, 9)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(write_series(small, folder).files)
    4
    """
    chosen = faults if faults is not None else Faults()
    acquisition = acquire(source, chosen)
    _check(acquisition, chosen)
    target = _empty_folder(Path(folder))
    identity = Identity(seed)
    slices = [
        (study, phase, _stored(acquisition, chosen, study, phase, seed))
        for study in range(chosen.studies)
        for phase in range(chosen.phases)
    ]
    files = []
    for name, data in _files(identity, acquisition, slices, chosen, seed):
        files.append(_write(target / name, data))
    extras = []
    for kind in chosen.extras:
        data = extra_bytes(identity, kind, acquisition.hu, chosen.syntax)
        extras.append(_write(target / identity.file_name("extra", kind), data))
    truths = (
        tuple(_truth(acquisition.grid, stored, chosen) for _, _, stored in slices)
        if acquisition.grid
        else ()
    )
    return Series(
        folder=target,
        files=tuple(files),
        extras=tuple(extras),
        faults=chosen,
        truths=truths,
        origins_ras_mm=acquisition.origins_ras_mm,
        recipe=acquisition.recipe,
    )


def _check(acquisition: Acquisition, faults: Faults) -> None:
    count = acquisition.hu.shape[2]
    named = {
        "missing": faults.missing,
        "duplicated": faults.duplicated,
        "truncated": faults.truncated,
        "no_position": faults.no_position,
        "other_spacing": () if faults.other_spacing is None else (faults.other_spacing,),
    }
    for name, indices in named.items():
        if any(not 0 <= index < count for index in indices):
            raise GeometryError(
                f"{name} contains slice {max(indices, key=abs)}; expected 0 to {count - 1}"
            )
    if len(set(faults.missing)) >= count:
        raise GeometryError(f"all {count} slices are missing; expected at least one to write")


def _empty_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise WriteError(
                f"the folder for the series is not empty ({folder.name}); give a new one"
            )
    except OSError as error:
        if isinstance(error, WriteError):
            raise
        raise WriteError(
            f"cannot create the folder for the series: {folder.name} ({error.strerror})"
        ) from error
    return folder


def _write(path: Path, data: bytes) -> Path:
    try:
        path.write_bytes(data)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise WriteError(f"cannot write a slice: {path.name} ({error.strerror})") from error
    return path


def _stored(
    acquisition: Acquisition, faults: Faults, study: int, phase: int, seed: int
) -> list[Stored]:
    hu = acquisition.hu
    if phase:
        hu = hu + np.where((hu > 20) & (hu < 100), np.float32(CONTRAST_HU * phase), np.float32(0))
    if study or phase:
        i, j, k = hu.shape
        hu = hu + noise((i, j, k), sd=REPEAT_NOISE_HU, seed=seed + 1000 * study + phase + 1)
    outside = acquisition.outside
    slopes = faults.slopes
    return [
        store(hu[:, :, n], outside, slopes[n % len(slopes)], faults) for n in range(hu.shape[2])
    ]


def _truth(grid: Grid, stored: Sequence[Stored], faults: Faults) -> Volume:
    values = np.stack([one.truth for one in stored], axis=2)
    if (values == np.rint(values)).all():
        values = values.astype(np.int16)
    quantity_is_hu = faults.rescale == "hu"
    return Volume.from_array(
        values,
        affine=grid.affine,
        quantity="hu" if quantity_is_hu else "other",
        background=None if quantity_is_hu else 0.0,
    )


def _files(
    identity: Identity,
    acquisition: Acquisition,
    slices: Sequence[tuple[int, int, list[Stored]]],
    faults: Faults,
    seed: int,
) -> Iterator[tuple[str, bytes]]:
    for study, phase, stored in slices:
        kept = [k for k in range(len(stored)) if k not in faults.missing]
        if faults.enhanced:
            frames = [(k, stored[k]) for k in kept]
            data = enhanced_bytes(identity, acquisition, frames, faults, study=study, phase=phase)
            yield identity.file_name(study, phase), _damaged(data, bool(faults.truncated))
            continue
        copies = [(k, stored[k], 0) for k in kept]
        copies += [
            (k, _repeated(stored[k], acquisition.outside, faults, seed + k), 1)
            for k in faults.duplicated
            if k in kept
        ]
        for k, one, copy in copies:
            slice_id = SliceId(index=k, phase=phase, study=study, copy=copy)
            data = _slice_bytes(identity, acquisition, slice_id, one, faults)
            yield identity.file_name(study, phase, k, copy), _damaged(data, k in faults.truncated)


def _repeated(stored: Stored, outside: NDArray[np.bool_], faults: Faults, seed: int) -> Stored:
    """A duplicate of a slice: the same pixels, or measured again with other noise."""
    if not faults.duplicates_differ:
        return stored
    more = noise((*stored.truth.shape, 1), sd=REPEAT_NOISE_HU, seed=seed + 7919)[:, :, 0]
    return store(stored.truth + more, outside, stored.slope, faults)


def _slice_bytes(
    identity: Identity, acquisition: Acquisition, slice_id: SliceId, stored: Stored, faults: Faults
) -> bytes:
    steps = (acquisition.step_i_ras_mm * RAS_FROM_LPS, acquisition.step_j_ras_mm * RAS_FROM_LPS)
    origin = acquisition.origins_ras_mm[slice_id.index] * RAS_FROM_LPS
    dataset = slice_dataset(
        identity,
        slice_id,
        stored,
        faults,
        origin_lps_mm=[float(value) for value in origin],
        steps_lps_mm=steps,
        thickness_mm=acquisition.thickness_mm,
    )
    set_pixels(
        dataset, stored.values.T[None], faults.syntax, unsigned_codestream=faults.sign_mismatch
    )
    return file_bytes(
        dataset, faults.syntax, no_preamble=faults.no_preamble, no_meta=faults.no_meta
    )


def _damaged(data: bytes, truncated: bool) -> bytes:
    return data[: len(data) * 2 // 3] if truncated else data
