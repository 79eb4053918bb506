"""Work from file to file, by us and by peers; each imports only what it needs.

    python benchmarks/files.py KIND CONTENDER SOURCE OUT

runs one of them as a whole process, such as a user's script. npy: recipe 2 from a DICOM folder to
.npy. gz: recipe 2 from .nii.gz to .nii.gz. load: a DICOM folder to HU in memory. convert: a DICOM
folder to .nii. All read what they need of the target grid from the source, as scripts do.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from recipe2 import by_tutorial, mapped_mip, monai_steps, target, torch_mip, torchio_steps

Work = Callable[[Path, Path], object]
BIN = Path(sys.executable).parent
SET = {"Resample.method": "linear"}


def _pipeline(source: Path, out: Path) -> None:
    import hounsfield as hu

    made = hu.preset("isotropic-mip", settings=SET).run(hu.open(source))
    hu.write(made.volume, out)


def _sitk_image(source: Path) -> Any:
    import SimpleITK as sitk

    if source.is_file():
        return sitk.ReadImage(str(source))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(source)))
    return reader.Execute()


def _sitk_recipe(source: Path) -> tuple[Any, Any]:
    """The mapped projection (k, j, i) and an image of its grid, LPS resampled to RAS."""
    import SimpleITK as sitk

    image = _sitk_image(source)
    spacing, size = np.array(image.GetSpacing()), np.array(image.GetSize())
    counts = np.ceil(size * spacing - 1e-3 * 1.0).astype(int)
    turn = np.diag([-1.0, -1.0, 1.0])
    direction = np.array(image.GetDirection()).reshape(3, 3)
    middle = np.array(image.TransformContinuousIndexToPhysicalPoint(((size - 1) / 2).tolist()))
    new = turn @ np.abs(direction)
    origin = middle - new @ ((counts - 1) / 2)
    made = sitk.Resample(
        image,
        counts.tolist(),
        sitk.Transform(),
        sitk.sitkLinear,
        origin.tolist(),
        (1.0, 1.0, 1.0),
        new.ravel().tolist(),
        -1024.0,
        sitk.sitkFloat32,
    )
    return mapped_mip(sitk.GetArrayFromImage(made)), made


def _sitk_to_npy(source: Path, out: Path) -> None:
    np.save(out, _sitk_recipe(source)[0].T)


def _sitk_to_gz(source: Path, out: Path) -> None:
    import SimpleITK as sitk

    values, like = _sitk_recipe(source)
    image = sitk.GetImageFromArray(values)
    image.CopyInformation(like)
    sitk.WriteImage(image, str(out), useCompression=True)


def _monai_image(source: Path) -> Any:
    from monai.transforms import LoadImage

    reader = "NibabelReader" if source.is_file() else "PydicomReader"
    return LoadImage(reader=reader, image_only=True, ensure_channel_first=True)(str(source))


def _monai_recipe(source: Path) -> Any:
    image = _monai_image(source)
    return monai_steps(target(tuple(image.shape[1:]), image.affine.numpy()))(image)


def _monai_to_npy(source: Path, out: Path) -> None:
    np.save(out, _monai_recipe(source)[0].numpy())


def _monai_to_gz(source: Path, out: Path) -> None:
    from monai.transforms import SaveImage

    save = SaveImage(output_ext=".nii.gz", resample=False, print_log=False, separate_folder=False)
    save(_monai_recipe(source), filename=str(out).removesuffix(".nii.gz"))


def _torchio_image(source: Path) -> Any:
    import torchio as tio

    return tio.ScalarImage(source)


def _torchio_recipe(source: Path) -> Any:
    image = _torchio_image(source)
    made = torchio_steps(target(tuple(image.shape[1:]), np.array(image.affine)))(image)
    made.set_data(torch_mip(made.data.float()))
    return made


def _torchio_to_npy(source: Path, out: Path) -> None:
    np.save(out, _torchio_recipe(source).data[0].numpy())


def _torchio_to_gz(source: Path, out: Path) -> None:
    _torchio_recipe(source).save(out)


def _pydicom(source: Path) -> tuple[Any, Any]:
    """The loop of tutorials: all slices in order of z, one slope and intercept; and the affine."""
    import pydicom

    slices = [pydicom.dcmread(path) for path in source.iterdir()]
    slices.sort(key=lambda one: float(one.ImagePositionPatient[2]))
    first, last = slices[0], slices[-1]
    stored = np.stack([one.pixel_array for one in slices])
    values = stored.astype(np.int16) * int(first.RescaleSlope) + int(first.RescaleIntercept)
    affine = np.eye(4)
    affine[:2, :2] = np.diag([-float(first.PixelSpacing[1]), -float(first.PixelSpacing[0])])
    affine[2, 2] = (float(last.ImagePositionPatient[2]) - float(first.ImagePositionPatient[2])) / (
        len(slices) - 1
    )
    affine[:3, 3] = np.array(first.ImagePositionPatient, dtype=float) * [-1, -1, 1]
    return values.transpose(2, 1, 0), affine


def _tutorial_to_npy(source: Path, out: Path) -> None:
    np.save(out, by_tutorial(_pydicom(source)))


def _tutorial_to_gz(source: Path, out: Path) -> None:
    import nibabel

    image = nibabel.load(source)
    values = by_tutorial((image.get_fdata(), image.affine))
    nibabel.save(nibabel.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0])), out)


def _dicom_numpy(source: Path, out: Path) -> Any:
    import dicom_numpy
    import pydicom

    return dicom_numpy.combine_slices([pydicom.dcmread(path) for path in source.iterdir()])


def _read(source: Path, out: Path) -> Any:
    import hounsfield as hu

    return hu.read(source)


def _dcm2niix(source: Path, out: Path) -> None:
    out.mkdir(exist_ok=True, parents=True)
    subprocess.run(
        [BIN / "dcm2niix", "-b", "n", "-z", "n", "-f", f"{next(COUNT)}", "-o", out, source],
        check=True,
        capture_output=True,
    )


def _dicom2nifti(source: Path, out: Path) -> None:
    import dicom2nifti

    dicom2nifti.dicom_series_to_nifti(
        str(source), str(out.with_suffix(".nii")), reorient_nifti=False
    )


def _convert(source: Path, out: Path) -> None:
    import hounsfield as hu

    hu.write(hu.read(source), out.with_suffix(".nii"))


COUNT = count()
"""Whole processes each get an output of their own, so that none finds its work done."""


def _command(source: Path, out: Path, *, form: str) -> None:
    where = out.with_name(f"{out.name}-{next(COUNT)}")
    command = [
        BIN / "hounsfield",
        "run",
        "isotropic-mip",
        source,
        "-o",
        where,
        "--format",
        form,
        "--set",
        "=".join(*SET.items()),
        "-q",
    ]
    subprocess.run(command, check=True, capture_output=True)


def script(kind: str, name: str) -> Work:
    """A contender of `kind` as a whole process of its own."""

    def work(source: Path, out: Path) -> None:
        subprocess.run(
            [sys.executable, __file__, kind, name, source, out], check=True, capture_output=True
        )

    return work


CONTENDERS: dict[str, dict[str, Work]] = {
    "npy": {
        "hounsfield": _pipeline,
        "SimpleITK": _sitk_to_npy,
        "MONAI": _monai_to_npy,
        "TorchIO": _torchio_to_npy,
        "tutorial": _tutorial_to_npy,
    },
    "gz": {
        "hounsfield": _pipeline,
        "SimpleITK": _sitk_to_gz,
        "MONAI": _monai_to_gz,
        "TorchIO": _torchio_to_gz,
        "tutorial": _tutorial_to_gz,
    },
    "load": {
        "hounsfield": _read,
        "SimpleITK": lambda source, _: _sitk_image(source),
        "pydicom": lambda source, _: _pydicom(source),
        "dicom-numpy": _dicom_numpy,
        "MONAI": lambda source, _: _monai_image(source),
        "TorchIO": lambda source, _: _torchio_image(source).data,
    },
    "convert": {"hounsfield": _convert, "dcm2niix": _dcm2niix, "dicom2nifti": _dicom2nifti},
}
CONTENDERS["whole"] = {
    "hounsfield": lambda source, out: _command(source, out, form="npy"),
    **{name: script("npy", name) for name in ("SimpleITK", "MONAI", "TorchIO", "tutorial")},
}
CONTENDERS["whole gz"] = {
    "hounsfield": lambda source, out: _command(source, out, form="nii.gz"),
    **{name: script("gz", name) for name in ("SimpleITK", "MONAI", "TorchIO")},
}

if __name__ == "__main__":
    CONTENDERS[sys.argv[1]][sys.argv[2]](Path(sys.argv[3]), Path(sys.argv[4]))
