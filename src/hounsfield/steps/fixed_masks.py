"""A resolved step of several masks: names, SHA-256 and voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case, Volume
from hounsfield.kernels.mask import Bits
from hounsfield.steps.fixed_mask import FixedMask, packed_mask


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedMasks:
    """Add the masks `names` with fixed voxels.

    `sha256` and `bits` of each are those of a `FixedMask`.
    """

    names: Sequence[str]
    sha256: Sequence[str]
    bits: Sequence[str] = field(default=(), repr=False, compare=False)
    diagnostics: tuple[Diagnostic, ...] = field(default=(), metadata={"record": False})
    voxels: tuple[Volume, ...] = field(
        default=(), repr=False, compare=False, metadata={"record": False}
    )

    def __post_init__(self) -> None:
        for name in ("names", "sha256", "bits"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(each, str) for each in value):
                raise QuantityError(f"{name} is {value!r}; expected a list of text")
            object.__setattr__(self, name, tuple(value))
        counts = (len(self.sha256), len(self.bits or self.names), len(self.voxels or self.names))
        if any(count != len(self.names) for count in counts):
            raise QuantityError(
                f"{len(self.names)} names, {len(self.sha256)} sha256 and {len(self.bits)} bits; "
                "expected one of each for every mask"
            )

    @property
    def adds(self) -> tuple[str, ...]:
        """The names of the masks."""
        return tuple(self.names)

    @property
    def parts(self) -> tuple[FixedMask, ...]:
        """Each mask alone."""
        return tuple(
            FixedMask(
                name=name,
                sha256=sha256,
                bits=self.bits[n] if self.bits else "",
                voxels=self.voxels[n] if self.voxels else None,
            )
            for n, (name, sha256) in enumerate(zip(self.names, self.sha256, strict=True))
        )

    def plan(self, spec: Spec) -> Spec:
        """Return `spec`; the image is unchanged."""
        return spec

    def apply(self, case: Case) -> Case:
        """Return the case with the masks, which replace those of the same names.

        Raises PipelineError if a mask does not fit the grid of the image.
        """
        for part in self.parts:
            case = part.apply(case)
        return case


def fix_masks(
    masks: Mapping[str, Bits], *, spec: Spec, diagnostics: tuple[Diagnostic, ...]
) -> FixedMasks:
    """Return the fixed step of several masks."""
    parts = [packed_mask(name, bits, spec=spec) for name, bits in masks.items()]
    return FixedMasks(
        names=tuple(part.name for part in parts),
        sha256=tuple(part.sha256 for part in parts),
        bits=tuple(part.bits for part in parts),
        diagnostics=diagnostics,
        voxels=tuple(part.voxels for part in parts if part.voxels is not None),
    )
