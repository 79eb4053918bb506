"""The rule: any bytes give an answer or one of our errors, quickly and in little memory.

A truncated file never gives an answer.
"""

from __future__ import annotations

import faulthandler
import random
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

import numpy as np

from hounsfield.core.errors import HounsfieldError
from tests.fuzz.targets import TARGETS

SECONDS_AT_MOST = 5.0
LIMIT_BYTES = 64 << 20
MEMORY_AT_MOST_BYTES = 4 * LIMIT_BYTES
"""Four times what reading a whole file of a few KB may add, far more than it really adds."""

CUT_SHARE = 0.1
"""So many mutants are the good file cut short."""

SHOWN = 25
"""Breaches of the law that are described; the others are counted."""


class Hang(BaseException):
    """It has taken three times as long as it may."""


@dataclass
class Figures:
    """What came of the mutants of one kind."""

    kind: str
    mutants: int = 0
    answers: int = 0
    refusals: int = 0
    seconds: float = 0.0
    worst_seconds: float = 0.0
    worst_bytes: int = 0
    breaches: list[str] = field(default_factory=list)


def survive(kind: str, folder: Path, *, count: int, seed: int) -> Figures:
    """Read `count` mutants of one kind; a mutant that breaks the law is kept in `folder`."""
    target = TARGETS[kind](folder)
    good, chance, figures = target.path.read_bytes(), random.Random(f"{kind}{seed}"), Figures(kind)
    whole = target.use()
    started = time.perf_counter()
    for number in range(count):
        cut = target.cut >= 0 and chance.random() < CUT_SHARE
        data = (
            good[: chance.randrange(target.cut, len(good))] if cut else target.mutate(good, chance)
        )
        target.path.write_bytes(data)
        resident = _reset_peak()
        begin = time.perf_counter()
        breach = _breach(target.use, figures, whole if cut else None, quotes=target.quotes)
        seconds, grown = time.perf_counter() - begin, _peak() - resident
        figures.mutants += 1
        figures.worst_seconds, figures.worst_bytes = (
            max(figures.worst_seconds, seconds),
            max(figures.worst_bytes, grown),
        )
        if seconds > SECONDS_AT_MOST:
            breach = f"took {seconds:.1f} s"
        if grown > MEMORY_AT_MOST_BYTES:
            breach = f"took {grown >> 20} MiB"
        if breach:
            _keep(
                figures,
                f"mutant {number}, seed {seed}{' (cut)' if cut else ''}: {breach}",
                data,
                folder,
            )
    figures.seconds = time.perf_counter() - started
    target.path.write_bytes(good)
    return figures


def _breach(use: object, figures: Figures, whole: np.ndarray | None, *, quotes: bool) -> str:
    """What breaks the rule in one reading, or ''; a cut file may give `whole` at most."""
    try:
        with warnings.catch_warnings(), _alarm():
            warnings.simplefilter("ignore")
            values = use()  # type: ignore[operator]
        figures.answers += 1
    except HounsfieldError as error:
        figures.refusals += 1
        said = str(error)
        words = ("\x1b", "\n", "\0") if quotes else ("SECRET", "\x1b", "\n", "\0", "<script")
        hostile = [word for word in words if word in said]
        return (
            f"its message holds {hostile[0]!r}: {said[:200]!r}"
            if hostile
            else f"its message has {len(said)} letters"
            if len(said) > 2000
            else ""
        )
    except Hang:
        return "hangs"
    except Exception as error:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = (
            f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else ""
        )
        return f"{type(error).__name__} at {where}: {error}"[:300]
    if values is not None and not np.isfinite(values).all():
        return "gave values that are not finite"
    if whole is not None and (
        values is None or values.shape != whole.shape or not np.array_equal(values, whole)
    ):
        return "was cut short, and gave other values than the whole file"
    return ""


def _keep(figures: Figures, breach: str, data: bytes, folder: Path) -> None:
    figures.breaches.append(breach)
    if len(figures.breaches) <= SHOWN:
        (folder / f"breach-{len(figures.breaches)}").write_bytes(data)


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> NoReturn:
        raise Hang

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 3 * SECONDS_AT_MOST)
    faulthandler.dump_traceback_later(
        6 * SECONDS_AT_MOST, exit=True
    )  # where a codec hangs, no signal is heard
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _reset_peak() -> int:
    """Forget the peak of resident memory; returns what is resident now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
