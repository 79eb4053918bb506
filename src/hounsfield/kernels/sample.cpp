// One pass over the voxels: stored values -> rescaled -> sampled along j, i, k -> mapped -> projected -> stored.
//
// The output is made in bands of rows that fit the cache, each through all slices. In a band each source slice is
// sampled once (along j, where the inner loop runs over contiguous voxels; then along i, eight rows at a time), kept
// in a ring while planes along k still need it, and a slab projection runs along with van Herk's blocks (M. van Herk,
// Pattern Recognition Letters 13, 1992), so its cost does not depend on the thickness. Sums are taken in a fixed
// order in float32, so the bits depend neither on the number of threads nor on the processor.
#include <algorithm>
#include <atomic>
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

// One sample weighs at most this many: the longest scans have fewer slices, so that even one sample can be their mean.
constexpr int64_t most_taps = 4096;

// A band's plane holds about this many samples: 32 KB, so that a slab's dozen of planes fits a second-level cache.
constexpr int64_t band_values = 8192;

constexpr float boundless = std::numeric_limits<float>::infinity();
constexpr Line same{1.0f, 0.0f, -boundless, boundless};

enum class Statistic { none, max, min, mean };

using Four = float __attribute__((vector_size(16)));
using FourInts = int32_t __attribute__((vector_size(16)));

#define INLINE inline __attribute__((always_inline))

template <typename V> INLINE V load(const float *from) {
    V value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
}
template <typename V> INLINE void save(V value, float *to) { __builtin_memcpy(to, &value, sizeof value); }
INLINE void transpose(Four &a, Four &b, Four &c, Four &d) {
    const Four p = __builtin_shuffle(a, b, FourInts{0, 4, 1, 5}), q = __builtin_shuffle(a, b, FourInts{2, 6, 3, 7});
    const Four r = __builtin_shuffle(c, d, FourInts{0, 4, 1, 5}), s = __builtin_shuffle(c, d, FourInts{2, 6, 3, 7});
    a = __builtin_shuffle(p, r, FourInts{0, 1, 4, 5}), b = __builtin_shuffle(p, r, FourInts{2, 3, 6, 7});
    c = __builtin_shuffle(q, s, FourInts{0, 1, 4, 5}), d = __builtin_shuffle(q, s, FourInts{2, 3, 6, 7});
}

// The taps of one sample: their weights, the background's, and the taps that bound it (none where start == stop).
struct Taps {
    const float *weight;
    int64_t count, start, stop;
    float rest, background;
};

// The inner loops for one stored type, for one set of instructions.
template <typename T> struct Loops {
    void (*weigh)(const T *const *rows, const float *weight, int64_t taps, float *out, int64_t begin, int64_t end);
    void (*convert)(const T *row, const Line &line, const Padding &padding, float *out, int64_t begin, int64_t end);
    void (*blend)(const float *const *rows, const Taps &taps, const Line &map, float *out, int64_t begin, int64_t end);
    void (*join)(Statistic statistic, const float *first, const float *second, float *out, int64_t count);
    void (*blend_rows)(const Table &t, const float *group, float background, const Line &after, int64_t rows, float *out);
};

// Compiled twice and chosen at run time: with AVX2 eight taps cost 0.6 of what they cost without (benchmarks/README.md).
// Neither version fuses a multiplication with an addition, so the bits are the same.
namespace base {
using Wide = Four;
INLINE Wide lower(Wide a, Wide b) { return a < b ? a : b; }
INLINE Wide higher(Wide a, Wide b) { return a > b ? a : b; }
#include "sample_loops.h"
}  // namespace base

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC target("avx2")
namespace avx2 {
using Wide = float __attribute__((vector_size(32)));
INLINE Wide lower(Wide a, Wide b) { return __builtin_ia32_minps256(a, b); }
INLINE Wide higher(Wide a, Wide b) { return __builtin_ia32_maxps256(a, b); }
#include "sample_loops.h"
}  // namespace avx2
#pragma GCC pop_options
template <typename T> Loops<T> chosen_loops() { return __builtin_cpu_supports("avx2") ? avx2::loops<T>() : base::loops<T>(); }
#else
template <typename T> Loops<T> chosen_loops() { return base::loops<T>(); }
#endif

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

