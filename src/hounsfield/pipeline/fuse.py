"""Fuse consecutive steps into one pass: one sampling, with linear functions before and after it.

Consecutive geometric steps become one sampling at the composed point. Pointwise steps before it
apply to the input samples, those after it to the output samples, and a slab projection runs over
the output planes as they are computed. A step that cannot be fused ends the pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Array, Case, Volume
from hounsfield.kernels.sample import OUTPUT_DTYPES, SlabWindows
from hounsfield.kernels.sampler import DEFAULT_SAMPLER, Sampler
from hounsfield.resampling.labels import LabelMethod, is_label, sample_label
from hounsfield.resampling.one_pass import SLAB_BYTES, OnePass
from hounsfield.resampling.sampling import Sampling
from hounsfield.resampling.tilted_stack import straighten
from hounsfield.resampling.transfer import IDENTITY, Transfer
from hounsfield.steps.base import Step
from hounsfield.steps.geometric import GeometricStep
from hounsfield.steps.pointwise import PointwiseStep
from hounsfield.steps.slab import Slab, slab_label


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FusedPass:
    """Steps that run as one kernel call.

    `sampling` starts from the source's slices, `label_sampling` from its natural grid, which labels
    use. `background` is the value outside, after `before`. `spec` describes the output.
    """

    spec: Spec
    source: Spec
    sampling: Sampling
    label_sampling: Sampling
    background: float
    steps: tuple[Step, ...] = ()
    before: Transfer = IDENTITY
    after: Transfer = IDENTITY
    slab: Slab | None = None
    windows: SlabWindows | None = None
    label_method: LabelMethod = "nearest"

    @classmethod
    def of_stack(cls, stack: Stack) -> FusedPass:
        """Return a pass without steps that reads the stack."""
        return replace(cls.of_spec(stack.spec), sampling=straighten(stack))

    @classmethod
    def of_spec(cls, spec: Spec) -> FusedPass:
        """Return a pass without steps on a volume of `spec`."""
        still = Sampling.of_grid(spec.grid)
        return cls(
            spec=spec, source=spec, sampling=still, label_sampling=still, background=spec.background
        )

    def fused(self, step: Step) -> FusedPass | None:
        """Return this pass with one more step; None if the step needs a separate pass."""
        spec = step.plan(self.spec)
        if isinstance(step, GeometricStep):
            return self._with_geometry(step, spec)
        if isinstance(step, PointwiseStep):
            return self._with_line(step, spec)
        return self._with_slab(step, spec) if isinstance(step, Slab) else None

    def _with_geometry(self, step: GeometricStep, spec: Spec) -> FusedPass | None:
        only_moves = Sampling.between(self.spec.grid, spec.grid, method=step.interpolation)
        if (
            self.slab is not None
            or only_moves is None
            or not (self.after.is_identity or only_moves.is_copy)
        ):
            return None
        sampling = self.sampling.to(spec.grid, method=step.interpolation)
        labels = sampling  # differs for a stack whose slices are not on its grid
        if self.label_sampling is not self.sampling:
            labels = self.label_sampling.to(spec.grid, method=step.interpolation)
        if sampling is None or labels is None:
            return None
        dtype = self.spec.dtype if only_moves.is_copy else spec.dtype
        method = self.label_method if only_moves.is_copy else step.label_interpolation
        return replace(
            self,
            steps=(*self.steps, step),
            spec=spec.replaced(dtype=dtype),
            sampling=sampling,
            label_sampling=labels,
            label_method=method,
        )

    def _with_line(self, step: PointwiseStep, spec: Spec) -> FusedPass | None:
        line = step.transfer(self.spec)
        commutes = self.slab is None or (
            self.slab.statistic != "mean" and line is not None and line.slope >= 0
        )
        if line is None or not commutes or spec.dtype not in OUTPUT_DTYPES or self.spec.channels:
            return None
        if self.sampling.is_copy and self.slab is None:
            if self.source.dtype not in OUTPUT_DTYPES:
                return None
            return replace(
                self,
                steps=(*self.steps, step),
                spec=spec,
                before=self.before.then(line),
                background=spec.background,
            )
        return replace(self, steps=(*self.steps, step), spec=spec, after=self.after.then(line))

    def _with_slab(self, step: Slab, spec: Spec) -> FusedPass | None:
        axis = step.axis(self.spec.grid)
        if (
            self.slab is not None
            or self.sampling.order[axis] != 2
            or spec.dtype not in OUTPUT_DTYPES
            or self.spec.channels
        ):
            return None
        return replace(
            self,
            steps=(*self.steps, step),
            spec=spec,
            slab=step,
            windows=step.windows(self.spec.grid),
        )

    @property
    def changes_values(self) -> bool:
        """Whether values change, rather than voxels being copied."""
        return not (
            self.sampling.is_copy
            and self.before.is_identity
            and self.after.is_identity
            and self.slab is None
        )

    @property
    def picks_values(self) -> bool:
        """Whether every output value is an unchanged source value."""
        return (
            self.sampling.is_picking
            and self.before.is_identity
            and self.after.is_identity
            and self.slab is None
        )

    @property
    def needs_whole(self) -> bool:
        """Whether the source is read as a whole: a label that the sampler would average."""
        exact = self.sampling.is_copy and self.source.dtype.itemsize <= 2
        return is_label(self.source.quantity) and not exact

    def may_leave_int16(self, stack: Stack) -> bool:
        """Whether int16 is planned, but this stack's values may exceed it."""
        return self.spec.dtype == np.int16 and stack.may_exceed_int16

    def widened(self) -> FusedPass:
        """Return the same pass with float32 output."""
        return replace(self, spec=self.spec.replaced(dtype=np.dtype(np.float32)))

    def run(
        self,
        stack: Stack,
        *,
        labels: Mapping[str, Volume],
        masks: Mapping[str, Volume],
        sampler: Sampler = DEFAULT_SAMPLER,
    ) -> Case:
        """Run the pass on a stack, and on labels and masks on its natural grid."""
        image = Volume(self._image(stack, sampler), self.spec)
        return Case(
            image,
            {name: self._label(label) for name, label in labels.items()},
            {name: self._label(mask) for name, mask in masks.items()},
        )

    @property
    def kernels(self) -> tuple[str, str, str]:
        """The kernel along each output axis, or 'copy'; for a label that of labels."""
        i, j, k = (
            name if name == "copy" or not is_label(self.source.quantity) else self.label_method
            for name in self.sampling.kernels
        )
        return (i, j, k)

    def _image(self, stack: Stack, sampler: Sampler) -> Array:
        if is_label(self.source.quantity) and not self.sampling.is_copy:
            return self._label(stack.volume()).array
        if not self.changes_values and stack.is_raw and stack.stored_dtype == self.spec.dtype:
            return self.sampling.copied(stack.slab(0, stack.shape[2]), background=self.background)
        if (
            self.picks_values
            and stack.is_raw
            and stack.stored_dtype == self.spec.dtype not in OUTPUT_DTYPES
        ):
            return self.sampling.picked(stack.slab(0, stack.shape[2]), background=self.background)
        return self.one_pass(stack, sampler=sampler).run()

    def one_pass(
        self, stack: Stack, *, slab_bytes: int = SLAB_BYTES, sampler: Sampler = DEFAULT_SAMPLER
    ) -> OnePass:
        """Return the pass as a call of `sampler` over slabs of about `slab_bytes`."""
        return OnePass(
            stack=stack,
            sampling=self.sampling,
            dtype=self.spec.dtype,
            background=self.background,
            before=self.before,
            after=self.after,
            windows=self.windows,
            slab_bytes=slab_bytes,
            sampler=sampler,
        )

    def _label(self, label: Volume) -> Volume:
        grid = self.label_sampling.grid
        sampled = sample_label(label, grid, self.label_sampling, method=self.label_method)
        if self.slab is None or self.windows is None:
            return sampled
        return slab_label(sampled, self.spec.grid, self.windows, axis=self.slab.axis(grid))
