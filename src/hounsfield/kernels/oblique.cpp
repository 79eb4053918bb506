// Sampling on a grid that is oblique to the source: a gather of one or eight voxels for each output
// voxel.
//
// Up to the outer faces (index -0.5 to size - 0.5 along each axis) edge values are repeated; beyond
// them the background is used. Positions and weights are double and sums have a fixed order, so the
// result does not depend on the number of threads. Output rows are divided among the threads.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include "parallel.h"

namespace nb = nanobind;

namespace sampling {
namespace {

template <typename T> using Volume = nb::ndarray<T, nb::ndim<3>, nb::f_contig, nb::device::cpu>;
using Relation =
    std::array<double, 12>;  // rows of 3 x 4: source index of output index (i, j, k, 1)

constexpr int64_t SMALLEST_SHARED_VOXELS = 1
                                           << 16;  // Below this a thread costs more than it gains.

template <typename T> struct Source {
    const T *data;
    std::array<int64_t, 3> size;

    T at(int64_t i, int64_t j, int64_t k) const { return data[i + size[0] * (j + size[1] * k)]; }
};

// The two neighbours of a position along one axis, at the edge twice the same, and the weight of
// the second.
struct Pair {
    int64_t low, high;
    double weight;

    Pair(double position, int64_t size) {
        const double kept = std::clamp(position, 0.0, double(size - 1));
        low = int64_t(kept), high = std::min(low + 1, size - 1), weight = kept - double(low);
    }
};

template <typename T> struct Linear {
    using Out = float;

    static float take(const Source<T> &source, const double *position) {
        const Pair i(position[0], source.size[0]), j(position[1], source.size[1]),
            k(position[2], source.size[2]);
        const auto along_i = [&](int64_t row, int64_t slice) {
            return double(source.at(i.low, row, slice)) * (1.0 - i.weight) +
                   double(source.at(i.high, row, slice)) * i.weight;
        };
        const auto along_j = [&](int64_t slice) {
            return along_i(j.low, slice) * (1.0 - j.weight) + along_i(j.high, slice) * j.weight;
        };
        return float(along_j(k.low) * (1.0 - k.weight) + along_j(k.high) * k.weight);
    }
};

template <typename T> struct Nearest {
    using Out = T;

    static T take(const Source<T> &source, const double *position) {
        int64_t index[3];
        for (int n = 0; n < 3; ++n)
            index[n] =
                std::clamp<int64_t>(int64_t(std::floor(position[n] + 0.5)), 0, source.size[n] - 1);
        return source.at(index[0], index[1], index[2]);
    }
};

template <typename Method, typename T>
void gather_row(const Source<T> &source, const Relation &relation, int64_t j, int64_t k,
                typename Method::Out background, int64_t count, typename Method::Out *out) {
    double start[3], position[3];
    for (int n = 0; n < 3; ++n)
        start[n] =
            relation[4 * n + 1] * double(j) + relation[4 * n + 2] * double(k) + relation[4 * n + 3];
    for (int64_t i = 0; i < count; ++i) {
        bool inside = true;
        for (int n = 0; n < 3; ++n) {
            position[n] = relation[4 * n] * double(i) + start[n];
            inside = inside && position[n] >= -0.5 && position[n] <= double(source.size[n]) - 0.5;
        }
        out[i] = inside ? Method::take(source, position) : background;
    }
}

template <template <typename> class Method, typename T>
void gather(Volume<const T> source, Relation relation, typename Method<T>::Out background,
            int threads, Volume<typename Method<T>::Out> out) {
    const Source<T> from{
        source.data(),
        {int64_t(source.shape(0)), int64_t(source.shape(1)), int64_t(source.shape(2))}};
    const int64_t ni = int64_t(out.shape(0)), nj = int64_t(out.shape(1)),
                  rows = nj * int64_t(out.shape(2));
    if (!source.size()) throw std::invalid_argument("the source is empty");
    auto *to = out.data();
    nb::gil_scoped_release unlocked;
    const int64_t most = std::max<int64_t>(1, std::min<int64_t>(threads, rows));
    const int64_t used = rows * ni < SMALLEST_SHARED_VOXELS ? 1 : most;
    run_on_threads(used, [&](int64_t n) {
        for (int64_t row = rows * n / used; row < rows * (n + 1) / used; ++row)
            gather_row<Method<T>>(from, relation, row % nj, row / nj, background, ni,
                                  to + row * ni);
    });
}

template <typename T> void bind_gather(nb::module_ &module) {
    module.def("gather_linear", &gather<Linear, T>, nb::arg("source").noconvert(),
               nb::arg("relation"), nb::arg("background"), nb::arg("threads"),
               nb::arg("out").noconvert());
    module.def("gather_nearest", &gather<Nearest, T>, nb::arg("source").noconvert(),
               nb::arg("relation"), nb::arg("background"), nb::arg("threads"),
               nb::arg("out").noconvert());
}

}  // namespace

void bind_oblique(nb::module_ &module) {
    bind_gather<int8_t>(module);
    bind_gather<uint8_t>(module);
    bind_gather<int16_t>(module);
    bind_gather<uint16_t>(module);
    bind_gather<int32_t>(module);
    bind_gather<uint32_t>(module);
    bind_gather<int64_t>(module);
    bind_gather<uint64_t>(module);
    bind_gather<float>(module);
    bind_gather<double>(module);
}

}  // namespace sampling
