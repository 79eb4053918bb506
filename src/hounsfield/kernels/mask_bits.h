// Bit-packed masks, one bit per voxel, and helpers of all mask kernels.
//
// A mask of (i, j, k) voxels is rows of 64-bit words, i fastest: row j + nj * k holds ceil(ni / 64)
// words, voxel i is bit i % 64 of word i / 64, and bits beyond ni are 0. Voxel arrays are flat
// views in Fortran order. Callers allocate the outputs. Threads process whole rows, so the result
// does not depend on their number.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "parallel.h"

namespace nb = nanobind;

namespace mask {

using Word = std::uint64_t;
template <class T> using Flat = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Shape = std::array<std::int64_t, 3>;

constexpr std::int64_t MOST_THREADS =
    4;  // Memory bandwidth is the limit: more threads gain nothing.
constexpr std::int64_t SMALLEST_SHARED_BYTES =
    1 << 20;  // Below this a thread costs more than it gains.

constexpr std::int64_t MOST_ROWS =
    (std::int64_t(1) << 31) - 1;  // Rows and indices along i are int32 in tables of runs.

struct Rows {  // The memory layout of a mask of `shape` in words.
    std::int64_t ni, nj, nk, words;
    explicit Rows(const Shape &shape)
        : ni(shape[0]), nj(shape[1]), nk(shape[2]), words((shape[0] + 63) / 64) {
        if (ni < 1 || nj < 1 || nk < 1) throw nb::value_error("an axis of the shape is empty");
        if (ni > MOST_ROWS || nj > MOST_ROWS || nk > MOST_ROWS || nj * nk > MOST_ROWS)
            throw nb::value_error("the shape is too large");
    }
    std::int64_t count() const { return nj * nk; }
    std::int64_t size() const { return words * nj * nk; }
    Word tail() const { return ni % 64 ? (Word(1) << (ni % 64)) - 1 : ~Word(0); }
};

inline void expect(bool fits) {
    if (!fits) throw nb::value_error("an array's size does not fit the shape");
}

// The layout of the cells of `block` voxels that cover `shape`; the last cells may be partial.
inline Rows cells_of(const Shape &shape, const Shape &block) {
    for (const std::int64_t edge : block)
        if (edge < 1 || edge > MOST_ROWS) throw nb::value_error("a block has no voxel along an axis");
    return Rows({(shape[0] + block[0] - 1) / block[0], (shape[1] + block[1] - 1) / block[1],
                 (shape[2] + block[2] - 1) / block[2]});
}

// Calls work(start, stop) for ranges of `count` rows of `bytes` in total, on at most `threads`
// threads.
template <class Work>
void parallel(std::int64_t count, std::int64_t bytes, std::int64_t threads, Work work) {
    const std::int64_t most = std::max<std::int64_t>(1, std::min({threads, count, MOST_THREADS}));
    const std::int64_t used = bytes < SMALLEST_SHARED_BYTES ? 1 : most;
    run_on_threads(used, [&](std::int64_t n) { work(count * n / used, count * (n + 1) / used); });
}

inline int lowest(Word word) { return __builtin_ctzll(word); }

// Calls each(start, stop) for every run of set bits of a row, in order.
template <class Each>
void each_run(const Word *row, std::int64_t words, std::int64_t ni, Each each) {
    std::int64_t start = -1;
    for (std::int64_t w = 0; w < words; ++w) {
        const std::int64_t used = ni - w * 64;  // Bits beyond ni count as unset.
        const Word bits = used < 64 ? row[w] & ((Word(1) << used) - 1) : row[w];
        for (Word change = bits ^ (bits << 1 | Word(start >= 0)); change; change &= change - 1) {
            const std::int64_t at = w * 64 + lowest(change);
            if (start >= 0) each(start, at), start = -1;
            else start = at;
        }
    }
    if (start >= 0) each(start, ni);
}

// Calls each(word, bits) for every word that start to stop covers.
template <class Each> void over_words(std::int64_t start, std::int64_t stop, Each each) {
    for (std::int64_t w = start / 64; w <= (stop - 1) / 64; ++w) {
        const std::int64_t from = std::max<std::int64_t>(start - w * 64, 0),
                           to = std::min<std::int64_t>(stop - w * 64, 64);
        each(w, (to == 64 ? ~Word(0) : (Word(1) << to) - 1) & (~Word(0) << from));
    }
}

// A row of cells as a row of voxels, `step` voxels per cell.
inline void stretch(const Word *cells, const Rows &from, std::int64_t step, const Rows &to,
                    Word *row) {
    std::fill(row, row + to.words, Word(0));
    each_run(cells, from.words, from.ni, [&](std::int64_t start, std::int64_t stop) {
        over_words(start * step, std::min(stop * step, to.ni),
                   [&](std::int64_t w, Word set) { row[w] |= set; });
    });
}

using Offsets = nb::ndarray<const std::int32_t, nb::shape<-1, 3>, nb::c_contig>;

}  // namespace mask
