"""The extension as a whole: its type stub, and exceptions of its threads."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hounsfield.kernels.native as native
import hounsfield.kernels.sample as sample_module

KERNELS = Path(sample_module.__file__).parent


def test_the_stub_names_every_function_and_no_other() -> None:
    tree = ast.parse((KERNELS / "native.pyi").read_text())
    named = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert named == {name for name in dir(native) if not name.startswith("__")}


def test_the_stub_names_the_arguments_in_order() -> None:
    tree = ast.parse((KERNELS / "native.pyi").read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            first = (getattr(native, node.name).__doc__ or "").splitlines()[0]
            places = [first.find(f"{argument.arg}: ") for argument in node.args.args]
            assert -1 not in places
            assert places == sorted(places)


PROGRAM = """
#include <cstdio>
#include <new>
#include <stdexcept>
#include "parallel.h"

int main() {
    int done[4] = {};
    run_on_threads(4, [&](std::int64_t n) { done[n] = 1; });
    if (done[0] + done[1] + done[2] + done[3] != 4) return 1;
    for (int bad = 0; bad < 4; ++bad) {
        try {
            run_on_threads(4, [&](std::int64_t n) { if (n == bad) throw std::bad_alloc(); });
            return 2;
        } catch (const std::bad_alloc &) {
        }
    }
    try {
        run_on_threads(3, [](std::int64_t n) { if (n) throw std::runtime_error("from a thread"); });
        return 3;
    } catch (const std::runtime_error &error) {
        std::puts(error.what());
    }
    return 0;
}
"""


def run_program(folder: Path, source: str) -> tuple[int, str]:
    """Compile and run a program that includes the kernels' headers."""
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler on this machine")
    (folder / "main.cpp").write_text(source)
    command = [compiler, "-std=c++17", "-pthread", f"-I{KERNELS}", "main.cpp", "-o", "program"]
    subprocess.run(command, cwd=folder, check=True)
    done = subprocess.run([folder / "program"], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip()


def test_an_exception_of_a_thread_reaches_the_caller(tmp_path: Path) -> None:
    assert run_program(tmp_path, PROGRAM) == (0, "from a thread")


NO_THREAD = """
#include <cstdio>
#include <cstdlib>
#include <new>
#include "parallel.h"

static int left = -1;  // allocations until one fails; none fails below 0
void *operator new(std::size_t size) {
    if (left >= 0 && left-- == 0) {
        left = -1;
        throw std::bad_alloc();
    }
    if (void *found = std::malloc(size)) return found;
    throw std::bad_alloc();
}
void operator delete(void *p) noexcept { std::free(p); }
void operator delete(void *p, std::size_t) noexcept { std::free(p); }

int main() {
    for (int first = 0; first < 8; ++first) {
        int done[4] = {};
        left = first;
        try {
            run_on_threads(4, [&](std::int64_t n) { done[n] = 1; });
            if (done[0] + done[1] + done[2] + done[3] != 4) return 1;
        } catch (const std::bad_alloc &) {
            if (done[0]) return 2;
        }
        left = -1;
    }
    std::puts("whole");
    return 0;
}
"""


def test_memory_that_is_missing_for_a_thread_leaves_its_work_to_the_others(tmp_path: Path) -> None:
    """The program would be terminated by threads that have been started and are not joined."""
    assert run_program(tmp_path, NO_THREAD) == (0, "whole")


STARVED = """
import resource, sys
import numpy as np
from hounsfield.kernels.sample import AxisTable, SlabWindows, sample

def whole(size):
    start = np.arange(size, dtype=np.int32)
    return AxisTable(start, np.ones((size, 1), np.float32), np.zeros(size, np.float32))

def windows(size):
    return SlabWindows("max", np.zeros(1, np.int32), np.full(1, size, np.int32))

def run(size, threads):
    shape = (8192, 32, size)
    source = np.zeros(shape, np.int8, order="F")
    out = np.zeros((8192, 32, 1), np.float32, order="F")
    if threads:
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20),) * 2)
    tables = [[whole(8192)], [whole(32)], [whole(size)]]
    sample(source, out=out, tables=tables, slopes=np.ones(size), intercepts=np.zeros(size),
           windows=windows(size), threads=max(threads, 1))

run(2, 0)
try:
    run(1200, 2)
except MemoryError:
    print("MemoryError")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS bounds memory on Linux")
def test_memory_that_a_kernel_does_not_get_is_a_memory_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARVED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "MemoryError"), done.stderr
