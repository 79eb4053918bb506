"""Abstract tests that every step must pass."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hounsfield.core.grid import Grid
from hounsfield.core.volume import Case, Volume
from hounsfield.steps.base import Resolvable, Step, needs_voxels
from hounsfield.testing.strategies import ORIENTATIONS, grids, specs, volumes
from hounsfield.testing.values import blob, middle_of

_inherited = settings(
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
    max_examples=25,
    deadline=None,
)


def fixed(step: Step | Resolvable, case: Case) -> Step:
    """Resolve a step on a case, if it needs voxels.

    Parameters
    ----------
    step : Step or Resolvable
        The step.
    case : Case
        What it is to run on.

    Returns
    -------
    Step
        The resolved step, or `step` itself.

    Examples
    --------
    >>> from hounsfield.steps.reorient import Reorient
    >>> ct = Volume.from_array(np.zeros((2, 2, 2), np.int16), affine=np.eye(4))
    >>> fixed(Reorient("LPS"), Case(ct))
    Reorient(to='LPS')
    """
    if isinstance(step, Resolvable) and needs_voxels(step):
        return step.resolve(case)
    assert isinstance(step, Step)
    return step


def applied(step: Step | Resolvable, case: Case | Volume) -> Case:
    """Resolve a step, if it needs voxels, and apply it.

    Parameters
    ----------
    step : Step or Resolvable
        The step.
    case : Case or Volume
        What to apply it to.

    Returns
    -------
    Case
        The case after the step.

    Examples
    --------
    >>> from hounsfield.steps.reorient import Reorient
    >>> ct = Volume.from_array(np.zeros((2, 2, 2), np.int16), affine=np.eye(4))
    >>> applied(Reorient("LPS"), ct).image.grid.orientation
    'LPS'
    """
    given_case = Case(case) if isinstance(case, Volume) else case
    return fixed(step, given_case).apply(given_case)


class StepTests:
    """Test a step: inherit this class and override `step`, and `images` if it needs other images.

    The attribute `landmark_shape` is the shape, in voxels along R, A and S, of the grid in which a
    bright blob is followed.

    Examples
    --------
    >>> from hounsfield.steps.reorient import Reorient
    >>> class TestReorient(StepTests):
    ...     def step(self):
    ...         return Reorient("LPS")
    """

    landmark_shape: tuple[int, int, int] = (20, 18, 16)

    def step(self) -> Step | Resolvable:
        """Return the step under test.

        Returns
        -------
        Step or Resolvable
            The step.
        """
        raise NotImplementedError(
            "step() is not defined; a subclass of StepTests must return its step"
        )

    def images(self) -> st.SearchStrategy[Volume]:
        """Return a strategy for images that the step takes.

        Returns
        -------
        SearchStrategy of Volume
            HU of any dtype and orientation.
        """
        return volumes(spec=specs(grid=grids(smallest=2, largest=8, oblique=True)))

    @_inherited
    @given(data=st.data())
    def test_apply_makes_what_plan_said(self, data: st.DataObject) -> None:
        """Grid, dtype, quantity, background, channels and bounds of the result are the plan's."""
        volume = data.draw(self.images())
        step = fixed(self.step(), Case(volume))
        planned = step.plan(volume.spec)
        made = step.apply(Case(volume)).image
        assert made.spec == planned
        assert tuple(made.array.shape) == planned.shape
        assert made.array.dtype == planned.dtype
        assert made.array.flags.f_contiguous
        if planned.bounds is not None:
            assert planned.bounds[0] - 1e-4 <= made.array.min()
            assert made.array.max() <= planned.bounds[1] + 1e-4

    @_inherited
    @given(data=st.data())
    def test_the_input_is_left_alone(self, data: st.DataObject) -> None:
        """Nothing that goes in is changed, and the same input gives the same bits twice."""
        volume = data.draw(self.images())
        before = volume.array.copy()
        first, second = applied(self.step(), volume).image, applied(self.step(), volume).image
        assert np.array_equal(volume.array, before)
        assert first.array.tobytes("F") == second.array.tobytes("F")

    def test_a_landmark_stays_where_it_is_in_all_48_orientations(self) -> None:
        """A bright blob and its label stay within half a voxel of their world position."""
        for orientation in ORIENTATIONS:
            self._follow_a_landmark(orientation)

    def _follow_a_landmark(self, orientation: str) -> None:
        upright = Grid(self.landmark_shape, np.diag([1.0, 1.2, 1.5, 1.0])).boxed(
            (-30, 30, -50), self.landmark_shape
        )
        grid = upright.reoriented(orientation)
        point = upright.world([9.3, 8.2, 7.4])
        image = blob(grid, at_ras_mm=point, radius_mm=2.5)
        label = Volume.from_array(
            (image.array > 0).astype(np.uint8, order="F"), affine=grid.affine, quantity="label"
        )
        done = applied(self.step(), Case(image, {"blob": label}))
        assert _off_by(done.image, point) <= 0.5, f"{orientation}: the blob moved"
        after = done.labels["blob"]
        assert set(np.unique(after.array)) <= {0, 1}, (
            f"{orientation}: a label value was interpolated"
        )
        assert after.array.any(), f"{orientation}: the label was lost"
        assert _off_by(after, point) <= 0.5, f"{orientation}: the label moved"


def _off_by(volume: Volume, point_ras_mm: NDArray[np.float64]) -> float:
    """The largest distance along an axis of the blob from a point, in voxels."""
    return float(
        np.abs(volume.grid.index(middle_of(volume)) - volume.grid.index(point_ras_mm)).max()
    )
