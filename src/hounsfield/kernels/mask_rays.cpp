// Rays from every voxel: how many meet a wall, and how many leave without meeting one.
#include "mask_bits.h"

#include <cstring>

namespace mask {
namespace {

// to(i) = from(i + by), 0 from beyond the row.
void shifted(const Word *from, std::int64_t words, std::int64_t by, Word *to) {
    const std::int64_t whole = std::abs(by) / 64, rest = std::abs(by) % 64;
    for (std::int64_t n = 0; n < words; ++n) {
        const std::int64_t w = by >= 0 ? n + whole : n - whole, next = by >= 0 ? w + 1 : w - 1;
        const Word here = w >= 0 && w < words ? from[w] : 0,
                   there = rest && next >= 0 && next < words ? from[next] : 0;
        to[n] = by >= 0 ? (here >> rest) | (rest ? there << (64 - rest) : 0)
                        : (here << rest) | (rest ? there >> (64 - rest) : 0);
    }
}

constexpr int PLANES = 6;  // Counts up to 63 rays, one bit of the count per plane.

void add(std::vector<Word> &planes, std::int64_t size, std::int64_t at, Word carry) {
    for (int p = 0; p < PLANES && carry; ++p) {
        Word &plane = planes[p * size + at];
        const Word both = plane & carry;
        plane ^= carry, carry = both;
    }
}

// From each voxel, in steps (di, dj, dk): how many rays meet `wall` first, and how many `outside`
// first; a ray that leaves the volume before either counts for neither.
void rays(Flat<const Word> wall, Flat<const Word> outside, Shape shape, Offsets steps,
          Flat<std::uint8_t> hits, Flat<std::uint8_t> misses) {
    const Rows rows(shape);
    const std::int64_t size = rows.size(), voxels = rows.ni * rows.count();
    expect(std::int64_t(wall.size()) == size && std::int64_t(outside.size()) == size);
    if (steps.shape(0) >= (1u << PLANES)) throw nb::value_error("more than 63 rays");
    expect(std::int64_t(hits.size()) == voxels && std::int64_t(misses.size()) == voxels);
    nb::gil_scoped_release released;
    std::vector<Word> hit(size), miss(size), hit_planes(PLANES * size), miss_planes(PLANES * size),
        ahead(rows.words), moved(rows.words);
    for (std::size_t n = 0; n < steps.shape(0); ++n) {
        const std::int64_t di = steps(n, 0), dj = steps(n, 1), dk = steps(n, 2);
        std::fill(hit.begin(), hit.end(), Word(0));
        std::fill(miss.begin(), miss.end(), Word(0));
        const bool back = dk > 0 || (dk == 0 && dj > 0);  // Rows ahead first.
        for (std::int64_t m = 0; m < rows.count(); ++m) {
            const std::int64_t row = back ? rows.count() - 1 - m : m, j = row % rows.nj + dj,
                               k = row / rows.nj + dk;
            if (j < 0 || j >= rows.nj || k < 0 || k >= rows.nk) continue;
            const std::int64_t from = rows.words * (j + rows.nj * k), to = rows.words * row;
            // Along i alone a row depends on itself: repeat until nothing changes, at most once per
            // voxel.
            for (bool changed = true; changed;) {
                changed = false;
                for (int kind = 0; kind < 2; ++kind) {
                    std::vector<Word> &state = kind ? miss : hit;
                    for (std::int64_t w = 0; w < rows.words; ++w) {
                        const Word bone = wall.data()[from + w], air = outside.data()[from + w];
                        ahead[w] = kind ? ~bone & (air | state[from + w])
                                        : bone | (state[from + w] & ~air);
                    }
                    shifted(ahead.data(), rows.words, di, moved.data());
                    moved[rows.words - 1] &= rows.tail();
                    if (from == to)
                        changed |=
                            std::memcmp(state.data() + to, moved.data(), rows.words * 8) != 0;
                    std::copy(moved.begin(), moved.end(), state.begin() + to);
                }
            }
        }
        for (std::int64_t at = 0; at < size; ++at)
            add(hit_planes, size, at, hit[at]), add(miss_planes, size, at, miss[at]);
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

}  // namespace

void bind_rays(nb::module_ &module) {
    module.def("mask_rays", &rays, nb::arg("wall").noconvert(), nb::arg("outside").noconvert(), nb::arg("shape"),
               nb::arg("steps").noconvert(), nb::arg("hits").noconvert(), nb::arg("misses").noconvert());
}

}  // namespace mask
