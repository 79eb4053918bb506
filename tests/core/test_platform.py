"""Threads: who bounds them, and the fall-back where a system tells no affinity."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core import platform
from hounsfield.kernels.mask import Bits, dilate


@pytest.fixture(autouse=True)
def unbound(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No bound before and after each test."""
    monkeypatch.delenv(platform.THREADS_VARIABLE, raising=False)
    platform.set_threads(None)
    yield
    platform.set_threads(None)


def test_the_call_beats_the_environment_which_beats_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert platform.thread_count() == platform.processor_count()
    monkeypatch.setenv(platform.THREADS_VARIABLE, "3")
    assert platform.thread_count() == 3
    hu.set_threads(5)
    assert platform.thread_count() == 5
    hu.set_threads(None)
    assert platform.thread_count() == 3


def test_without_affinity_all_processors_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert platform.thread_count() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert platform.thread_count() == 1


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_another_bound_is_one_clear_line(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(platform.THREADS_VARIABLE, text)
    with pytest.raises(hu.PipelineError, match="expected a whole number of threads"):
        platform.thread_count()
    with pytest.raises(hu.PipelineError, match="set_threads"):
        platform.set_threads(0)


def test_masks_have_the_same_bits_for_any_number_of_threads() -> None:
    noise = np.random.default_rng(0).random((200, 200, 60)) > 0.99
    made = []
    for count in (1, 2, 3):
        platform.set_threads(count)
        made.append(dilate(Bits.pack(noise), radius_mm=3, spacing_mm=(1, 1, 1)).words.tobytes())
    assert len(set(made)) == 1
