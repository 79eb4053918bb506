// Connected components of a mask, by runs of voxels along i.
#include "mask_bits.h"

#include <nanobind/stl/tuple.h>

namespace mask {
namespace {

struct Run {
    std::int32_t row, start, stop, label;
};

std::int32_t root(std::vector<std::int32_t> &parent, std::int32_t n) {
    while (parent[n] != n) n = parent[n] = parent[parent[n]];
    return n;
}

void unite(std::vector<std::int32_t> &parent, std::int32_t a, std::int32_t b) {
    a = root(parent, a), b = root(parent, b);
    parent[std::max(a, b)] =
        std::min(a, b);  // The first run of a component is its root: labels come in reading order.
}

void unite_rows(const std::vector<Run> &runs, std::vector<std::int32_t> &parent, std::int64_t a,
                std::int64_t a_stop, std::int64_t b, std::int64_t b_stop) {
    while (a < a_stop && b < b_stop) {
        if (runs[a].start < runs[b].stop && runs[b].start < runs[a].stop)
            unite(parent, std::int32_t(a), std::int32_t(b));
        if (runs[a].stop < runs[b].stop) ++a;
        else ++b;
    }
}

std::vector<Run> runs_of(const Word *words, const Rows &rows, std::vector<std::int64_t> &first) {
    std::vector<Run> runs;
    first.assign(rows.count() + 1, 0);
    for (std::int64_t row = 0; row < rows.count(); ++row) {
        first[row] = std::int64_t(runs.size());
        each_run(
            words + row * rows.words, rows.words, rows.ni,
            [&](std::int64_t start, std::int64_t stop) {
                runs.push_back({std::int32_t(row), std::int32_t(start), std::int32_t(stop), 0});
            });
    }
    first[rows.count()] = std::int64_t(runs.size());
    return runs;
}

template <class T>
nb::ndarray<nb::numpy, T, nb::ndim<2>> owned(std::vector<T> &&values, std::size_t columns) {
    auto *kept = new std::vector<T>(std::move(values));
    nb::capsule owner(kept, [](void *p) noexcept { delete static_cast<std::vector<T> *>(p); });
    return nb::ndarray<nb::numpy, T, nb::ndim<2>>(kept->data(), {kept->size() / columns, columns},
                                                  owner);
}

// Runs (row, start, stop, label) of the mask, labels from 0 in reading order, voxels joined over
// faces; and for each label its count of voxels, then first and last index along i, j, k.
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
            if (row % rows.nj)
                unite_rows(runs, parent, first[row], first[row + 1], first[row - 1], first[row]);
            if (row >= rows.nj)
                unite_rows(runs, parent, first[row], first[row + 1], first[row - rows.nj],
                           first[row - rows.nj + 1]);
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
            s[1] = std::min<std::int64_t>(s[1], runs[n].start),
            s[2] = std::max<std::int64_t>(s[2], runs[n].stop - 1);
            s[3] = std::min(s[3], j), s[4] = std::max(s[4], j), s[5] = std::min(s[5], k),
            s[6] = std::max(s[6], k);
            table.insert(table.end(), {runs[n].row, runs[n].start, runs[n].stop, label[at]});
        }
    }
    return std::make_tuple(owned(std::move(table), 4), owned(std::move(stats), 7));
}

using RunTable = nb::ndarray<const std::int32_t, nb::shape<-1, 4>, nb::c_contig>;

// A run of a table: (row, start, stop, label). Raises ValueError unless it is within the mask.
void expect_run(const std::int32_t *run, const Rows &rows, std::size_t labels) {
    if (run[0] < 0 || run[0] >= rows.count() || run[1] < 0 || run[1] >= run[2] ||
        run[2] > rows.ni || run[3] < 0 || std::size_t(run[3]) >= labels)
        throw nb::value_error("a run is outside the mask or has no label");
}

// Sets the voxels of the runs whose label is kept.
void paint(RunTable runs, Flat<const std::uint8_t> keep, Shape shape, Flat<Word> out) {
    const Rows rows(shape);
    expect(std::int64_t(out.size()) == rows.size());
    Word *to = out.data();
    nb::gil_scoped_release released;
    std::fill(to, to + rows.size(), Word(0));
    for (std::size_t n = 0; n < runs.shape(0); ++n) {
        const std::int32_t *run = runs.data() + 4 * n;
        expect_run(run, rows, keep.size());
        if (keep.data()[run[3]])
            over_words(run[1], run[2],
                       [&](std::int64_t w, Word set) { to[run[0] * rows.words + w] |= set; });
    }
}

// Marks the labels that share a voxel with `words`.
void meets(RunTable runs, Flat<const Word> words, Shape shape, Flat<std::uint8_t> out) {
    const Rows rows(shape);
    expect(std::int64_t(words.size()) == rows.size());
    for (std::size_t n = 0; n < runs.shape(0); ++n) {
        const std::int32_t *run = runs.data() + 4 * n;
        expect_run(run, rows, out.size());
        if (!out.data()[run[3]])
            over_words(run[1], run[2], [&](std::int64_t w, Word set) {
                out.data()[run[3]] |=
                    std::uint8_t((words.data()[run[0] * rows.words + w] & set) != 0);
            });
    }
}

}  // namespace

void bind_components(nb::module_ &module) {
    module.def("mask_components", &components, nb::arg("words").noconvert(), nb::arg("shape"));
    module.def("mask_paint", &paint, nb::arg("runs").noconvert(), nb::arg("keep").noconvert(), nb::arg("shape"),
               nb::arg("out").noconvert());
    module.def("mask_meets", &meets, nb::arg("runs").noconvert(), nb::arg("words").noconvert(), nb::arg("shape"),
               nb::arg("out").noconvert());
}

}  // namespace mask