// A band of output rows through all slices.
template <typename In> class Sampler {
  public:
    Sampler(const In *source, Shape shape, const float *slopes, const float *intercepts, Line before, Padding padding,
            Table ti, Table tj, Table tk, float background, Line after, int64_t first_row, int64_t rows)
        : source_(source), shape_(shape), slopes_(slopes), intercepts_(intercepts), before_(before), padding_(padding),
          ti_(ti), tj_(tj), tk_(tk), background_(background), after_(after), first_row_(first_row), rows_(rows) {
        plane_size_ = ti.count * rows;
        direct_ = tk.taps == 1 && !tk.limits;
        for (int64_t p = 1; p < tk.count; ++p) direct_ = direct_ && tk.first[p] != tk.first[p - 1];
        ring_ = tk.taps + 1;
        planes_.resize(ring_ * plane_size_ + 8);
        held_.assign(ring_, -1);
        row_.resize(8 * (shape.ni + 8));
        group_.resize(8 * (shape.ni + 8));
        converted_.resize(tj.taps * (shape.ni + 8));
        converted_row_.assign(tj.taps, -1);
    }

    int64_t plane_size() const { return plane_size_; }
    auto join() const { return loops_.join; }

    // this band of output plane p, mapped
    void plane(int64_t p, float *out) {
        const float rest = tk_.rest[p];
        const int64_t taps = tk_.taps;
        if (rest == 1.0f) {
            std::fill(out, out + plane_size_, after_(background_));
            return;
        }
        if (direct_ && rest == 0.0f && tk_.weight[p] == 1.0f) {
            sample_slice(tk_.first[p], out, after_);
            return;
        }
        const float *rows[most_taps];
        for (int64_t t = 0; t < taps; ++t) rows[t] = slice(tk_.first[p] + t, needed(p, t));
        loops_.blend(rows, taps_of(tk_, p), after_, out, 0, plane_size_);
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
            sample_slice(s, plane, same);
            held_[slot] = s;
        }
        return plane;
    }

    void sample_slice(int64_t s, float *plane, Line after) {
        const Table ti = ti_.at(s), tj = tj_.at(s);
        int64_t begin = shape_.ni, end = 0;
        bool whole = ti.taps == 1 && ti.count > 0, used = false;  // along i nothing but a run of voxels is taken
        for (int64_t n = 0; n < ti.count; ++n) {
            whole = whole && ti.weight[n] == 1.0f && ti.first[n] == ti.first[0] + n;
            if (ti.rest[n] != 1.0f) used = true, begin = std::min<int64_t>(begin, ti.first[n]), end = std::max<int64_t>(end, ti.first[n] + ti.taps);
        }
        if (!used) begin = end = 0;
        std::fill(converted_row_.begin(), converted_row_.end(), -1);
        const int64_t pitch = shape_.ni + 8;
        for (int64_t n = 0; n < rows_; n += 8) {
            const int64_t count = std::min<int64_t>(8, rows_ - n);
            for (int64_t r = 0; r < count; ++r) along_column(s, tj, first_row_ + n + r, row_.data() + r * pitch, begin, end);
            float *out = plane + n * ti.count;
            if (whole) {
                for (int64_t r = 0; r < count; ++r) std::copy_n(row_.data() + r * pitch + ti.first[0], ti.count, out + r * ti.count);
                if (after.changes()) for (int64_t x = 0; x < count * ti.count; ++x) out[x] = after(out[x]);
            } else {
                along_rows(ti, count, pitch, begin, end, after, out);
            }
        }
    }

    // output row j before sampling along i: source rows weighed, from voxel begin to end
    void along_column(int64_t s, const Table &tj, int64_t j, float *out, int64_t begin, int64_t end) {
        const In *slice = source_ + s * shape_.stride_k;
        const float slope = slopes_[s] * before_.slope, intercept = intercepts_[s] * before_.slope + before_.intercept;
        const float rest = tj.rest[j], *weight = tj.weight + j * tj.taps;
        if (rest == 1.0f) {
            std::fill(out + begin, out + end, background_);
        } else if (tj.taps <= 2 && !padding_.used && !before_.clamps() && !tj.limits) {
            const In *rows[2];
            for (int64_t t = 0; t < tj.taps; ++t) {
                rows[t] = slice + (tj.first[j] + t) * shape_.stride_j;
                if (s + 1 < shape_.nk) fetch_ahead(rows[t] + shape_.stride_k + begin, end - begin);
            }
            loops_.weigh(rows, weight, tj.taps, out, begin, end);
            const float offset = intercept * (1.0f - rest) + rest * background_;
            if (slope != 1.0f || offset != 0.0f) for (int64_t x = begin; x < end; ++x) out[x] = out[x] * slope + offset;
        } else {
            const float *rows[most_taps];
            const Line line{slope, intercept, before_.low, before_.high};
            for (int64_t t = 0; t < tj.taps; ++t) rows[t] = converted(slice, s, tj.first[j] + t, line, begin, end);
            loops_.blend(rows, taps_of(tj, j), same, out, begin, end);
        }
    }

    // A band jumps from slice to slice, where the processor's own prefetching starts anew: the next one is asked for here.
    static void fetch_ahead(const In *row, int64_t count) {
        for (int64_t x = 0; x < count; x += 64 / static_cast<int64_t>(sizeof(In))) __builtin_prefetch(row + x);
    }

    const float *converted(const In *slice, int64_t s, int64_t j, Line line, int64_t begin, int64_t end) {
        const int64_t slot = j % static_cast<int64_t>(converted_row_.size());
        float *out = converted_.data() + slot * (shape_.ni + 8);
        if (converted_row_[slot] == j) return out;
        converted_row_[slot] = j;
        const In *row = slice + j * shape_.stride_j;
        if (s + 1 < shape_.nk) fetch_ahead(row + shape_.stride_k + begin, end - begin);
        loops_.convert(row, line, padding_, out, begin, end);
        return out;
    }

    // up to eight rows sampled along i together
    void along_rows(const Table &t, int64_t count, int64_t pitch, int64_t begin, int64_t end, Line after, float *out) {
        float *group = group_.data();
        for (int64_t x = begin; x < end; x += 4) {
            for (int64_t half = 0; half < 8; half += 4) {
                const float *rows = row_.data() + half * pitch + x;
                Four a = load<Four>(rows), b = load<Four>(rows + pitch), c = load<Four>(rows + 2 * pitch), d = load<Four>(rows + 3 * pitch);
                transpose(a, b, c, d);
                float *to = group + 8 * x + half;
                save(a, to), save(b, to + 8), save(c, to + 16), save(d, to + 24);
            }
        }
        loops_.blend_rows(t, group, background_, after, count, out);
    }

    Taps taps_of(const Table &t, int64_t n) const {
        return {t.weight + n * t.taps, t.taps, t.limits ? t.limits[2 * n] : 0, t.limits ? t.limits[2 * n + 1] : 0, t.rest[n], background_};
    }

    const Loops<In> loops_ = chosen_loops<In>();
    const In *source_;
    Shape shape_;
    const float *slopes_, *intercepts_;
    Line before_;
    Padding padding_;
    Table ti_, tj_, tk_;
    float background_;
    Line after_;
    int64_t first_row_, rows_, plane_size_, ring_;
    bool direct_;
    std::vector<float> planes_, row_, group_, converted_;
    std::vector<int64_t> held_, converted_row_;
};

