// Masks as bits: thresholds counted per cell, morphology by balls, components by runs, rays, and refinement per voxel.
//
// A mask of (i, j, k) voxels is rows of 64-bit words, i fastest: row j + nj * k holds ceil(ni / 64) words, voxel i is
// bit i % 64 of word i / 64, and bits beyond ni are 0. Voxel arrays are flat views in Fortran order. Callers allocate
// what is written. Threads share out whole rows, so the result does not depend on their number.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/array.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

namespace nb = nanobind;

namespace {

using Word = std::uint64_t;
template <class T> using Flat = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Shape = std::array<std::int64_t, 3>;

constexpr unsigned MOST_THREADS = 4;  // Reading memory is the limit: more threads than this gain nothing.

struct Rows {  // How a mask of `shape` lies in words.
    std::int64_t ni, nj, nk, words;
    explicit Rows(const Shape &shape) : ni(shape[0]), nj(shape[1]), nk(shape[2]), words((shape[0] + 63) / 64) {}
    std::int64_t count() const { return nj * nk; }
    std::int64_t size() const { return words * nj * nk; }
    Word tail() const { return ni % 64 ? (Word(1) << (ni % 64)) - 1 : ~Word(0); }
};

void expect(bool fits) {
    if (!fits) throw nb::value_error("an array's size does not fit the shape");
}

template <class Work> void parallel(std::int64_t count, std::int64_t bytes, Work work) {
    const std::int64_t wanted = bytes < (1 << 20) ? 1 : std::min<std::int64_t>(count, std::min(MOST_THREADS, std::max(1u, std::thread::hardware_concurrency())));
    std::vector<std::thread> others;
    for (std::int64_t n = 1; n < wanted; ++n)
        others.emplace_back(work, count * n / wanted, count * (n + 1) / wanted);
    work(0, wanted > 1 ? count / wanted : count);
    for (auto &other : others) other.join();
}

int lowest(Word word) { return __builtin_ctzll(word); }

// Calls each(start, stop) for every run of set bits of a row, in order.
template <class Each> void each_run(const Word *row, std::int64_t words, std::int64_t ni, Each each) {
    std::int64_t start = -1;
    for (std::int64_t w = 0; w < words; ++w)
        for (Word change = row[w] ^ (row[w] << 1 | Word(start >= 0)); change; change &= change - 1) {
            const std::int64_t at = w * 64 + lowest(change);
            if (start >= 0) each(start, at), start = -1;
            else start = at;
        }
    if (start >= 0) each(start, ni);
}

// Calls each(word, bits) for every word that start to stop covers.
template <class Each> void over_words(std::int64_t start, std::int64_t stop, Each each) {
    for (std::int64_t w = start / 64; w <= (stop - 1) / 64; ++w) {
        const std::int64_t from = std::max<std::int64_t>(start - w * 64, 0), to = std::min<std::int64_t>(stop - w * 64, 64);
        each(w, (to == 64 ? ~Word(0) : (Word(1) << to) - 1) & (~Word(0) << from));
    }
}

// A row of cells as a row of voxels, `step` voxels a cell.
void stretch(const Word *cells, const Rows &from, std::int64_t step, const Rows &to, Word *row) {
    std::fill(row, row + to.words, Word(0));
    each_run(cells, from.words, from.ni, [&](std::int64_t start, std::int64_t stop) {
        over_words(start * step, std::min(stop * step, to.ni), [&](std::int64_t w, Word set) { row[w] |= set; });
    });
}

// ---- thresholds -----------------------------------------------------------------------------------------------

template <class T> struct Range {  // low <= value <= high, in the stored type.
    T low, high;
    bool empty;
    Range(double from, double to) {
        if constexpr (std::is_integral_v<T>) {
            const double least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
            const double first = std::max(std::ceil(from), least), last = std::min(std::floor(to), most);
            empty = !(first <= last);
            low = empty ? T(1) : T(first), high = empty ? T(0) : T(last);
        } else {
            low = T(from), high = T(to), empty = !(low <= high);
        }
    }
    bool holds(T value) const { return bool((value >= low) & (value <= high)); }
};

template <class T> void count_row(const T *values, std::int64_t ni, Range<T> range, std::uint16_t *counts) {
    for (std::int64_t i = 0; i < ni; ++i) counts[i] = std::uint16_t(counts[i] + range.holds(values[i]));
}

// One bit per `step` counts: whether their sum is at least `need`. The last cell may be cut: its need is `last`.
template <int fixed>
void sum_cells(const std::uint16_t *counts, std::int64_t ni, std::int64_t step, std::int64_t need, std::int64_t last, Word *to) {
    const std::int64_t width = fixed ? fixed : step, cells = (ni + width - 1) / width;
    for (std::int64_t c = 0; c < cells; c += 64) {
        Word word = 0;
        for (std::int64_t bit = 0; bit < std::min<std::int64_t>(64, cells - c); ++bit) {
            const std::int64_t i0 = (c + bit) * width, i1 = std::min(i0 + width, ni);
            std::int64_t sum = 0;
            if (fixed && i0 + width <= ni)
                for (int n = 0; n < fixed; ++n) sum += counts[i0 + n];
            else
                for (std::int64_t i = i0; i < i1; ++i) sum += counts[i];
            word |= Word(sum >= (i0 + width <= ni ? need : last)) << bit;
        }
        to[c / 64] = word;
    }
}

// A cell of block (bi, bj, bk) voxels is set where at least `share` of its voxels lie in the range.
template <class T>
void occupancy(Flat<const T> values, Shape shape, Shape block, double low, double high, double share, Flat<Word> out) {
    const Rows fine(shape);
    const Rows cells({(shape[0] + block[0] - 1) / block[0], (shape[1] + block[1] - 1) / block[1], (shape[2] + block[2] - 1) / block[2]});
    expect(std::int64_t(values.size()) == fine.ni * fine.count() && std::int64_t(out.size()) == cells.size() && block[1] * block[2] < 65536);
    const T *data = values.data();
    Word *bits = out.data();
    const Range<T> range(low, high);
    nb::gil_scoped_release released;
    parallel(cells.count(), fine.ni * fine.count() * std::int64_t(sizeof(T)), [=](std::int64_t start, std::int64_t stop) {
        std::vector<std::uint16_t> counts(fine.ni);
        for (std::int64_t row = start; row < stop; ++row) {
            const std::int64_t j0 = row % cells.nj * block[1], k0 = row / cells.nj * block[2];
            const std::int64_t j1 = std::min(j0 + block[1], fine.nj), k1 = std::min(k0 + block[2], fine.nk);
            std::fill(counts.begin(), counts.end(), std::uint16_t(0));
            for (std::int64_t k = k0; k < k1; ++k)
                for (std::int64_t j = j0; j < j1; ++j) count_row(data + fine.ni * (j + fine.nj * k), fine.ni, range, counts.data());
            const double stack = share * double((j1 - j0) * (k1 - k0)), cut = double(fine.ni - (cells.ni - 1) * block[0]);
            const std::int64_t need = std::int64_t(std::ceil(stack * double(block[0]))), last = std::int64_t(std::ceil(stack * cut));
            auto *sum = block[0] == 1 ? sum_cells<1> : block[0] == 2 ? sum_cells<2> : block[0] == 3 ? sum_cells<3> : sum_cells<0>;
            sum(counts.data(), fine.ni, block[0], need, last, bits + row * cells.words);
        }
    });
}

Word gathered(const std::uint8_t *bytes) {  // 64 bytes of 0 or 1 as bits: a multiplication brings eight to the top byte.
    Word word = 0;
    for (int n = 0; n < 8; ++n) {
        Word eight;
        std::memcpy(&eight, bytes + 8 * n, 8);
        word |= (eight * 0x0102040810204080ull >> 56) << (8 * n);
    }
    return word;
}

template <class T> Word held_bits(const T *values, std::int64_t count, Range<T> range) {
    std::uint8_t bytes[64] = {};
    if (count == 64)
        for (int i = 0; i < 64; ++i) bytes[i] = range.holds(values[i]);
    else
        for (std::int64_t i = 0; i < count; ++i) bytes[i] = range.holds(values[i]);
    return gathered(bytes);
}

// Voxels of `inner` cells are set where they lie in the inner range, of `band` cells where they lie in the band's.
template <class T>
void refine(Flat<const T> values, Shape shape, Shape block, Flat<const Word> inner, Flat<const Word> band,
            std::array<double, 4> limits, Flat<Word> out) {
    const Rows fine(shape);
    const Rows cells({(shape[0] + block[0] - 1) / block[0], (shape[1] + block[1] - 1) / block[1], (shape[2] + block[2] - 1) / block[2]});
    expect(std::int64_t(values.size()) == fine.ni * fine.count() && std::int64_t(out.size()) == fine.size());
    expect(std::int64_t(inner.size()) == cells.size() && std::int64_t(band.size()) == cells.size());
    const T *data = values.data();
    const Word *in = inner.data(), *edge = band.data();
    Word *bits = out.data();
    const Range<T> inside(limits[0], limits[1]), between(limits[2], limits[3]);
    const bool all = std::isinf(limits[0]) && std::isinf(limits[1]);
    nb::gil_scoped_release released;
    parallel(cells.count(), fine.ni * fine.count(), [=](std::int64_t start, std::int64_t stop) {
        std::vector<Word> inner_row(fine.words), band_row(fine.words);
        for (std::int64_t row = start; row < stop; ++row) {
            const std::int64_t j0 = row % cells.nj * block[1], k0 = row / cells.nj * block[2];
            const std::int64_t j1 = std::min(j0 + block[1], fine.nj), k1 = std::min(k0 + block[2], fine.nk);
            stretch(in + row * cells.words, cells, block[0], fine, inner_row.data());
            stretch(edge + row * cells.words, cells, block[0], fine, band_row.data());
            for (std::int64_t k = k0; k < k1; ++k)
                for (std::int64_t j = j0; j < j1; ++j) {
                    const T *from = data + fine.ni * (j + fine.nj * k);
                    Word *to = bits + fine.words * (j + fine.nj * k);
                    for (std::int64_t w = 0; w < fine.words; ++w) {
                        Word set = all ? inner_row[w] : 0;
                        if (const Word asked = (all ? Word(0) : inner_row[w]) | band_row[w]) {
                            const std::int64_t count = std::min<std::int64_t>(64, fine.ni - w * 64);
                            const Word held = held_bits(from + w * 64, count, between);
                            const Word held_in = all ? 0 : held_bits(from + w * 64, count, inside);
                            set |= asked & ((held & band_row[w]) | (held_in & inner_row[w]));
                        }
                        to[w] = set;
                    }
                }
        }
    });
}

// ---- bits and bytes -------------------------------------------------------------------------------------------

void expand(Flat<const Word> words, Shape shape, Flat<std::uint8_t> out) {
    const Rows rows(shape);
    expect(std::int64_t(words.size()) == rows.size() && std::int64_t(out.size()) == rows.ni * rows.count());
    const Word *from = words.data();
    std::uint8_t *to = out.data();
    nb::gil_scoped_release released;
    parallel(rows.count(), rows.ni * rows.count(), [=](std::int64_t start, std::int64_t stop) {
        for (std::int64_t row = start; row < stop; ++row)
            for (std::int64_t i = 0; i < rows.ni; i += 8) {
                const Word eight = (from[row * rows.words + i / 64] >> (i % 64)) & 0xff;
                // Copies of the eight bits in eight bytes, each masked to its own bit, then brought to 0 or 1.
                const Word spread = ((eight * 0x0101010101010101ull) & 0x8040201008040201ull) + 0x7f7f7f7f7f7f7f7full;
                const Word bytes = spread >> 7 & 0x0101010101010101ull;
                std::memcpy(to + row * rows.ni + i, &bytes, std::size_t(std::min<std::int64_t>(8, rows.ni - i)));
            }
    });
}

void pack(Flat<const std::uint8_t> bytes, Shape shape, Flat<Word> out) {
    const Rows rows(shape);
    expect(std::int64_t(out.size()) == rows.size() && std::int64_t(bytes.size()) == rows.ni * rows.count());
    const std::uint8_t *from = bytes.data();
    Word *to = out.data();
    const Range<std::uint8_t> set(1, 255);
    nb::gil_scoped_release released;
    parallel(rows.count(), rows.ni * rows.count(), [=](std::int64_t start, std::int64_t stop) {
        for (std::int64_t row = start; row < stop; ++row)
            for (std::int64_t w = 0; w < rows.words; ++w) {
                to[row * rows.words + w] = held_bits(from + row * rows.ni + w * 64, std::min<std::int64_t>(64, rows.ni - w * 64), set);
            }
    });
}

// First and last index along each axis that is not 0; -1 where all is 0. Rows outside what is known are read once.
std::array<std::int64_t, 6> bounds(Flat<const std::uint8_t> bytes, Shape shape) {
    const Rows rows(shape);
    expect(std::int64_t(bytes.size()) == rows.ni * rows.count());
    const std::uint8_t *from = bytes.data();
    std::array<std::int64_t, 6> box{rows.ni, -1, rows.nj, -1, rows.nk, -1};
    nb::gil_scoped_release released;
    for (std::int64_t k = 0; k < rows.nk; ++k)
        for (std::int64_t j = 0; j < rows.nj; ++j) {
            const std::uint8_t *row = from + rows.ni * (j + rows.nj * k);
            const bool new_row = j < box[2] || j > box[3] || k < box[4] || k > box[5];
            std::int64_t first = 0, last = rows.ni - 1;
            const std::int64_t left = new_row ? rows.ni : std::min(box[0], rows.ni);
            while (first + 8 <= left) {
                Word eight;
                std::memcpy(&eight, row + first, 8);
                if (eight) break;
                first += 8;
            }
            while (first < left && !row[first]) ++first;
            if (new_row && first == rows.ni) continue;
            const std::int64_t right = new_row ? first : std::max(box[1], first - 1);
            while (last - 8 >= right) {
                Word eight;
                std::memcpy(&eight, row + last - 7, 8);
                if (eight) break;
                last -= 8;
            }
            while (last > right && !row[last]) --last;
            if (first < left) box[0] = std::min(box[0], first);
            if (last > right || new_row) box[1] = std::max(box[1], last);
            if (new_row) {
                box[2] = std::min(box[2], j), box[3] = std::max(box[3], j);
                box[4] = std::min(box[4], k), box[5] = std::max(box[5], k);
            }
        }
    if (box[1] < 0) box = {-1, -1, -1, -1, -1, -1};
    return box;
}

// ---- morphology -----------------------------------------------------------------------------------------------

// to(i) = from(i + by), 0 from beyond the row.
void shifted(const Word *from, std::int64_t words, std::int64_t by, Word *to) {
    const std::int64_t whole = std::abs(by) / 64, rest = std::abs(by) % 64;
    for (std::int64_t n = 0; n < words; ++n) {
        const std::int64_t w = by >= 0 ? n + whole : n - whole, next = by >= 0 ? w + 1 : w - 1;
        const Word here = w >= 0 && w < words ? from[w] : 0, there = rest && next >= 0 && next < words ? from[next] : 0;
        to[n] = by >= 0 ? (here >> rest) | (rest ? there << (64 - rest) : 0) : (here << rest) | (rest ? there >> (64 - rest) : 0);
    }
}

void widen(const Word *from, Word *to, const Rows &rows) {  // By one voxel to either side along i.
    for (std::int64_t row = 0; row < rows.count(); ++row, from += rows.words, to += rows.words) {
        for (std::int64_t w = 0; w < rows.words; ++w)
            to[w] = from[w] | from[w] << 1 | from[w] >> 1 | (w ? from[w - 1] >> 63 : 0) | (w + 1 < rows.words ? from[w + 1] << 63 : 0);
        to[rows.words - 1] &= rows.tail();
    }
}

// The union of the mask moved by every offset: `offsets` rows are (dj, dk, half width along i), by ascending half width.
void dilate(Flat<const Word> words, Shape shape, nb::ndarray<const std::int32_t, nb::shape<-1, 3>, nb::c_contig> offsets, Flat<Word> out) {
    const Rows rows(shape);
    expect(std::int64_t(words.size()) == rows.size() && std::int64_t(out.size()) == rows.size());
    const std::int32_t *table = offsets.data();
    const std::int64_t count = std::int64_t(offsets.shape(0));
    const Word *source = words.data();
    Word *to = out.data();
    nb::gil_scoped_release released;
    std::vector<Word> wide(source, source + rows.size()), next(rows.size());
    std::fill(to, to + rows.size(), Word(0));
    for (std::int64_t first = 0, width = 0; first < count; ++width) {
        std::int64_t last = first;
        while (last < count && table[3 * last + 2] == width) ++last;
        const Word *from = wide.data();
        parallel(rows.nk, rows.size() * (last - first), [=](std::int64_t start, std::int64_t stop) {
            for (std::int64_t k = start; k < stop; ++k)
                for (std::int64_t n = first; n < last; ++n) {
                    const std::int64_t dj = table[3 * n], source_k = k - table[3 * n + 1];
                    if (source_k < 0 || source_k >= rows.nk || std::abs(dj) >= rows.nj) continue;
                    // All rows of a slice move alike, so they are one long row.
                    const Word *source_row = from + rows.words * (rows.nj * source_k + std::max<std::int64_t>(-dj, 0));
                    Word *to_row = to + rows.words * (rows.nj * k + std::max<std::int64_t>(dj, 0));
                    const std::int64_t length = rows.words * (rows.nj - std::abs(dj));
                    for (std::int64_t w = 0; w < length; ++w) to_row[w] |= source_row[w];
                }
        });
        first = last;
        if (first < count) widen(wide.data(), next.data(), rows), wide.swap(next);
    }
}

// ---- components -----------------------------------------------------------------------------------------------

struct Run {
    std::int32_t row, start, stop, label;
};

std::int32_t root(std::vector<std::int32_t> &parent, std::int32_t n) {
    while (parent[n] != n) n = parent[n] = parent[parent[n]];
    return n;
}

void unite(std::vector<std::int32_t> &parent, std::int32_t a, std::int32_t b) {
    a = root(parent, a), b = root(parent, b);
    parent[std::max(a, b)] = std::min(a, b);  // The first run of a component is its root: labels come in reading order.
}

void unite_rows(const std::vector<Run> &runs, std::vector<std::int32_t> &parent, std::int64_t a, std::int64_t a_stop, std::int64_t b, std::int64_t b_stop) {
    while (a < a_stop && b < b_stop) {
        if (runs[a].start < runs[b].stop && runs[b].start < runs[a].stop) unite(parent, std::int32_t(a), std::int32_t(b));
        if (runs[a].stop < runs[b].stop) ++a; else ++b;
    }
}

std::vector<Run> runs_of(const Word *words, const Rows &rows, std::vector<std::int64_t> &first) {
    std::vector<Run> runs;
    first.assign(rows.count() + 1, 0);
    for (std::int64_t row = 0; row < rows.count(); ++row) {
        first[row] = std::int64_t(runs.size());
        each_run(words + row * rows.words, rows.words, rows.ni, [&](std::int64_t start, std::int64_t stop) {
            runs.push_back({std::int32_t(row), std::int32_t(start), std::int32_t(stop), 0});
        });
    }
    first[rows.count()] = std::int64_t(runs.size());
    return runs;
}

template <class T> nb::ndarray<nb::numpy, T, nb::ndim<2>> owned(std::vector<T> &&values, std::size_t columns) {
    auto *kept = new std::vector<T>(std::move(values));
    nb::capsule owner(kept, [](void *p) noexcept { delete static_cast<std::vector<T> *>(p); });
    return nb::ndarray<nb::numpy, T, nb::ndim<2>>(kept->data(), {kept->size() / columns, columns}, owner);
}

// Runs (row, start, stop, label) of the mask, labels from 0 in reading order, voxels joined over faces; and for each
// label its count of voxels, then first and last index along i, j, k.
auto components(Flat<const Word> words, Shape shape) {
    const Rows rows(shape);
    expect(std::int64_t(words.size()) == rows.size());
    const Word *source = words.data();
    std::vector<std::int32_t> table;
    std::vector<std::int64_t> stats;
    {
        nb::gil_scoped_release released;
        std::vector<std::int64_t> first;
        std::vector<Run> runs = runs_of(source, rows, first);
        std::vector<std::int32_t> parent(runs.size()), label(runs.size(), -1);
        for (std::size_t n = 0; n < runs.size(); ++n) parent[n] = std::int32_t(n);
        for (std::int64_t row = 0; row < rows.count(); ++row) {
            if (row % rows.nj) unite_rows(runs, parent, first[row], first[row + 1], first[row - 1], first[row]);
            if (row >= rows.nj) unite_rows(runs, parent, first[row], first[row + 1], first[row - rows.nj], first[row - rows.nj + 1]);
        }
        table.reserve(runs.size() * 4);
        for (std::size_t n = 0; n < runs.size(); ++n) {
            const std::int32_t at = root(parent, std::int32_t(n));
            const std::int64_t j = runs[n].row % rows.nj, k = runs[n].row / rows.nj;
            if (label[at] < 0) {
                label[at] = std::int32_t(stats.size() / 7);
                stats.insert(stats.end(), {0, runs[n].start, runs[n].stop - 1, j, j, k, k});
            }
            std::int64_t *s = stats.data() + 7 * std::int64_t(label[at]);
            s[0] += runs[n].stop - runs[n].start;
            s[1] = std::min<std::int64_t>(s[1], runs[n].start), s[2] = std::max<std::int64_t>(s[2], runs[n].stop - 1);
            s[3] = std::min(s[3], j), s[4] = std::max(s[4], j), s[5] = std::min(s[5], k), s[6] = std::max(s[6], k);
            table.insert(table.end(), {runs[n].row, runs[n].start, runs[n].stop, label[at]});
        }
    }
    return std::make_tuple(owned(std::move(table), 4), owned(std::move(stats), 7));
}

using RunTable = nb::ndarray<const std::int32_t, nb::shape<-1, 4>, nb::c_contig>;

// Sets the runs whose label is to be kept.
void paint(RunTable runs, Flat<const std::uint8_t> keep, Shape shape, Flat<Word> out) {
    const Rows rows(shape);
    expect(std::int64_t(out.size()) == rows.size());
    Word *to = out.data();
    nb::gil_scoped_release released;
    std::fill(to, to + rows.size(), Word(0));
    for (std::size_t n = 0; n < runs.shape(0); ++n) {
        const std::int32_t *run = runs.data() + 4 * n;
        if (keep.data()[run[3]]) over_words(run[1], run[2], [&](std::int64_t w, Word set) { to[run[0] * rows.words + w] |= set; });
    }
}

// Marks the labels that share a voxel with `words`.
void meets(RunTable runs, Flat<const Word> words, Shape shape, Flat<std::uint8_t> out) {
    const Rows rows(shape);
    expect(std::int64_t(words.size()) == rows.size());
    for (std::size_t n = 0; n < runs.shape(0); ++n) {
        const std::int32_t *run = runs.data() + 4 * n;
        if (!out.data()[run[3]])
            over_words(run[1], run[2], [&](std::int64_t w, Word set) { out.data()[run[3]] |= std::uint8_t((words.data()[run[0] * rows.words + w] & set) != 0); });
    }
}

// ---- rays -----------------------------------------------------------------------------------------------------

constexpr int PLANES = 6;  // Counts up to 63 rays, one bit of the count per plane.

void add(std::vector<Word> &planes, std::int64_t size, std::int64_t at, Word carry) {
    for (int p = 0; p < PLANES && carry; ++p) {
        Word &plane = planes[p * size + at];
        const Word both = plane & carry;
        plane ^= carry, carry = both;
    }
}

// From each voxel, in steps (di, dj, dk): how many rays meet `wall` first, and how many `outside` first; a ray that
// leaves the volume before either counts for neither.
void rays(Flat<const Word> wall, Flat<const Word> outside, Shape shape, nb::ndarray<const std::int32_t, nb::shape<-1, 3>, nb::c_contig> steps,
          Flat<std::uint8_t> hits, Flat<std::uint8_t> misses) {
    const Rows rows(shape);
    const std::int64_t size = rows.size(), voxels = rows.ni * rows.count();
    expect(std::int64_t(wall.size()) == size && std::int64_t(outside.size()) == size && steps.shape(0) < (1u << PLANES));
    expect(std::int64_t(hits.size()) == voxels && std::int64_t(misses.size()) == voxels);
    nb::gil_scoped_release released;
    std::vector<Word> hit(size), miss(size), hit_planes(PLANES * size), miss_planes(PLANES * size), ahead(rows.words), moved(rows.words);
    for (std::size_t n = 0; n < steps.shape(0); ++n) {
        const std::int64_t di = steps(n, 0), dj = steps(n, 1), dk = steps(n, 2);
        std::fill(hit.begin(), hit.end(), Word(0));
        std::fill(miss.begin(), miss.end(), Word(0));
        const bool back = dk > 0 || (dk == 0 && dj > 0);  // Rows ahead first.
        for (std::int64_t m = 0; m < rows.count(); ++m) {
            const std::int64_t row = back ? rows.count() - 1 - m : m, j = row % rows.nj + dj, k = row / rows.nj + dk;
            if (j < 0 || j >= rows.nj || k < 0 || k >= rows.nk) continue;
            const std::int64_t from = rows.words * (j + rows.nj * k), to = rows.words * row;
            // Along i alone a row looks at itself: repeat until nothing changes, at most once per voxel.
            for (bool changed = true; changed;) {
                changed = false;
                for (int kind = 0; kind < 2; ++kind) {
                    std::vector<Word> &state = kind ? miss : hit;
                    for (std::int64_t w = 0; w < rows.words; ++w) {
                        const Word bone = wall.data()[from + w], air = outside.data()[from + w];
                        ahead[w] = kind ? ~bone & (air | state[from + w]) : bone | (state[from + w] & ~air);
                    }
                    shifted(ahead.data(), rows.words, di, moved.data());
                    moved[rows.words - 1] &= rows.tail();
                    if (from == to) changed |= std::memcmp(state.data() + to, moved.data(), rows.words * 8) != 0;
                    std::copy(moved.begin(), moved.end(), state.begin() + to);
                }
            }
        }
        for (std::int64_t at = 0; at < size; ++at) add(hit_planes, size, at, hit[at]), add(miss_planes, size, at, miss[at]);
    }
    for (std::int64_t v = 0; v < voxels; ++v) {
        const std::int64_t at = v / rows.ni * rows.words + v % rows.ni / 64, bit = v % rows.ni % 64;
        unsigned hit_count = 0, miss_count = 0;
        for (int p = 0; p < PLANES; ++p) {
            hit_count |= unsigned(hit_planes[p * size + at] >> bit & 1) << p;
            miss_count |= unsigned(miss_planes[p * size + at] >> bit & 1) << p;
        }
        hits.data()[v] = std::uint8_t(hit_count), misses.data()[v] = std::uint8_t(miss_count);
    }
}

template <class T> void bind_values(nb::module_ &module) {
    module.def("mask_occupancy", &occupancy<T>, nb::arg("values").noconvert(), nb::arg("shape"), nb::arg("block"), nb::arg("low"), nb::arg("high"), nb::arg("share"), nb::arg("out").noconvert());
    module.def("mask_refine", &refine<T>, nb::arg("values").noconvert(), nb::arg("shape"), nb::arg("block"), nb::arg("inner").noconvert(), nb::arg("band").noconvert(), nb::arg("limits"), nb::arg("out").noconvert());
}

}  // namespace

void bind_mask(nb::module_ &module) {
    bind_values<std::int16_t>(module);
    bind_values<std::uint16_t>(module);
    bind_values<std::int32_t>(module);
    bind_values<float>(module);
    module.def("mask_expand", &expand);
    module.def("mask_pack", &pack);
    module.def("mask_bounds", &bounds);
    module.def("mask_dilate", &dilate);
    module.def("mask_components", &components);
    module.def("mask_paint", &paint);
    module.def("mask_meets", &meets);
    module.def("mask_rays", &rays);
}
