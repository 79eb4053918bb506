// Types shared by the parts of the sampling kernel: tables, lines, padding, vectors.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

namespace sampling {

// The weights of one output axis; with `per_slice`, one set for each source slice (a tilted
// gantry).
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
    bool clamps() const {
        return low > -std::numeric_limits<float>::infinity() ||
               high < std::numeric_limits<float>::infinity();
    }
    bool changes() const { return slope != 1.0f || intercept != 0.0f || clamps(); }
    float operator()(float x) const { return std::min(std::max(x * slope + intercept, low), high); }
};

struct Padding {
    bool used;
    double low, high;
    float value;
};

// Most voxels that contribute to one sample: the longest scans have fewer slices, so that one
// sample can be their mean.
constexpr int64_t most_taps = 4096;

// Most planes of a projection, whose indices have 32 bits.
constexpr int64_t most_planes = std::numeric_limits<int32_t>::max();

// Approximate samples of a band's plane: 32 KB, so that the dozen planes of a slab fit a
// second-level cache.
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
template <typename V> INLINE void save(V value, float *to) {
    __builtin_memcpy(to, &value, sizeof value);
}
INLINE void transpose(Four &a, Four &b, Four &c, Four &d) {
    const Four p = __builtin_shuffle(a, b, FourInts{0, 4, 1, 5}),
               q = __builtin_shuffle(a, b, FourInts{2, 6, 3, 7});
    const Four r = __builtin_shuffle(c, d, FourInts{0, 4, 1, 5}),
               s = __builtin_shuffle(c, d, FourInts{2, 6, 3, 7});
    a = __builtin_shuffle(p, r, FourInts{0, 1, 4, 5}),
    b = __builtin_shuffle(p, r, FourInts{2, 3, 6, 7});
    c = __builtin_shuffle(q, s, FourInts{0, 1, 4, 5}),
    d = __builtin_shuffle(q, s, FourInts{2, 3, 6, 7});
}

// The taps of one sample: their weights, the background's, and the taps that bound it (none where
// start == stop).
struct Taps {
    const float *weight;
    int64_t count, start, stop;
    float rest, background;
};

// The inner loops for one stored type and one instruction set.
template <typename T> struct Loops {
    void (*weigh)(const T *const *rows, const float *weight, int64_t taps, float *out,
                  int64_t begin, int64_t end);
    void (*convert)(const T *row, const Line &line, const Padding &padding, float *out,
                    int64_t begin, int64_t end);
    void (*blend)(const float *const *rows, const Taps &taps, const Line &map, float *out,
                  int64_t begin, int64_t end);
    void (*join)(Statistic statistic, const float *first, const float *second, float *out,
                 int64_t count);
    void (*blend_rows)(const Table &t, const float *group, float background, const Line &after,
                       int64_t rows, float *out);
};

}  // namespace sampling