// Windows [start, stop) over planes that come in order, none longer than `longest`; windows' ends never go back.
template <typename Source, typename Out>
void project(Source &source, Statistic statistic, const int32_t *start, const int32_t *stop, int64_t to, int64_t longest, Out *out,
             int64_t pitch) {
    const int64_t size = source.plane_size();
    std::vector<float> current(longest * size), previous(longest * size), prefix(size), result(std::is_same_v<Out, float> ? 0 : size);
    int64_t block = start[0] / longest, next = block * longest;
    const auto join = source.join();
    const auto emit = [&](int64_t t, const float *first, const float *second) {
        float *made = result.data();
        if constexpr (std::is_same_v<Out, float>) made = out + t * pitch;
        if (second) join(statistic, first, second, made, size);
        else std::copy(first, first + size, made);
        if (statistic == Statistic::mean) {
            const float scale = 1.0f / static_cast<float>(stop[t] - start[t]);
            for (int64_t x = 0; x < size; ++x) made[x] *= scale;
        }
        if constexpr (!std::is_same_v<Out, float>) store(made, out + t * pitch, size);
    };
    int64_t t = 0;
    for (; t < to; ++next) {
        const int64_t begin = block * longest;
        float *plane = current.data() + (next - block * longest) * size;
        source.plane(next, plane);
        if (next == begin) std::copy(plane, plane + size, prefix.begin());
        else join(statistic, prefix.data(), plane, prefix.data(), size);
        while (t < to && stop[t] == next + 1 && start[t] <= begin) {
            emit(t, start[t] == begin ? prefix.data() : previous.data() + (start[t] - (block - 1) * longest) * size,
                 start[t] == begin ? nullptr : prefix.data());
            ++t;
        }
        const bool full = next + 1 == (block + 1) * longest;
        if (full || (t < to && stop[t] == next + 1)) {
            // suffixes: plane n becomes what planes n to the last of the block give together
            for (int64_t n = next - 1; n >= begin; --n) {
                float *here = current.data() + (n - block * longest) * size;
                join(statistic, here, here + size, here, size);
            }
            while (t < to && stop[t] == next + 1) {
                emit(t, current.data() + (start[t] - block * longest) * size, nullptr);
                ++t;
            }
        }
        if (full) std::swap(current, previous), ++block;
    }
}

