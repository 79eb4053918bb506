// The label with the largest share of each output cell, for grids with parallel axes.
//
// The share of a label is the sum of the weights of its voxels (the product of one weight per
// axis), and that of the background what the weights leave. Where all voxels of a cell have one
// label, which is known from the lowest and the highest label of rows, nothing is summed. Bands of
// output rows are divided among the threads; the sums of a cell are double and have a fixed order,
// so the result does not depend on the number of threads.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <atomic>
#include <stdexcept>

#include "label_shares.h"
#include "parallel.h"
#include "sample_types.h"
#include "tuple_item.h"

namespace nb = nanobind;

namespace labels {
namespace {

using sampling::Table;
template <typename T, int N> using Array =
    nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

constexpr int64_t band_rows = 8;              // Output rows of a band, if its rows fit the caches.
constexpr int64_t band_labels = 1 << 18;      // Most labels of the rows of a band that are kept.

// A table whose taps without weight at either end are left out.
struct Axis {
    Table table;
    std::vector<int32_t> start, stop;  // source indices (set, output index)

    Axis(const nb::tuple &t, int64_t length, int64_t slices) {
        const auto first = tuple_item<Array<int32_t, 2>>(t, 0, 3, "a table");
        const auto weight = tuple_item<Array<float, 3>>(t, 1, 3, "a table");
        const auto rest = tuple_item<Array<float, 2>>(t, 2, 3, "a table");
        table.sets = first.shape(0), table.count = first.shape(1), table.taps = weight.shape(2);
        const auto fits = [&](const auto &array) {
            return array.shape(0) == first.shape(0) && array.shape(1) == first.shape(1);
        };
        if ((table.sets != 1 && table.sets != slices) || !fits(weight) || !fits(rest) ||
            table.taps < 1)
            throw std::invalid_argument("a table's arrays do not fit one another");
        table.first = first.data(), table.weight = weight.data(), table.rest = rest.data();
        start.resize(table.sets * table.count), stop.resize(start.size());
        for (std::size_t n = 0; n < start.size(); ++n) {
            const float *w = table.weight + n * table.taps;
            int64_t low = 0, high = table.taps;
            while (low < high && !w[low]) ++low;
            while (high > low && !w[high - 1]) --high;
            if (low < high &&
                (table.first[n] + low < 0 || int64_t(table.first[n]) + high > length))
                throw std::invalid_argument("a table reads beyond its axis");
            start[n] = int32_t(low < high ? table.first[n] + low : 0);
            stop[n] = int32_t(low < high ? table.first[n] + high : 0);
        }
    }
    int64_t at(int64_t slice, int64_t index) const {
        return (table.sets > 1 ? slice : 0) * table.count + index;
    }
    double rest(int64_t n) const { return table.rest[n]; }
    double weight(int64_t n, int64_t source) const {
        return table.weight[n * table.taps + source - table.first[n]];
    }
};

template <typename T> struct Source {
    const T *data;
    int64_t ni, step_j, step_k;
    const T *row(int64_t j, int64_t k) const { return data + j * step_j + k * step_k; }
};

template <typename T> void widen(const T *low, const T *high, T *lowest, T *highest, int64_t n) {
    for (int64_t x = 0; x < n; ++x) lowest[x] = std::min(lowest[x], low[x]);
    for (int64_t x = 0; x < n; ++x) highest[x] = std::max(highest[x], high[x]);
}

// Output rows `begin` to `begin + rows`, of all planes.
template <typename T> class Band {
  public:
    Band(const Source<T> &source, const Axis &i, const Axis &j, const Axis &k, T background,
         int64_t begin, int64_t rows)
        : source_(source),
          i_(i),
          j_(j),
          k_(k),
          background_(background),
          begin_(begin),
          rows_(rows),
          slots_(std::max<int64_t>(1, k.table.taps)),
          kept_(slots_, -1),
          low_(slots_ * rows * i.table.count),
          high_(low_.size()),
          column_low_(source.ni),
          column_high_(source.ni),
          lowest_(i.table.count),
          highest_(i.table.count) {}

    void plane(int64_t k, T *out, int64_t pitch) {
        const int64_t count = i_.table.count;
        for (int64_t s = k_.start[k]; s < k_.stop[k]; ++s)
            if (kept_[s % slots_] != s && k_.weight(k, s)) keep(s);
        for (int64_t row = 0; row < rows_; ++row) {
            T *to = out + row * pitch;
            if (k_.start[k] == k_.stop[k]) {
                std::fill(to, to + count, background_);
                continue;
            }
            bounds(k, row);
            std::copy(lowest_.begin(), lowest_.end(), to);
            int64_t mixed = 0;
            for (int64_t i = 0; i < count; ++i) mixed += lowest_[i] != highest_[i];
            for (int64_t i = 0; mixed && i < count; ++i)
                if (lowest_[i] != highest_[i]) to[i] = largest(i, row, k), --mixed;
        }
    }

  private:
    T *low(int64_t slice, int64_t row) {
        return low_.data() + (slice % slots_ * rows_ + row) * i_.table.count;
    }
    T *high(int64_t slice, int64_t row) {
        return high_.data() + (slice % slots_ * rows_ + row) * i_.table.count;
    }

    // The lowest and the highest label of the voxels (and the background) of each cell of a row.
    void bounds(int64_t k, int64_t row) {
        const int64_t count = i_.table.count;
        bool first = true;
        for (int64_t s = k_.start[k]; s < k_.stop[k]; ++s) {
            if (!k_.weight(k, s)) continue;
            const T *from = low(s, row), *to = high(s, row);
            if (first)
                std::copy(from, from + count, lowest_.begin()),
                    std::copy(to, to + count, highest_.begin());
            else widen(from, to, lowest_.data(), highest_.data(), count);
            first = false;
        }
        if (k_.rest(k) != 0)
            for (int64_t i = 0; i < count; ++i)
                lowest_[i] = std::min(lowest_[i], background_),
                highest_[i] = std::max(highest_[i], background_);
    }

    // Computes the same within one source slice, for all rows of the band.
    void keep(int64_t s) {
        kept_[s % slots_] = s;
        for (int64_t row = 0; row < rows_; ++row) {
            T *lowest = low(s, row), *highest = high(s, row);
            const int64_t j = j_.at(s, begin_ + row), count = i_.table.count;
            if (j_.start[j] == j_.stop[j]) {
                std::fill(lowest, lowest + count, background_);
                std::fill(highest, highest + count, background_);
                continue;
            }
            bool first = true;
            for (int64_t r = j_.start[j]; r < j_.stop[j]; ++r) {
                if (!j_.weight(j, r)) continue;
                const T *from = source_.row(r, s);
                if (first)
                    std::copy(from, from + source_.ni, column_low_.begin()),
                        std::copy(from, from + source_.ni, column_high_.begin());
                else widen(from, from, column_low_.data(), column_high_.data(), source_.ni);
                first = false;
            }
            along_row(s, j_.rest(j) != 0, lowest, highest);
        }
    }

    void along_row(int64_t s, bool outside, T *lowest, T *highest) {
        for (int64_t x = 0; x < i_.table.count; ++x) {
            const int64_t i = i_.at(s, x), start = i_.start[i], stop = i_.stop[i];
            if (start == stop) {
                lowest[x] = highest[x] = background_;
                continue;
            }
            T least = column_low_[start], most = column_high_[start];
            for (int64_t n = start + 1; n < stop; ++n)
                least = std::min(least, column_low_[n]), most = std::max(most, column_high_[n]);
            if (outside || i_.rest(i) != 0)
                least = std::min(least, background_), most = std::max(most, background_);
            lowest[x] = least, highest[x] = most;
        }
    }

    T largest(int64_t x, int64_t row, int64_t k) {
        sums_.clear();
        double outside = k_.rest(k);
        for (int64_t s = k_.start[k]; s < k_.stop[k]; ++s) {
            const double weight = k_.weight(k, s);
            if (weight == 0) continue;
            if (low(s, row)[x] == high(s, row)[x]) {
                sums_.add(low(s, row)[x], weight);
                continue;
            }
            const int64_t i = i_.at(s, x), j = j_.at(s, begin_ + row);
            outside += weight * (1 - (1 - i_.rest(i)) * (1 - j_.rest(j)));
            for (int64_t r = j_.start[j]; r < j_.stop[j]; ++r) {
                const double scale = weight * j_.weight(j, r);
                const T *from = source_.row(r, s);
                for (int64_t n = i_.start[i]; n < i_.stop[i]; ++n)
                    sums_.add(from[n], scale * i_.weight(i, n));
            }
        }
        if (outside > 0) sums_.add(background_, outside);
        return sums_.largest(same_share);
    }

    const Source<T> &source_;
    const Axis &i_, &j_, &k_;
    const T background_;
    const int64_t begin_, rows_, slots_;
    std::vector<int64_t> kept_;  // the source slice of each slot
    std::vector<T> low_, high_, column_low_, column_high_, lowest_, highest_;
    Sums<T, double> sums_;
};

template <typename T>
void share(nb::ndarray<const T, nb::ndim<3>, nb::device::cpu> source, nb::tuple axis_i,
           nb::tuple axis_j, nb::tuple axis_k, T background,
           nb::ndarray<T, nb::ndim<3>, nb::f_contig, nb::device::cpu> out, int threads) {
    if (source.shape(0) > 1 && source.stride(0) != 1)
        throw std::invalid_argument("the first axis of the source must be contiguous");
    const int64_t slices = source.shape(2);
    const Axis i(axis_i, source.shape(0), slices), j(axis_j, source.shape(1), slices),
        k(axis_k, slices, slices);
    if (k.table.sets != 1)
        throw std::invalid_argument("the table along k cannot differ between slices");
    const int64_t ni = i.table.count, nj = j.table.count, nk = k.table.count;
    if (int64_t(out.shape(0)) != ni || int64_t(out.shape(1)) != nj || int64_t(out.shape(2)) != nk)
        throw std::invalid_argument("the output's shape is not that of the tables");
    const Source<T> from{source.data(), int64_t(source.shape(0)), source.stride(1),
                         source.stride(2)};
    T *to = out.data();
    nb::gil_scoped_release unlocked;
    const int64_t rows = std::clamp<int64_t>(
        band_labels / std::max<int64_t>(1, ni * k.table.taps), 1, band_rows);
    const int64_t bands = (nj + rows - 1) / rows;
    std::atomic<int64_t> taken{0};
    const auto work = [&](int64_t) {
        for (int64_t band = taken++; band < bands; band = taken++) {
            const int64_t first = band * rows;
            Band<T> one(from, i, j, k, background, first, std::min(rows, nj - first));
            for (int64_t plane = 0; plane < nk; ++plane)
                one.plane(plane, to + ni * (first + nj * plane), ni);
        }
    };
    run_on_threads(std::max<int64_t>(1, std::min<int64_t>(threads, bands)), work);
}

template <typename T> void bind(nb::module_ &module) {
    module.def("label_share", &share<T>, nb::arg("source").noconvert(), nb::arg("axis_i"),
               nb::arg("axis_j"), nb::arg("axis_k"), nb::arg("background"),
               nb::arg("out").noconvert(), nb::arg("threads"));
}

}  // namespace

void bind_share(nb::module_ &module) {
    for_each_label_type([&](auto of) { bind<decltype(of)>(module); });
}

}  // namespace labels
