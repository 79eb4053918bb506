// Dilation of a mask by a ball.
#include "mask_bits.h"

namespace mask {
namespace {

void widen(const Word *from, Word *to, const Rows &rows) {  // By one voxel to either side along i.
    for (std::int64_t row = 0; row < rows.count(); ++row, from += rows.words, to += rows.words) {
        for (std::int64_t w = 0; w < rows.words; ++w)
            to[w] = from[w] | from[w] << 1 | from[w] >> 1 | (w ? from[w - 1] >> 63 : 0) |
                    (w + 1 < rows.words ? from[w + 1] << 63 : 0);
        to[rows.words - 1] &= rows.tail();
    }
}

// The union of the mask moved by every offset: `offsets` rows are (dj, dk, half width along i), by
// ascending half width.
void dilate(Flat<const Word> words, Shape shape, Offsets offsets, int threads, Flat<Word> out) {
    const Rows rows(shape);
    expect(std::int64_t(words.size()) == rows.size() && std::int64_t(out.size()) == rows.size());
    const std::int32_t *table = offsets.data();
    const std::int64_t count = std::int64_t(offsets.shape(0));
    for (std::int64_t n = 0; n < count; ++n)
        if (table[3 * n + 2] < (n ? table[3 * n - 1] : 0))
            throw nb::value_error("half widths are negative or not in ascending order");
    const Word *source = words.data();
    Word *to = out.data();
    nb::gil_scoped_release released;
    std::vector<Word> wide(source, source + rows.size()), next(rows.size());
    std::fill(to, to + rows.size(), Word(0));
    for (std::int64_t first = 0, width = 0; first < count; ++width) {
        if (width >= rows.ni) width = table[3 * first + 2];  // Rows are as wide as they can be.
        std::int64_t last = first;
        while (last < count && table[3 * last + 2] == width) ++last;
        const Word *from = wide.data();
        parallel(rows.nk, rows.size() * (last - first), threads,
                 [=](std::int64_t start, std::int64_t stop) {
                     for (std::int64_t k = start; k < stop; ++k)
                         for (std::int64_t n = first; n < last; ++n) {
                             const std::int64_t dj = table[3 * n], source_k = k - table[3 * n + 1];
                             if (source_k < 0 || source_k >= rows.nk || std::abs(dj) >= rows.nj)
                                 continue;
                             // All rows of a slice shift equally, so they are one long row.
                             const Word *source_row =
                                 from +
                                 rows.words * (rows.nj * source_k + std::max<std::int64_t>(-dj, 0));
                             Word *to_row =
                                 to + rows.words * (rows.nj * k + std::max<std::int64_t>(dj, 0));
                             const std::int64_t length = rows.words * (rows.nj - std::abs(dj));
                             for (std::int64_t w = 0; w < length; ++w) to_row[w] |= source_row[w];
                         }
                 });
        first = last;
        if (first < count && width < rows.ni) widen(wide.data(), next.data(), rows), wide.swap(next);
    }
}

}  // namespace

void bind_morphology(nb::module_ &module) {
    module.def("mask_dilate", &dilate, nb::arg("words").noconvert(), nb::arg("shape"),
               nb::arg("offsets").noconvert(),
               nb::arg("threads"), nb::arg("out").noconvert());
}

}  // namespace mask