template <typename Source, typename Out> void planes(Source &source, int64_t count, Out *out, int64_t pitch) {
    const int64_t size = source.plane_size();
    std::vector<float> plane(std::is_same_v<Out, float> ? 0 : size);
    for (int64_t p = 0; p < count; ++p) {
        if constexpr (std::is_same_v<Out, float>) source.plane(p, out + p * pitch);
        else source.plane(p, plane.data()), store(plane.data(), out + p * pitch, size);
    }
}

Table table(const Array<int32_t, 2> &first, const Array<float, 3> &weight, const Array<float, 2> &rest, const Array<int32_t, 3> &limits,
            int64_t length, int64_t slices) {
    Table t;
    t.sets = first.shape(0), t.count = first.shape(1), t.taps = weight.shape(2);
    if ((t.sets != 1 && t.sets != slices) || weight.shape(0) != first.shape(0) || weight.shape(1) != first.shape(1) ||
        rest.shape(0) != first.shape(0) || rest.shape(1) != first.shape(1) || t.taps < 1 || t.taps > most_taps)
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
            int statistic, Array<int32_t, 1> start, Array<int32_t, 1> stop, int64_t block, nb::ndarray<Out, nb::ndim<3>, nb::f_contig, nb::device::cpu> out, int threads) {
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
    int64_t longest = std::max<int64_t>(1, block);
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
    // Bands whose planes stay in the nearest caches, a multiple of eight rows; whoever is free takes the next.
    const int64_t rows = std::max<int64_t>(8, band_values / std::max<int64_t>(1, ti.count) / 8 * 8);
    const int64_t bands = (tj.count + rows - 1) / rows, pitch = ti.count * tj.count;
    std::atomic<int64_t> taken{0};
    const auto work = [&]() {
        for (int64_t band = taken++; band < bands; band = taken++) {
            const int64_t first = band * rows;
            Sampler<In> sampler(values, shape, slope, intercept, pre, pad, ti, tj, tk, background, post, first, std::min(rows, tj.count - first));
            Out *to = target + first * ti.count;
            if (statistic) project(sampler, static_cast<Statistic>(statistic), starts, stops, count, longest, to, pitch);
            else planes(sampler, count, to, pitch);
        }
    };
    std::vector<std::thread> others;
    for (int64_t n = 1; n < std::min<int64_t>(threads, bands); ++n) others.emplace_back(work);
    work();
    for (auto &other : others) other.join();
}

template <typename In> void bind_source(nb::module_ &module) {
    const auto arguments = [&](auto kernel) {
        module.def("sample", kernel, nb::arg("source").noconvert(), nb::arg("slopes"), nb::arg("intercepts"), nb::arg("before"),
                   nb::arg("padding").none(), nb::arg("axis_i"), nb::arg("axis_j"), nb::arg("axis_k"), nb::arg("background"), nb::arg("after"),
                   nb::arg("statistic"), nb::arg("start"), nb::arg("stop"), nb::arg("block"), nb::arg("out").noconvert(), nb::arg("threads"));
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
