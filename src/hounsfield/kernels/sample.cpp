// One pass over the voxels: stored values -> rescaled -> sampled along j, i, k -> mapped ->
// projected -> stored.
//
// The output is computed in bands of rows that fit the cache, each through all slices. In a band
// each source slice is sampled once (along j, where the inner loop runs over contiguous voxels;
// then along i, eight rows at a time) and kept in a ring buffer while planes along k need it. A
// slab projection uses van Herk's blocks (M. van Herk, Pattern Recognition Letters 13, 1992), so
// its cost does not depend on the thickness. Sums are float32 in a fixed order, so the result
// depends neither on the number of threads nor on the processor.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <atomic>
#include <stdexcept>

#include "parallel.h"
#include "sample_band.h"
#include "sample_planes.h"
#include "tuple_item.h"

namespace nb = nanobind;

namespace sampling {
namespace {

template <typename T, int N> using Array =
    nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

Table table(const Array<int32_t, 2> &first, const Array<float, 3> &weight,
            const Array<float, 2> &rest, const Array<int32_t, 3> &limits, int64_t length,
            int64_t slices) {
    Table t;
    t.sets = first.shape(0), t.count = first.shape(1), t.taps = weight.shape(2);
    if ((t.sets != 1 && t.sets != slices) || weight.shape(0) != first.shape(0) ||
        weight.shape(1) != first.shape(1) || rest.shape(0) != first.shape(0) ||
        rest.shape(1) != first.shape(1) || t.taps < 1 || t.taps > most_taps)
        throw std::invalid_argument("a table's arrays do not fit one another");
    t.first = first.data(), t.weight = weight.data(), t.rest = rest.data();
    for (int64_t n = 0; n < t.sets * t.count; ++n)
        if (t.first[n] < 0 || t.first[n] + t.taps > length)
            throw std::invalid_argument("a table reads beyond its axis");
    if (limits.shape(1)) {
        if (limits.shape(0) != first.shape(0) || limits.shape(1) != first.shape(1) ||
            limits.shape(2) != 2)
            throw std::invalid_argument("a table's limits do not fit it");
        t.limits = limits.data();
        for (int64_t n = 0; n < 2 * t.sets * t.count; ++n)
            if (t.limits[n] < 0 || t.limits[n] > t.taps)
                throw std::invalid_argument(
                    "a limit of a table is not from 0 to the number of taps");
    }
    return t;
}

template <typename In, typename Out>
void sample(nb::ndarray<const In, nb::ndim<3>, nb::device::cpu> source, Array<float, 1> slopes,
            Array<float, 1> intercepts, nb::tuple before, nb::object padding, nb::tuple axis_i,
            nb::tuple axis_j, nb::tuple axis_k, float background, nb::tuple after, int statistic,
            Array<int32_t, 1> start, Array<int32_t, 1> stop, int64_t block,
            nb::ndarray<Out, nb::ndim<3>, nb::f_contig, nb::device::cpu> out, int threads) {
    const Shape shape{(int64_t)source.shape(0), (int64_t)source.shape(1), (int64_t)source.shape(2),
                      source.stride(1), source.stride(2)};
    if (source.shape(0) > 1 && source.stride(0) != 1)
        throw std::invalid_argument("the first axis of the source must be contiguous");
    if ((int64_t)slopes.shape(0) != shape.nk || (int64_t)intercepts.shape(0) != shape.nk)
        throw std::invalid_argument("one slope and intercept per slice");
    const auto number = [](const nb::tuple &t, size_t n, size_t size, const char *name) {
        return tuple_item<double>(t, n, size, name);
    };
    const auto line = [&](const nb::tuple &t) {
        const auto part = [&](size_t n) { return static_cast<float>(number(t, n, 4, "a line")); };
        return Line{part(0), part(1), part(2), part(3)};
    };
    const auto make = [&](const nb::tuple &t, int64_t length) {
        return table(tuple_item<Array<int32_t, 2>>(t, 0, 4, "a table"),
                     tuple_item<Array<float, 3>>(t, 1, 4, "a table"),
                     tuple_item<Array<float, 2>>(t, 2, 4, "a table"),
                     tuple_item<Array<int32_t, 3>>(t, 3, 4, "a table"), length, shape.nk);
    };
    if (statistic < 0 || statistic > 3 || block > most_planes)
        throw std::invalid_argument("unknown statistic, or a block of too many planes");
    const Table ti = make(axis_i, shape.ni), tj = make(axis_j, shape.nj),
                tk = make(axis_k, shape.nk);
    if (tk.sets != 1) throw std::invalid_argument("the table along k cannot differ between slices");
    Padding pad{false, 0, 0, 0};
    if (!padding.is_none()) {
        nb::tuple t;
        if (!nb::try_cast<nb::tuple>(padding, t, false))
            throw std::invalid_argument("the padding is not a tuple");
        const char *name = "the padding";
        pad = Padding{true, number(t, 0, 3, name), number(t, 1, 3, name),
                      static_cast<float>(number(t, 2, 3, name))};
    }
    const int64_t count = statistic ? start.shape(0) : tk.count;
    if ((int64_t)out.shape(0) != ti.count || (int64_t)out.shape(1) != tj.count ||
        (int64_t)out.shape(2) != count)
        throw std::invalid_argument("the output's shape is not that of the tables");
    int64_t longest = std::max<int64_t>(1, block);
    if (statistic) {
        if (stop.shape(0) != start.shape(0))
            throw std::invalid_argument("starts and stops differ in number");
        for (int64_t t = 0; t < count; ++t) {
            if (start.data()[t] < 0 || start.data()[t] >= stop.data()[t] ||
                stop.data()[t] > tk.count ||
                (t &&
                 (start.data()[t] < start.data()[t - 1] || stop.data()[t] < stop.data()[t - 1])))
                throw std::invalid_argument("slabs must be inside the planes, in ascending order");
            longest = std::max<int64_t>(longest, stop.data()[t] - start.data()[t]);
        }
    }
    const Line pre = line(before), post = line(after);
    const In *values = source.data();
    Out *target = out.data();
    const float *slope = slopes.data(), *intercept = intercepts.data();
    const int32_t *starts = start.data(), *stops = stop.data();
    nb::gil_scoped_release unlocked;
    // Bands whose planes stay in the nearest caches, a multiple of eight rows; each free thread
    // processes the next one.
    const int64_t rows = std::max<int64_t>(8, band_values / std::max<int64_t>(1, ti.count) / 8 * 8);
    const int64_t bands = (tj.count + rows - 1) / rows, pitch = ti.count * tj.count;
    std::atomic<int64_t> taken{0};
    const auto work = [&](int64_t) {
        for (int64_t band = taken++; band < bands; band = taken++) {
            const int64_t first = band * rows;
            Sampler<In> sampler(values, shape, slope, intercept, pre, pad, ti, tj, tk, background,
                                post, first, std::min(rows, tj.count - first));
            Out *to = target + first * ti.count;
            if (statistic)
                project(sampler, static_cast<Statistic>(statistic), starts, stops, count, longest,
                        to, pitch);
            else planes(sampler, count, to, pitch);
        }
    };
    run_on_threads(std::max<int64_t>(1, std::min<int64_t>(threads, bands)), work);
}

template <typename In> void bind_source(nb::module_ &module) {
    const auto arguments = [&](auto kernel) {
        module.def("sample", kernel, nb::arg("source").noconvert(), nb::arg("slopes"),
                   nb::arg("intercepts"), nb::arg("before"), nb::arg("padding").none(),
                   nb::arg("axis_i"), nb::arg("axis_j"), nb::arg("axis_k"), nb::arg("background"),
                   nb::arg("after"), nb::arg("statistic"), nb::arg("start"), nb::arg("stop"),
                   nb::arg("block"), nb::arg("out").noconvert(), nb::arg("threads"));
    };
    arguments(&sample<In, float>);
    arguments(&sample<In, int16_t>);
    arguments(&sample<In, uint8_t>);
}

}  // namespace

void bind_sample(nb::module_ &module) {
    bind_source<int16_t>(module);
    bind_source<uint16_t>(module);
    bind_source<uint8_t>(module);
    bind_source<int8_t>(module);
    bind_source<int32_t>(module);
    bind_source<uint32_t>(module);
    bind_source<float>(module);
    bind_source<double>(module);
}

}  // namespace sampling
