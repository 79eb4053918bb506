// One pass over the voxels: stored values -> rescaled -> sampled along j, i, k -> mapped -> projected -> stored.
//
// Each source slice is sampled in its plane once (rows first, so that the inner loops run along contiguous voxels),
// kept in a ring while output planes along k still need it, and a slab projection runs along with van Herk's blocks
// (M. van Herk, Pattern Recognition Letters 13, 1992), so its cost does not depend on the thickness. Sums are taken
// in a fixed order in float32, so the result does not depend on the number of threads.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace nb = nanobind;

namespace {

template <typename T, int N> using Array = nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

// The weights of one output axis; with `per_slice`, one set for each source slice (a tilted gantry).
struct Table {
    const int32_t *first = nullptr;
    const float *weight = nullptr, *rest = nullptr;
    const int32_t *limits = nullptr;
    int64_t count = 0, taps = 0, sets = 1;

    Table at(int64_t slice) const {
        Table one = *this;
        const int64_t set = sets > 1 ? slice : 0;
        one.first += set * count, one.weight += set * count * taps, one.rest += set * count;
        if (limits) one.limits += set * count * 2;
        return one;
    }
};

// y = min(max(x * slope + intercept, low), high)
struct Line {
    float slope, intercept, low, high;
    bool clamps() const { return low > -std::numeric_limits<float>::infinity() || high < std::numeric_limits<float>::infinity(); }
    bool changes() const { return slope != 1.0f || intercept != 0.0f || clamps(); }
    float operator()(float x) const { return std::min(std::max(x * slope + intercept, low), high); }
};

struct Padding {
    bool used;
    double low, high;
    float value;
};

enum class Statistic { none, max, min, mean };

// sum over taps of weight * row, taps in order; the rows are those of one slice, or whole planes
template <typename T>
void weigh(const T *const *rows, const float *weight, int64_t taps, float *out, int64_t begin, int64_t end) {
    if (taps == 1 && weight[0] == 1.0f) {
        for (int64_t x = begin; x < end; ++x) out[x] = static_cast<float>(rows[0][x]);
        return;
    }
    int64_t t = 0;
    if (taps == 1) {
        const float w0 = weight[0];
        for (int64_t x = begin; x < end; ++x) out[x] = w0 * static_cast<float>(rows[0][x]);
        return;
    }
    const T *a = rows[0], *b = rows[1];
    const float wa = weight[0], wb = weight[1];
    for (int64_t x = begin; x < end; ++x) out[x] = wa * static_cast<float>(a[x]) + wb * static_cast<float>(b[x]);
    for (t = 2; t + 1 < taps; t += 2) {
        const T *c = rows[t], *d = rows[t + 1];
        const float wc = weight[t], wd = weight[t + 1];
        for (int64_t x = begin; x < end; ++x) out[x] = out[x] + wc * static_cast<float>(c[x]) + wd * static_cast<float>(d[x]);
    }
    if (t < taps) {
        const T *c = rows[t];
        const float wc = weight[t];
        for (int64_t x = begin; x < end; ++x) out[x] += wc * static_cast<float>(c[x]);
    }
}

// keep each value within the least and greatest of the rows between limits, and of the background where it weighs in
template <typename T>
void bound(const T *const *rows, const int32_t *limits, float rest, float background, float *out, int64_t begin, int64_t end) {
    if (limits[0] >= limits[1]) return;
    constexpr int64_t block = 256;
    float least[block], greatest[block];
    for (int64_t at = begin; at < end; at += block) {
        const int64_t size = std::min(block, end - at);
        for (int64_t x = 0; x < size; ++x) least[x] = greatest[x] = static_cast<float>(rows[limits[0]][at + x]);
        for (int32_t t = limits[0] + 1; t < limits[1]; ++t)
            for (int64_t x = 0; x < size; ++x) {
                const float value = static_cast<float>(rows[t][at + x]);
                least[x] = std::min(least[x], value), greatest[x] = std::max(greatest[x], value);
            }
        if (rest != 0.0f)
            for (int64_t x = 0; x < size; ++x) least[x] = std::min(least[x], background), greatest[x] = std::max(greatest[x], background);
        for (int64_t x = 0; x < size; ++x) out[at + x] = std::min(std::max(out[at + x], least[x]), greatest[x]);
    }
}

template <typename Out> void store(const float *values, Out *out, int64_t count) {
    if constexpr (std::is_same_v<Out, float>) {
        std::copy(values, values + count, out);
    } else {
        // Adding 1.5 * 2^23 rounds a float to the nearest whole number, ties to even, and vectorises everywhere.
        constexpr float magic = 12582912.0f;
        constexpr float low = std::numeric_limits<Out>::min(), high = std::numeric_limits<Out>::max();
        for (int64_t x = 0; x < count; ++x) {
            const float kept = std::min(std::max(values[x], low), high);
            out[x] = static_cast<Out>(static_cast<int32_t>((kept + magic) - magic));
        }
    }
}

struct Shape {
    int64_t ni, nj, nk;          // source slices given
    int64_t stride_j, stride_k;  // in elements; i is contiguous
};

template <typename In> class Sampler {
  public:
    Sampler(const In *source, Shape shape, const float *slopes, const float *intercepts, Line before, Padding padding,
            Table ti, Table tj, Table tk, float background, Line after)
        : source_(source), shape_(shape), slopes_(slopes), intercepts_(intercepts), before_(before), padding_(padding),
          ti_(ti), tj_(tj), tk_(tk), background_(background), after_(after) {
        plane_size_ = ti.count * tj.count;
        ring_ = tk.taps + 1;
        planes_.resize(ring_ * plane_size_);
        held_.assign(ring_, -1);
        row_.resize(shape.ni);
        converted_.resize(tj.taps * shape.ni);
        converted_row_.assign(tj.taps, -1);
    }

    int64_t plane_size() const { return plane_size_; }

    // output plane p, mapped
    void plane(int64_t p, float *out) {
        const float *rows[512];
        const float rest = tk_.rest[p];
        const int64_t taps = tk_.taps;
        if (rest == 1.0f) {
            std::fill(out, out + plane_size_, background_);
        } else {
            for (int64_t t = 0; t < taps; ++t) rows[t] = slice(tk_.first[p] + t, needed(p, t));
            weigh(rows, tk_.weight + p * taps, taps, out, 0, plane_size_);
            if (tk_.limits) bound(rows, tk_.limits + 2 * p, rest, background_, out, 0, plane_size_);
            else if (rest != 0.0f) for (int64_t x = 0; x < plane_size_; ++x) out[x] += rest * background_;
        }
        if (after_.changes()) for (int64_t x = 0; x < plane_size_; ++x) out[x] = after_(out[x]);
    }

  private:
    bool needed(int64_t p, int64_t t) const {
        return tk_.weight[p * tk_.taps + t] != 0.0f || (tk_.limits && tk_.limits[2 * p] <= t && t < tk_.limits[2 * p + 1]);
    }

    // source slice s sampled in its plane; a slice that does not weigh in is not computed (any finite plane will do)
    const float *slice(int64_t s, bool used) {
        const int64_t slot = s % ring_;
        float *plane = planes_.data() + slot * plane_size_;
        if (held_[slot] != s && used) {
            sample_slice(s, plane);
            held_[slot] = s;
        }
        return plane;
    }

    void sample_slice(int64_t s, float *plane) {
        const Table ti = ti_.at(s), tj = tj_.at(s);
        const In *slice = source_ + s * shape_.stride_k;
        const float slope = slopes_[s] * before_.slope, intercept = intercepts_[s] * before_.slope + before_.intercept;
        const bool plain = !padding_.used && !before_.clamps() && !tj.limits;
        int64_t begin = shape_.ni, end = 0;
        for (int64_t n = 0; n < ti.count; ++n)
            if (ti.rest[n] != 1.0f) begin = std::min<int64_t>(begin, ti.first[n]), end = std::max<int64_t>(end, ti.first[n] + ti.taps);
        std::fill(converted_row_.begin(), converted_row_.end(), -1);
        for (int64_t n = 0; n < tj.count; ++n) {
            float *out = plane + n * ti.count;
            const float rest = tj.rest[n];
            if (rest == 1.0f || begin >= end) {
                std::fill(out, out + ti.count, background_);
                continue;
            }
            const float *weight = tj.weight + n * tj.taps;
            if (plain) {
                const In *rows[512];
                for (int64_t t = 0; t < tj.taps; ++t) rows[t] = slice + (tj.first[n] + t) * shape_.stride_j;
                weigh(rows, weight, tj.taps, row_.data(), begin, end);
                const float offset = intercept * (1.0f - rest) + rest * background_;
                if (slope != 1.0f || offset != 0.0f)
                    for (int64_t x = begin; x < end; ++x) row_[x] = row_[x] * slope + offset;
            } else {
                const float *rows[512];
                for (int64_t t = 0; t < tj.taps; ++t) rows[t] = converted(slice, tj.first[n] + t, Line{slope, intercept, before_.low, before_.high}, begin, end);
                weigh(rows, weight, tj.taps, row_.data(), begin, end);
                if (rest != 0.0f) for (int64_t x = begin; x < end; ++x) row_[x] += rest * background_;
                if (tj.limits) bound(rows, tj.limits + 2 * n, rest, background_, row_.data(), begin, end);
            }
            along_row(ti, row_.data(), out);
        }
    }

    const float *converted(const In *slice, int64_t j, Line line, int64_t begin, int64_t end) {
        const int64_t slot = j % static_cast<int64_t>(converted_row_.size());
        float *out = converted_.data() + slot * shape_.ni;
        if (converted_row_[slot] == j) return out;
        converted_row_[slot] = j;
        const In *row = slice + j * shape_.stride_j;
        if (line.clamps()) for (int64_t x = begin; x < end; ++x) out[x] = line(static_cast<float>(row[x]));
        else for (int64_t x = begin; x < end; ++x) out[x] = static_cast<float>(row[x]) * line.slope + line.intercept;
        if (padding_.used) {
            const In low = static_cast<In>(padding_.low), high = static_cast<In>(padding_.high);
            const float value = padding_.value;
            for (int64_t x = begin; x < end; ++x) out[x] = (row[x] >= low) & (row[x] <= high) ? value : out[x];
        }
        return out;
    }

    void along_row(const Table &t, const float *row, float *out) const {
        const int64_t count = t.count;
        if (t.taps == 1) {
            for (int64_t n = 0; n < count; ++n) out[n] = t.weight[n] * row[t.first[n]] + t.rest[n] * background_;
        } else if (t.taps == 2 && !t.limits) {
            for (int64_t n = 0; n < count; ++n) {
                const float *at = row + t.first[n];
                out[n] = t.weight[2 * n] * at[0] + t.weight[2 * n + 1] * at[1] + t.rest[n] * background_;
            }
        } else {
            for (int64_t n = 0; n < count; ++n) {
                const float *at = row + t.first[n], *weight = t.weight + n * t.taps;
                float sum = 0.0f;
                for (int64_t tap = 0; tap < t.taps; ++tap) sum += weight[tap] * at[tap];
                sum += t.rest[n] * background_;
                if (t.limits && t.limits[2 * n] < t.limits[2 * n + 1]) {
                    float least = at[t.limits[2 * n]], greatest = least;
                    for (int32_t tap = t.limits[2 * n] + 1; tap < t.limits[2 * n + 1]; ++tap)
                        least = std::min(least, at[tap]), greatest = std::max(greatest, at[tap]);
                    if (t.rest[n] != 0.0f) least = std::min(least, background_), greatest = std::max(greatest, background_);
                    sum = std::min(std::max(sum, least), greatest);
                }
                out[n] = sum;
            }
        }
    }

    const In *source_;
    Shape shape_;
    const float *slopes_, *intercepts_;
    Line before_;
    Padding padding_;
    Table ti_, tj_, tk_;
    float background_;
    Line after_;
    int64_t plane_size_, ring_;
    std::vector<float> planes_, row_, converted_;
    std::vector<int64_t> held_, converted_row_;
};

void join(Statistic statistic, const float *values, float *into, int64_t count) {
    if (statistic == Statistic::max) for (int64_t x = 0; x < count; ++x) into[x] = std::max(into[x], values[x]);
    else if (statistic == Statistic::min) for (int64_t x = 0; x < count; ++x) into[x] = std::min(into[x], values[x]);
    else for (int64_t x = 0; x < count; ++x) into[x] += values[x];
}

// Windows [start, stop) over planes that come in order, none longer than `longest`; windows' ends never go back.
template <typename Source, typename Out>
void project(Source &source, Statistic statistic, const int32_t *start, const int32_t *stop, int64_t from, int64_t to,
             int64_t longest, Out *out) {
    const int64_t size = source.plane_size();
    std::vector<float> current(longest * size), previous(longest * size), prefix(size), result(size);
    int64_t block = start[from] / longest, next = start[from];
    const auto emit = [&](int64_t t, const float *first, const float *second) {
        std::copy(first, first + size, result.begin());
        if (second) join(statistic, second, result.data(), size);
        if (statistic == Statistic::mean) {
            const float scale = 1.0f / static_cast<float>(stop[t] - start[t]);
            for (auto &value : result) value *= scale;
        }
        store(result.data(), out + t * size, size);
    };
    int64_t t = from;
    for (; t < to; ++next) {
        const int64_t begin = std::max<int64_t>(block * longest, start[from]);
        float *plane = current.data() + (next - block * longest) * size;
        source.plane(next, plane);
        if (next == begin) std::copy(plane, plane + size, prefix.begin());
        else join(statistic, plane, prefix.data(), size);
        while (t < to && stop[t] == next + 1 && start[t] <= begin) {
            emit(t, start[t] == begin ? prefix.data() : previous.data() + (start[t] - (block - 1) * longest) * size,
                 start[t] == begin ? nullptr : prefix.data());
            ++t;
        }
        const bool full = next + 1 == (block + 1) * longest;
        if (full || (t < to && stop[t] == next + 1)) {
            // suffixes: plane n becomes what planes n to the last of the block give together
            for (int64_t n = next - 1; n >= begin; --n)
                join(statistic, current.data() + (n + 1 - block * longest) * size, current.data() + (n - block * longest) * size, size);
            while (t < to && stop[t] == next + 1) {
                emit(t, current.data() + (start[t] - block * longest) * size, nullptr);
                ++t;
            }
        }
        if (full) std::swap(current, previous), ++block;
    }
}

template <typename Source, typename Out>
void planes(Source &source, int64_t from, int64_t to, Out *out) {
    const int64_t size = source.plane_size();
    std::vector<float> plane(std::is_same_v<Out, float> ? 0 : size);
    for (int64_t p = from; p < to; ++p) {
        if constexpr (std::is_same_v<Out, float>) source.plane(p, out + p * size);
        else source.plane(p, plane.data()), store(plane.data(), out + p * size, size);
    }
}

Table table(const Array<int32_t, 2> &first, const Array<float, 3> &weight, const Array<float, 2> &rest, const Array<int32_t, 3> &limits,
            int64_t length, int64_t slices) {
    Table t;
    t.sets = first.shape(0), t.count = first.shape(1), t.taps = weight.shape(2);
    if ((t.sets != 1 && t.sets != slices) || weight.shape(0) != first.shape(0) || weight.shape(1) != first.shape(1) ||
        rest.shape(0) != first.shape(0) || rest.shape(1) != first.shape(1) || t.taps < 1 || t.taps > 512)
        throw std::invalid_argument("a table's arrays do not fit one another");
    t.first = first.data(), t.weight = weight.data(), t.rest = rest.data();
    for (int64_t n = 0; n < t.sets * t.count; ++n)
        if (t.first[n] < 0 || t.first[n] + t.taps > length) throw std::invalid_argument("a table reads beyond its axis");
    if (limits.shape(1)) {
        if (limits.shape(0) != first.shape(0) || limits.shape(1) != first.shape(1) || limits.shape(2) != 2)
            throw std::invalid_argument("a table's limits do not fit it");
        t.limits = limits.data();
        for (int64_t n = 0; n < 2 * t.sets * t.count; ++n)
            if (t.limits[n] < 0 || t.limits[n] > t.taps) throw std::invalid_argument("a table's limits lie beyond its taps");
    }
    return t;
}

template <typename In, typename Out>
void sample(nb::ndarray<const In, nb::ndim<3>, nb::device::cpu> source, Array<float, 1> slopes, Array<float, 1> intercepts,
            nb::tuple before, nb::object padding, nb::tuple axis_i, nb::tuple axis_j, nb::tuple axis_k, float background, nb::tuple after,
            int statistic, Array<int32_t, 1> start, Array<int32_t, 1> stop, nb::ndarray<Out, nb::ndim<3>, nb::f_contig, nb::device::cpu> out, int threads) {
    const Shape shape{(int64_t)source.shape(0), (int64_t)source.shape(1), (int64_t)source.shape(2), source.stride(1), source.stride(2)};
    if (source.shape(0) > 1 && source.stride(0) != 1) throw std::invalid_argument("the first axis of the source must be contiguous");
    if ((int64_t)slopes.shape(0) != shape.nk || (int64_t)intercepts.shape(0) != shape.nk) throw std::invalid_argument("one slope and intercept per slice");
    const auto line = [](const nb::tuple &t) { return Line{nb::cast<float>(t[0]), nb::cast<float>(t[1]), nb::cast<float>(t[2]), nb::cast<float>(t[3])}; };
    const auto make = [&](const nb::tuple &t, int64_t length) {
        return table(nb::cast<Array<int32_t, 2>>(t[0]), nb::cast<Array<float, 3>>(t[1]), nb::cast<Array<float, 2>>(t[2]), nb::cast<Array<int32_t, 3>>(t[3]), length, shape.nk);
    };
    const Table ti = make(axis_i, shape.ni), tj = make(axis_j, shape.nj), tk = make(axis_k, shape.nk);
    if (tk.sets != 1) throw std::invalid_argument("the table along k cannot differ between slices");
    Padding pad{false, 0, 0, 0};
    if (!padding.is_none()) {
        const auto t = nb::cast<nb::tuple>(padding);
        pad = Padding{true, nb::cast<double>(t[0]), nb::cast<double>(t[1]), nb::cast<float>(t[2])};
    }
    const int64_t count = statistic ? start.shape(0) : tk.count;
    if ((int64_t)out.shape(0) != ti.count || (int64_t)out.shape(1) != tj.count || (int64_t)out.shape(2) != count)
        throw std::invalid_argument("the output's shape is not that of the tables");
    int64_t longest = 1;
    if (statistic) {
        if (stop.shape(0) != start.shape(0)) throw std::invalid_argument("as many starts as stops");
        for (int64_t t = 0; t < count; ++t) {
            if (start.data()[t] < 0 || start.data()[t] >= stop.data()[t] || stop.data()[t] > tk.count ||
                (t && (start.data()[t] < start.data()[t - 1] || stop.data()[t] < stop.data()[t - 1])))
                throw std::invalid_argument("slabs lie inside the planes, in order");
            longest = std::max<int64_t>(longest, stop.data()[t] - start.data()[t]);
        }
    }
    const Line pre = line(before), post = line(after);
    const In *values = source.data();
    Out *target = out.data();
    const float *slope = slopes.data(), *intercept = intercepts.data();
    const int32_t *starts = start.data(), *stops = stop.data();
    nb::gil_scoped_release unlocked;
    const auto work = [&](int64_t from, int64_t to) {
        Sampler<In> sampler(values, shape, slope, intercept, pre, pad, ti, tj, tk, background, post);
        if (statistic) project(sampler, static_cast<Statistic>(statistic), starts, stops, from, to, longest, target);
        else planes(sampler, from, to, target);
    };
    const int64_t parts = std::max<int64_t>(1, std::min<int64_t>(threads, count));
    std::vector<std::thread> others;
    for (int64_t n = 1; n < parts; ++n) others.emplace_back(work, count * n / parts, count * (n + 1) / parts);
    work(0, count / parts);
    for (auto &other : others) other.join();
}

template <typename In> void bind_source(nb::module_ &module) {
    const auto arguments = [&](auto kernel) {
        module.def("sample", kernel, nb::arg("source").noconvert(), nb::arg("slopes"), nb::arg("intercepts"), nb::arg("before"),
                   nb::arg("padding").none(), nb::arg("axis_i"), nb::arg("axis_j"), nb::arg("axis_k"), nb::arg("background"), nb::arg("after"),
                   nb::arg("statistic"), nb::arg("start"), nb::arg("stop"), nb::arg("out").noconvert(), nb::arg("threads"));
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
