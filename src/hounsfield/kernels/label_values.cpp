// The values of a label with their numbers of voxels, and labels of slabs of slices.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>

#include "label_shares.h"
#include "parallel.h"

namespace nb = nanobind;

namespace labels {
namespace {

template <typename T, int N> using Array =
    nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

constexpr int64_t smallest_shared_voxels = 1 << 18;  // Below this a thread costs more than it gains

// Values in no order, and how many voxels have each. Runs of one value are counted at once.
template <typename T>
std::pair<std::vector<T>, std::vector<int64_t>> counts(Array<const T, 1> voxels, int threads) {
    const T *from = voxels.data();
    const int64_t size = voxels.shape(0);
    const int64_t used = size < smallest_shared_voxels ? 1 : std::max(1, threads);
    std::pair<std::vector<T>, std::vector<int64_t>> found;
    {
        nb::gil_scoped_release unlocked;
        std::vector<Sums<T, int64_t>> parts(used);
        run_on_threads(used, [&](int64_t n) {
            const int64_t stop = size * (n + 1) / used;
            for (int64_t at = size * n / used; at < stop;) {
                const int64_t start = at;
                while (at < stop && from[at] == from[start]) ++at;
                parts[n].add(from[start], at - start);
            }
        });
        for (int64_t n = 1; n < used; ++n)
            parts[n].each([&](T value, int64_t count) { parts[0].add(value, count); });
        parts[0].each([&](T value, int64_t count) {
            found.first.push_back(value), found.second.push_back(count);
        });
    }
    return found;
}

// For each slab the label other than `background` that is nearest to its centre, the lower slice
// first. Arrays are (outer, slices, inner); the slab n has the slices start[n] to stop[n].
template <typename T>
void slab(Array<const T, 3> source, Array<const int32_t, 1> start, Array<const int32_t, 1> stop,
          T background, int threads, Array<T, 3> out) {
    const int64_t outer = source.shape(0), slices = source.shape(1), inner = source.shape(2),
                  count = start.shape(0);
    if (int64_t(stop.shape(0)) != count || int64_t(out.shape(0)) != outer ||
        int64_t(out.shape(1)) != count || int64_t(out.shape(2)) != inner)
        throw std::invalid_argument("the arrays do not fit one another");
    const int32_t *first = start.data(), *last = stop.data();
    for (int64_t n = 0; n < count; ++n)
        if (first[n] < 0 || first[n] >= last[n] || last[n] > slices)
            throw std::invalid_argument("slabs must be inside the slices");
    const T *from = source.data();
    T *to = out.data();
    nb::gil_scoped_release unlocked;
    const int64_t most = std::max<int64_t>(1, std::min<int64_t>(threads, outer * count));
    const int64_t used = outer * count * inner < smallest_shared_voxels ? 1 : most;
    run_on_threads(used, [&](int64_t thread) {
        for (int64_t n = outer * count * thread / used; n < outer * count * (thread + 1) / used;
             ++n) {
            const T *plane = from + n / count * slices * inner;
            T *made = to + n * inner;
            const int64_t low = first[n % count], high = last[n % count];
            std::fill(made, made + inner, background);
            // Alternates outwards from the centre: with an even number the lower slice is first.
            for (int64_t step = 0, center = (low + high - 1) / 2; step < high - low; ++step) {
                const int64_t odd = (high - low) % 2;
                const int64_t away = (step + 1) / 2;
                const bool below = (step % 2 == 1) == (odd == 1);
                const int64_t slice = center + (step == 0 ? 0 : below ? -away : away);
                const T *values = plane + slice * inner;
                for (int64_t x = 0; x < inner; ++x)
                    made[x] = made[x] == background ? values[x] : made[x];
            }
        }
    });
}

template <typename T> void bind(nb::module_ &module) {
    module.def("label_counts", &counts<T>, nb::arg("voxels").noconvert(), nb::arg("threads"));
    module.def("label_slab", &slab<T>, nb::arg("source").noconvert(), nb::arg("start"),
               nb::arg("stop"), nb::arg("background"), nb::arg("threads"),
               nb::arg("out").noconvert());
}

}  // namespace

void bind_values(nb::module_ &module) {
    for_each_label_type([&](auto of) { bind<decltype(of)>(module); });
}

}  // namespace labels
