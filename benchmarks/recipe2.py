"""Recipe 2 in memory, by us and by peers: 1 mm isotropic, -100..1000 HU to 0..1, MIP of 5 slices.

Each contender is prepared (not timed) with its steps and the scan in the form that it takes. It
returns float32 (i, j, k) in RAS on the target grid, which all but the tutorial's code and nnU-Net's
resampling can be given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOW_HU, HIGH_HU, SLAB = -100.0, 1000.0, 5
Floats = NDArray[np.float32]
Prepare = Callable[[NDArray[Any], NDArray[np.float64]], Any]


@dataclass(frozen=True, slots=True)
class Contender:
    """How to prepare the scan (array, affine), what is timed, and the tolerance to ours (0..1)."""

    prepare: Prepare
    run: Callable[[Any], Any]
    tolerance: float | None = 2e-6
    remark: str = ""


def target(shape: tuple[int, ...], affine: NDArray[np.float64]) -> Any:
    """The grid that all resample to."""
    from hounsfield.core.grid import Grid

    return Grid(shape, affine).reoriented("RAS").resampled(spacing_mm=(1.0, 1.0, 1.0))


def _volume(array: NDArray[Any], affine: NDArray[np.float64]) -> Any:
    import hounsfield as hu

    return hu.Volume.from_array(array, affine=affine)


def _ours(method: str) -> Prepare:
    def prepare(array: NDArray[Any], affine: NDArray[np.float64]) -> Any:
        import hounsfield as hu

        return hu.preset("isotropic-mip", settings={"Resample.method": method}), _volume(
            array, affine
        )

    return prepare


def by_hounsfield(given: Any) -> Floats:
    """A preset, run."""
    pipeline, volume = given
    made: Floats = pipeline.run(volume).volume.array
    return made


def _for_simpleitk(array: NDArray[Any], affine: NDArray[np.float64]) -> Any:
    import SimpleITK as sitk

    grid = target(array.shape, affine)
    return (
        _sitk(array, affine),
        [int(n) for n in grid.shape],
        _sitk(np.zeros((2, 2, 2), np.uint8), grid.affine),
        sitk,
    )


def _sitk(array: NDArray[Any], affine: NDArray[np.float64]) -> Any:
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(array.T)
    flip = np.diag([-1.0, -1.0, 1.0])
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((flip @ affine[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin((flip @ affine[:3, 3]).tolist())
    return image


def by_simpleitk(given: Any) -> Floats:
    """ResampleImageFilter to float32, then numpy in place."""
    image, size, like, sitk = given
    made = sitk.Resample(
        image,
        size,
        sitk.Transform(),
        sitk.sitkLinear,
        like.GetOrigin(),
        like.GetSpacing(),
        like.GetDirection(),
        -1024.0,
        sitk.sitkFloat32,
    )
    return mapped_mip(sitk.GetArrayFromImage(made)).T


def mapped_mip(values: Floats) -> Floats:
    """Clip, map and project (k, j, i) in numpy, in place and by slices where numpy can."""
    np.clip(values, LOW_HU, HIGH_HU, out=values)
    values -= np.float32(LOW_HU)
    values *= np.float32(1 / (HIGH_HU - LOW_HU))
    out = values.copy()
    for shift in range(1, SLAB // 2 + 1):
        np.maximum(out[shift:], values[:-shift], out=out[shift:])
        np.maximum(out[:-shift], values[shift:], out=out[:-shift])
    return out


def by_scipy(given: Any) -> Floats:
    """affine_transform of order 1 to float32, then maximum_filter1d."""
    from scipy.ndimage import affine_transform, maximum_filter1d

    array, grid, move = given
    values = np.empty(grid.shape, np.float32)
    affine_transform(
        array,
        np.diag(move)[:3] if _is_diagonal(move) else move[:3, :3],
        move[:3, 3],
        output=values,
        output_shape=grid.shape,
        order=1,
        mode="nearest",
    )
    np.clip(values, LOW_HU, HIGH_HU, out=values)
    values -= np.float32(LOW_HU)
    values *= np.float32(1 / (HIGH_HU - LOW_HU))
    made: Floats = maximum_filter1d(values, SLAB, axis=2, mode="nearest")
    return made


def _for_scipy(array: NDArray[Any], affine: NDArray[np.float64]) -> Any:
    grid = target(array.shape, affine)
    return array, grid, np.linalg.inv(affine) @ grid.affine


def _is_diagonal(move: NDArray[np.float64]) -> bool:
    return not np.any(np.abs(move[:3, :3] - np.diag(np.diag(move)[:3])) > 1e-9)


def torch_mip(values: Any) -> Any:
    """Maximum over slabs of (channel, i, j, k) by pooling."""
    import torch

    return torch.nn.functional.max_pool3d(values, (1, 1, SLAB), stride=1, padding=(0, 0, SLAB // 2))


def _for_monai(array: NDArray[Any], affine: NDArray[np.float64]) -> Any:
    """A MetaTensor of float32, as LoadImage gives it."""
    import torch
    from monai.data import MetaTensor

    values = torch.as_tensor(np.ascontiguousarray(array[None], dtype=np.float32))
    return MetaTensor(values, affine=torch.as_tensor(affine)), monai_steps(
        target(array.shape, affine)
    )


def monai_steps(grid: Any) -> Any:
    """Spacing is SpatialResample on a grid of its own; ours is given, to compare the results."""
    import torch
    from monai.transforms import Compose, Lambda, Orientation, ScaleIntensityRange, SpatialResample

    to = torch.as_tensor(grid.affine.copy())
    onto = Lambda(
        lambda image: SpatialResample(dtype=np.float32)(
            image, dst_affine=to, spatial_size=grid.shape
        )
    )
    return Compose(
        [
            Orientation("RAS", labels=None),
            onto,
            ScaleIntensityRange(LOW_HU, HIGH_HU, 0.0, 1.0, clip=True),
            Lambda(torch_mip),
        ]
    )


def by_monai(given: Any) -> Floats:
    """Compose of Orientation, SpatialResample, ScaleIntensityRange, and pooling for the MIP."""
    image, steps = given
    made: Floats = steps(image)[0].numpy()
    return made


def _for_torchio(array: NDArray[Any], affine: NDArray[np.float64]) -> Any:
    import torch
    import torchio as tio

    values = torch.as_tensor(np.ascontiguousarray(array[None]))
    return tio.ScalarImage(tensor=values, affine=affine), torchio_steps(target(array.shape, affine))


def torchio_steps(grid: Any) -> Any:
    """Reorient, resample onto a given grid, clamp, rescale."""
    import torchio as tio

    return tio.Compose(
        [
            tio.ToCanonical(),
            tio.Resample((grid.shape, grid.affine)),
            tio.Clamp(LOW_HU, HIGH_HU),
            tio.RescaleIntensity((0, 1), in_min_max=(LOW_HU, HIGH_HU)),
        ]
    )


def by_torchio(given: Any) -> Floats:
    """ToCanonical, Resample, Clamp, RescaleIntensity, and a pooling for the projection."""
    image, steps = given
    made: Floats = torch_mip(steps(image).data.float())[0].numpy()
    return made


def by_tutorial(given: Any) -> Floats:
    """float64, coordinates of all voxels at once, the last partial voxel dropped, MIP in a loop.

    Its grid starts at the first voxel's centre; its slabs begin at their slice and the last four
    slices stay 0.
    """
    from scipy.ndimage import map_coordinates

    array, affine = given
    data = np.asanyarray(array, dtype=np.float64)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    axes = [
        np.arange(int(size * step)) / step for size, step in zip(data.shape, spacing, strict=True)
    ]
    points = np.meshgrid(*axes, indexing="ij")
    volume = map_coordinates(data, points, order=1, mode="nearest")
    volume = np.clip(volume, LOW_HU, HIGH_HU)
    volume = (volume - LOW_HU) * (1.0 - 0.0) / (HIGH_HU - LOW_HU) + 0.0
    out = np.zeros(volume.shape)
    for start in range(volume.shape[2] - SLAB + 1):
        out[:, :, start] = np.max(volume[:, :, start : start + SLAB], axis=2)
    return out.astype(np.float32)


def by_nnunet(given: Any) -> Floats:
    """nnU-Net's resample_data_or_seg for isotropic CT: skimage's resize, order 3, in float64."""
    from skimage.transform import resize

    array, affine = given
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    shape = [round(size * step) for size, step in zip(array.shape, spacing, strict=True)]
    values = resize(
        array.astype(np.float64),
        shape,
        3,
        mode="edge",
        cval=0,
        clip=True,
        anti_aliasing=False,
        preserve_range=True,
    )
    return mapped_mip(np.ascontiguousarray(values.T, dtype=np.float32)).T


def _plain(array: NDArray[Any], affine: NDArray[np.float64]) -> Any:
    return array, affine


CONTENDERS: dict[str, Contender] = {
    "hounsfield": Contender(_ours("linear"), by_hounsfield),
    "hounsfield conservative": Contender(
        _ours("conservative"), by_hounsfield, None, "another method: sharper truth"
    ),
    "hounsfield auto": Contender(_ours("auto"), by_hounsfield, None, "another method"),
    "SimpleITK": Contender(_for_simpleitk, by_simpleitk),
    "scipy": Contender(_for_scipy, by_scipy),
    "MONAI": Contender(_for_monai, by_monai, 2e-4, "coordinates in float32"),
    "TorchIO": Contender(_for_torchio, by_torchio, 1e-3, "keeps int16: rounds to whole HU"),
    "tutorial": Contender(_plain, by_tutorial, 2e-6, "compared on its own grid"),
    "nnU-Net": Contender(_plain, by_nnunet, None, "cubic, over another grid: not compared"),
}


def result_on_tutorials_grid(array: NDArray[Any], affine: NDArray[np.float64]) -> Floats:
    """Our result on the tutorial's grid, slabs moved back by half: to check the tutorial's."""
    import hounsfield as hu
    from hounsfield.core.grid import Grid

    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    grid = Grid(array.shape, affine).moved(
        [int(size * step) for size, step in zip(array.shape, spacing, strict=True)],
        np.diag([*(1 / spacing), 1.0]),
    )
    steps = (
        hu.Resample(like=grid, method="linear"),
        hu.Clip(low_hu=LOW_HU, high_hu=HIGH_HU),
        hu.MapRange(),
        hu.Slab(slices=SLAB),
    )
    made = hu.Pipeline(steps).run(_volume(array, affine)).volume.array
    out = np.zeros_like(made)
    out[:, :, : 1 - SLAB] = made[:, :, SLAB // 2 : -(SLAB // 2)]
    return out
