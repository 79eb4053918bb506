"""Find the mask or label that a step names."""

from __future__ import annotations

from hounsfield.core.errors import QuantityError
from hounsfield.core.volume import Case, Volume


def named_mask(case: Case, name: str, *, step: str) -> Volume:
    """The mask `name` of the case, or else its label of that name; raises QuantityError where there is neither."""
    found = case.masks.get(name, case.labels.get(name))
    if found is None:
        known = ", ".join([*case.masks, *case.labels]) or "none"
        raise QuantityError(f"{step}: there is no mask or label '{name}' (there is {known}); "
                            f"put the step that makes it before")
    return found
