// The label with the largest share of each output cell, on a grid that is oblique to the source.
//
// The share of a label is the mean, over evenly spaced points of the cell, of the trilinear weights
// of its voxels. Up to the outer faces of the source edge voxels are repeated; beyond them there is
// background. Where all blocks of source voxels that a cell touches have one label, nothing is
// summed. Output rows are divided among the threads; sums are double and have a fixed order.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>

#include <array>
#include <cmath>
#include <stdexcept>

#include "label_shares.h"
#include "parallel.h"

namespace nb = nanobind;

namespace labels {
namespace {

template <typename T> using Volume = nb::ndarray<T, nb::ndim<3>, nb::f_contig, nb::device::cpu>;
using Relation = std::array<double, 12>;  // rows of 3 x 4: source index of output (i, j, k, 1)
using Counts = std::array<int64_t, 3>;
using Point = std::array<double, 3>;

constexpr int64_t smallest_shared_points = 1 << 14;  // Below this a thread costs more than it gains

constexpr int64_t block = 8;      // Edge of a block, voxels
constexpr double margin = 1e-9;   // Larger than the rounding of positions, in voxels

// The lowest and the highest label of each block.
template <typename T> struct Blocks {
    Counts size, count;
    std::vector<T> low, high;

    Blocks(const T *data, const Counts &shape, int threads) : size(shape) {
        for (int n = 0; n < 3; ++n) count[n] = (size[n] + block - 1) / block;
        low.resize(count[0] * count[1] * count[2]), high.resize(low.size());
        const int64_t used = std::max<int64_t>(1, std::min<int64_t>(threads, count[2]));
        run_on_threads(used, [&](int64_t n) {
            for (int64_t k = count[2] * n / used * block; k < count[2] * (n + 1) / used * block &&
                                                          k < size[2]; ++k)
                for (int64_t j = 0; j < size[1]; ++j)
                    row(data + size[0] * (j + size[1] * k), j, k);
        });
    }
    int64_t at(int64_t i, int64_t j, int64_t k) const {
        return i / block + count[0] * (j / block + count[1] * (k / block));
    }

    // Whether the voxels `first` to `last` (inclusive) are in blocks of one label.
    bool uniform(const int64_t *first, const int64_t *last) const {
        const T label = low[at(first[0], first[1], first[2])];
        for (int64_t k = first[2] / block; k <= last[2] / block; ++k)
            for (int64_t j = first[1] / block; j <= last[1] / block; ++j)
                for (int64_t i = first[0] / block; i <= last[0] / block; ++i) {
                    const int64_t n = i + count[0] * (j + count[1] * k);
                    if (low[n] != label || high[n] != label) return false;
                }
        return true;
    }

  private:
    void row(const T *labels, int64_t j, int64_t k) {
        const bool first = j % block == 0 && k % block == 0;
        for (int64_t i = 0; i < size[0]; ++i) {
            const int64_t n = at(i, j, k);
            const bool begins = first && i % block == 0;
            low[n] = begins ? labels[i] : std::min(low[n], labels[i]);
            high[n] = begins ? labels[i] : std::max(high[n], labels[i]);
        }
    }
};

template <typename T> class Cell {
  public:
    Cell(const T *data, const Blocks<T> &blocks, const Relation &relation, const Counts &points,
         T background)
        : data_(data), blocks_(blocks), size_(blocks.size), background_(background) {
        for (int n = 0; n < 3; ++n)
            for (int m = 0; m < 3; ++m)
                reach_[n] += std::abs(relation[4 * n + m]) * (0.5 - 0.5 / double(points[m]));
        for (int64_t k = 0; k < points[2]; ++k)
            for (int64_t j = 0; j < points[1]; ++j)
                for (int64_t i = 0; i < points[0]; ++i) {
                    const Point at{(double(i) + 0.5) / double(points[0]) - 0.5,
                                   (double(j) + 0.5) / double(points[1]) - 0.5,
                                   (double(k) + 0.5) / double(points[2]) - 0.5};
                    Point offset{};
                    for (int n = 0; n < 3; ++n)
                        for (int m = 0; m < 3; ++m) offset[n] += relation[4 * n + m] * at[m];
                    offsets_.push_back(offset);
                }
    }

    // The label of the cell whose centre is at the source index `center`.
    T at(const Point &center) {
        int64_t first[3], last[3];
        bool inside = true;
        for (int n = 0; n < 3; ++n) {
            const double low = center[n] - reach_[n], high = center[n] + reach_[n];
            const double face = double(size_[n]) - 0.5;
            if (high < -0.5 - margin || low > face + margin) return background_;
            inside = inside && low > -0.5 + margin && high < face - margin;
            first[n] = int64_t(std::clamp(low, 0.0, double(size_[n] - 1)));
            last[n] = std::min(int64_t(std::clamp(high, 0.0, face)) + 1, size_[n] - 1);
        }
        if (inside && blocks_.uniform(first, last))
            return data_[first[0] + size_[0] * (first[1] + size_[1] * first[2])];
        sums_.clear();
        for (const Point &offset : offsets_)
            add({center[0] + offset[0], center[1] + offset[1], center[2] + offset[2]});
        return sums_.count() == 1 ? only_ : sums_.largest(same_share * double(offsets_.size()));
    }

  private:
    void add(const Point &point) {
        int64_t low[3], high[3];
        double part[3];
        for (int n = 0; n < 3; ++n) {
            if (!(point[n] >= -0.5 && point[n] <= double(size_[n]) - 0.5)) {
                sums_.add(only_ = background_, 1.0);
                return;
            }
            const double kept = std::clamp(point[n], 0.0, double(size_[n] - 1));
            low[n] = int64_t(kept), high[n] = std::min(low[n] + 1, size_[n] - 1);
            part[n] = kept - double(low[n]);
        }
        T corner[8];
        for (int n = 0; n < 8; ++n)
            corner[n] = data_[(n & 1 ? high : low)[0] +
                              size_[0] * ((n & 2 ? high : low)[1] +
                                          size_[1] * (n & 4 ? high : low)[2])];
        bool same = true;
        for (int n = 1; n < 8; ++n) same = same && corner[n] == corner[0];
        if (same) {
            sums_.add(only_ = corner[0], 1.0);
            return;
        }
        for (int n = 0; n < 8; ++n) {
            const double weight = (n & 1 ? part[0] : 1 - part[0]) *
                                  (n & 2 ? part[1] : 1 - part[1]) *
                                  (n & 4 ? part[2] : 1 - part[2]);
            if (weight > 0) sums_.add(only_ = corner[n], weight);
        }
    }

    const T *data_;
    const Blocks<T> &blocks_;
    Counts size_;
    T background_, only_{};
    Point reach_{};
    std::vector<Point> offsets_;
    Sums<T, double> sums_;
};

template <typename T>
void share(Volume<const T> source, Relation relation, Counts points, T background, int threads,
           Volume<T> out) {
    if (!source.size()) throw std::invalid_argument("the source is empty");
    if (points[0] < 1 || points[1] < 1 || points[2] < 1)
        throw std::invalid_argument("a cell needs at least one point along each axis");
    const Counts size{int64_t(source.shape(0)), int64_t(source.shape(1)),
                      int64_t(source.shape(2))};
    const int64_t ni = out.shape(0), nj = out.shape(1), rows = nj * int64_t(out.shape(2));
    const T *from = source.data();
    T *to = out.data();
    nb::gil_scoped_release unlocked;
    const Blocks<T> blocks(from, size, threads);
    const int64_t work = rows * ni * points[0] * points[1] * points[2];
    const int64_t most = std::max<int64_t>(1, std::min<int64_t>(threads, rows));
    const int64_t used = work < smallest_shared_points ? 1 : most;
    run_on_threads(used, [&](int64_t thread) {
        Cell<T> cell(from, blocks, relation, points, background);
        for (int64_t row = rows * thread / used; row < rows * (thread + 1) / used; ++row)
            for (int64_t i = 0; i < ni; ++i) {
                Point center;
                for (int n = 0; n < 3; ++n)
                    center[n] = relation[4 * n] * double(i) +
                                relation[4 * n + 1] * double(row % nj) +
                                relation[4 * n + 2] * double(row / nj) + relation[4 * n + 3];
                to[row * ni + i] = cell.at(center);
            }
    });
}

template <typename T> void bind(nb::module_ &module) {
    module.def("label_share_oblique", &share<T>, nb::arg("source").noconvert(),
               nb::arg("relation"), nb::arg("points"), nb::arg("background"), nb::arg("threads"),
               nb::arg("out").noconvert());
}

}  // namespace

void bind_share_oblique(nb::module_ &module) {
    for_each_label_type([&](auto of) { bind<decltype(of)>(module); });
}

}  // namespace labels
