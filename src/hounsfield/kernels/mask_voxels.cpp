// Masks between bits and bytes, and the bounding box of a mask.
#include "mask_bits.h"

#include "mask_range.h"

namespace mask {
namespace {

void expand(Flat<const Word> words, Shape shape, int threads, Flat<std::uint8_t> out) {
    const Rows rows(shape);
    expect(std::int64_t(words.size()) == rows.size() &&
           std::int64_t(out.size()) == rows.ni * rows.count());
    const Word *from = words.data();
    std::uint8_t *to = out.data();
    nb::gil_scoped_release released;
    parallel(
        rows.count(), rows.ni * rows.count(), threads, [=](std::int64_t start, std::int64_t stop) {
            for (std::int64_t row = start; row < stop; ++row)
                for (std::int64_t i = 0; i < rows.ni; i += 8) {
                    const Word eight = (from[row * rows.words + i / 64] >> (i % 64)) & 0xff;
                    // Copies of the eight bits in eight bytes, each masked to its own bit, then
                    // brought to 0 or 1.
                    const Word spread = ((eight * 0x0101010101010101ull) & 0x8040201008040201ull) +
                                        0x7f7f7f7f7f7f7f7full;
                    const Word bytes = spread >> 7 & 0x0101010101010101ull;
                    std::memcpy(to + row * rows.ni + i, &bytes,
                                std::size_t(std::min<std::int64_t>(8, rows.ni - i)));
                }
        });
}

void pack(Flat<const std::uint8_t> bytes, Shape shape, int threads, Flat<Word> out) {
    const Rows rows(shape);
    expect(std::int64_t(out.size()) == rows.size() &&
           std::int64_t(bytes.size()) == rows.ni * rows.count());
    const std::uint8_t *from = bytes.data();
    Word *to = out.data();
    const Range<std::uint8_t> set(1, 255);
    nb::gil_scoped_release released;
    parallel(rows.count(), rows.ni * rows.count(), threads,
             [=](std::int64_t start, std::int64_t stop) {
                 for (std::int64_t row = start; row < stop; ++row)
                     for (std::int64_t w = 0; w < rows.words; ++w) {
                         to[row * rows.words + w] =
                             bits_in_range(from + row * rows.ni + w * 64,
                                           std::min<std::int64_t>(64, rows.ni - w * 64), set);
                     }
             });
}

// First and last nonzero index along each axis; -1 if all voxels are 0. Rows outside the box found
// so far are read once.
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

}  // namespace

void bind_voxels(nb::module_ &module) {
    module.def("mask_expand", &expand, nb::arg("words").noconvert(), nb::arg("shape"), nb::arg("threads"),
               nb::arg("out").noconvert());
    module.def("mask_pack", &pack, nb::arg("bytes").noconvert(), nb::arg("shape"), nb::arg("threads"),
               nb::arg("out").noconvert());
    module.def("mask_bounds", &bounds, nb::arg("bytes").noconvert(), nb::arg("shape"));
}

}  // namespace mask
