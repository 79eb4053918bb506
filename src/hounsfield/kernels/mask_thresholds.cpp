// Voxels in a range: counted per block of voxels, and refined to single voxels.
#include "mask_bits.h"

#include "mask_range.h"

namespace mask {
namespace {

template <class T>
void count_row(const T *values, std::int64_t ni, Range<T> range, std::uint16_t *counts) {
    for (std::int64_t i = 0; i < ni; ++i)
        counts[i] = std::uint16_t(counts[i] + range.contains(values[i]));
}

// One bit per `step` counts: whether their sum is at least `need`. The last cell may be partial; it
// needs `last`.
template <int fixed> void sum_cells(const std::uint16_t *counts, std::int64_t ni, std::int64_t step,
                                    std::int64_t need, std::int64_t last, Word *to) {
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

// A cell of (bi, bj, bk) voxels is set if at least the fraction `share` of them is in the range.
template <class T> void occupancy(Flat<const T> values, Shape shape, Shape block, double low,
                                  double high, double share, int threads, Flat<Word> out) {
    const Rows fine(shape);
    const Rows cells = cells_of(shape, block);
    expect(std::int64_t(values.size()) == fine.ni * fine.count() &&
           std::int64_t(out.size()) == cells.size());
    if (std::min(block[1], fine.nj) * std::min(block[2], fine.nk) >= 65536)
        throw nb::value_error("a block has 65536 or more rows");
    if (!(share >= 0 && share <= 1)) throw nb::value_error("the share is not from 0 to 1");
    const T *data = values.data();
    Word *bits = out.data();
    const Range<T> range(low, high);
    nb::gil_scoped_release released;
    parallel(cells.count(), fine.ni * fine.count() * std::int64_t(sizeof(T)), threads,
             [=](std::int64_t start, std::int64_t stop) {
                 std::vector<std::uint16_t> counts(fine.ni);
                 for (std::int64_t row = start; row < stop; ++row) {
                     const std::int64_t j0 = row % cells.nj * block[1],
                                        k0 = row / cells.nj * block[2];
                     const std::int64_t j1 = std::min(j0 + block[1], fine.nj),
                                        k1 = std::min(k0 + block[2], fine.nk);
                     std::fill(counts.begin(), counts.end(), std::uint16_t(0));
                     for (std::int64_t k = k0; k < k1; ++k)
                         for (std::int64_t j = j0; j < j1; ++j)
                             count_row(data + fine.ni * (j + fine.nj * k), fine.ni, range,
                                       counts.data());
                     const double stack = share * double((j1 - j0) * (k1 - k0)),
                                  cut = double(fine.ni - (cells.ni - 1) * block[0]);
                     const std::int64_t need = std::int64_t(std::ceil(stack * double(block[0]))),
                                        last = std::int64_t(std::ceil(stack * cut));
                     auto *sum = block[0] == 1   ? sum_cells<1>
                                 : block[0] == 2 ? sum_cells<2>
                                 : block[0] == 3 ? sum_cells<3>
                                                 : sum_cells<0>;
                     sum(counts.data(), fine.ni, block[0], need, last, bits + row * cells.words);
                 }
             });
}

// Voxels of `inner` cells are set if they are in the inner range, those of `band` cells if they are
// in the band's range.
template <class T> void refine(Flat<const T> values, Shape shape, Shape block,
                               Flat<const Word> inner, Flat<const Word> band,
                               std::array<double, 4> limits, int threads, Flat<Word> out) {
    const Rows fine(shape);
    const Rows cells = cells_of(shape, block);
    expect(std::int64_t(values.size()) == fine.ni * fine.count() &&
           std::int64_t(out.size()) == fine.size());
    expect(std::int64_t(inner.size()) == cells.size() && std::int64_t(band.size()) == cells.size());
    const T *data = values.data();
    const Word *in = inner.data(), *edge = band.data();
    Word *bits = out.data();
    const Range<T> inside(limits[0], limits[1]), between(limits[2], limits[3]);
    const bool all = std::isinf(limits[0]) && std::isinf(limits[1]);
    nb::gil_scoped_release released;
    parallel(
        cells.count(), fine.ni * fine.count(), threads, [=](std::int64_t start, std::int64_t stop) {
            std::vector<Word> inner_row(fine.words), band_row(fine.words);
            for (std::int64_t row = start; row < stop; ++row) {
                const std::int64_t j0 = row % cells.nj * block[1], k0 = row / cells.nj * block[2];
                const std::int64_t j1 = std::min(j0 + block[1], fine.nj),
                                   k1 = std::min(k0 + block[2], fine.nk);
                stretch(in + row * cells.words, cells, block[0], fine, inner_row.data());
                stretch(edge + row * cells.words, cells, block[0], fine, band_row.data());
                for (std::int64_t k = k0; k < k1; ++k)
                    for (std::int64_t j = j0; j < j1; ++j) {
                        const T *from = data + fine.ni * (j + fine.nj * k);
                        Word *to = bits + fine.words * (j + fine.nj * k);
                        for (std::int64_t w = 0; w < fine.words; ++w) {
                            Word set = all ? inner_row[w] : 0;
                            if (const Word asked = (all ? Word(0) : inner_row[w]) | band_row[w]) {
                                const std::int64_t count =
                                    std::min<std::int64_t>(64, fine.ni - w * 64);
                                const Word held = bits_in_range(from + w * 64, count, between);
                                const Word held_in =
                                    all ? 0 : bits_in_range(from + w * 64, count, inside);
                                set |= asked & ((held & band_row[w]) | (held_in & inner_row[w]));
                            }
                            to[w] = set;
                        }
                    }
            }
        });
}

}  // namespace

template <class T> void bind_values(nb::module_ &module) {
    module.def("mask_occupancy", &occupancy<T>, nb::arg("values").noconvert(), nb::arg("shape"),
               nb::arg("block"), nb::arg("low"), nb::arg("high"), nb::arg("share"),
               nb::arg("threads"), nb::arg("out").noconvert());
    module.def("mask_refine", &refine<T>, nb::arg("values").noconvert(), nb::arg("shape"),
               nb::arg("block"), nb::arg("inner").noconvert(), nb::arg("band").noconvert(),
               nb::arg("limits"), nb::arg("threads"), nb::arg("out").noconvert());
}

void bind_thresholds(nb::module_ &module) {
    bind_values<std::int16_t>(module);
    bind_values<std::uint16_t>(module);
    bind_values<std::int32_t>(module);
    bind_values<float>(module);
}

}  // namespace mask
