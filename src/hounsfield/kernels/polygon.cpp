// Filling of a closed polygon at pixel centres, by the even-odd rule, in exact arithmetic.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace nb = nanobind;

namespace polygon {
namespace {

using Fixed = std::int64_t;  // A coordinate in units of 1 / UNIT pixel.
using Points = nb::ndarray<const Fixed, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Mask = nb::ndarray<std::uint8_t, nb::ndim<2>, nb::f_contig, nb::device::cpu>;

constexpr int UNIT_BITS = 26;
constexpr Fixed UNIT = Fixed(1) << UNIT_BITS;
// Crossings this near to a pixel centre are compared exactly; floats are good to 5e-5 px.
constexpr double NEAR = 1e-4;

Fixed pixels_up(Fixed value) { return -(-value >> UNIT_BITS); }

struct Point {
    Fixed i, j;
};

// Toggles, in every row that an edge crosses, the first pixel at or after the crossing. An edge
// covers rows from its lower end (inclusive) to its upper one (exclusive), so a vertex counts once.
void toggle(Point lower, Point upper, Fixed ni, Fixed nj, std::uint8_t *out) {
    if (lower.j > upper.j) std::swap(lower, upper);
    const Fixed first = std::max<Fixed>(0, pixels_up(lower.j));
    const Fixed last = std::min(nj, pixels_up(upper.j));
    const Fixed run = upper.i - lower.i, rise = upper.j - lower.j;
    if (first >= last) return;
    const double start = double(lower.i) / UNIT, slope = double(run) / double(rise) / UNIT;
    for (Fixed row = first; row < last; ++row) {
        const Fixed above = row * UNIT - lower.j;
        const double crossing = start + double(above) * slope;
        if (crossing > double(ni)) continue;
        Fixed column = 0;
        if (crossing > -1) {
            const Fixed below = Fixed(crossing + 1) - 1;
            const double part = crossing - double(below);
            column = below + (part > 0);
            if (part < NEAR || part > 1 - NEAR) {
                column = below + (part > 0.5);
                const __int128 along = __int128(above) * run;
                column += along > __int128(column * UNIT - lower.i) * rise;
            }
        }
        column = std::max<Fixed>(0, column);
        if (column < ni) out[column + ni * row] ^= 1;
    }
}

void fill(Points points, Mask out) {
    if (points.shape(1) != 2) throw nb::value_error("points are not (n, 2)");
    const auto ni = Fixed(out.shape(0)), nj = Fixed(out.shape(1)), count = Fixed(points.shape(0));
    const Fixed *from = points.data();
    std::uint8_t *to = out.data();
    nb::gil_scoped_release released;
    std::fill(to, to + ni * nj, std::uint8_t(0));
    for (Fixed n = 0; n < count; ++n) {
        const Fixed next = n + 1 < count ? n + 1 : 0;
        toggle({from[2 * n], from[2 * n + 1]}, {from[2 * next], from[2 * next + 1]}, ni, nj, to);
    }
    for (Fixed row = 0; row < nj; ++row)
        for (Fixed i = 1; i < ni; ++i) to[i + ni * row] ^= to[i - 1 + ni * row];
}

}  // namespace

void bind_fill(nb::module_ &module) {
    module.def("polygon_fill", &fill, nb::arg("points"), nb::arg("out").noconvert());
}

}  // namespace polygon
