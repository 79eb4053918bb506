// The planes of a band, written unchanged or projected over windows.
#pragma once
#include <type_traits>
#include <vector>

#include "sample_types.h"

namespace sampling {

template <typename Out> void store(const float *values, Out *out, int64_t count) {
    if constexpr (std::is_same_v<Out, float>) {
        std::copy(values, values + count, out);
    } else {
        // Adding 1.5 * 2^23 rounds a float to the nearest whole number, ties to even, and
        // vectorises everywhere.
        constexpr float magic = 12582912.0f;
        constexpr float low = std::numeric_limits<Out>::min(),
                        high = std::numeric_limits<Out>::max();
        for (int64_t x = 0; x < count; ++x) {
            const float kept = std::min(std::max(values[x], low), high);
            out[x] = static_cast<Out>(static_cast<int32_t>((kept + magic) - magic));
        }
    }
}

// Windows [start, stop) over planes that arrive in order, none longer than `longest`; starts and
// stops do not decrease.
template <typename Source, typename Out>
void project(Source &source, Statistic statistic, const int32_t *start, const int32_t *stop,
             int64_t to, int64_t longest, Out *out, int64_t pitch) {
    const int64_t size = source.plane_size();
    std::vector<float> current(longest * size), previous(longest * size), prefix(size),
        result(std::is_same_v<Out, float> ? 0 : size);
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
            emit(t,
                 start[t] == begin ? prefix.data()
                                   : previous.data() + (start[t] - (block - 1) * longest) * size,
                 start[t] == begin ? nullptr : prefix.data());
            ++t;
        }
        const bool full = next + 1 == (block + 1) * longest;
        if (full || (t < to && stop[t] == next + 1)) {
            // suffixes: plane n becomes the projection of planes n to the last of the block
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

template <typename Source, typename Out>
void planes(Source &source, int64_t count, Out *out, int64_t pitch) {
    const int64_t size = source.plane_size();
    std::vector<float> plane(std::is_same_v<Out, float> ? 0 : size);
    for (int64_t p = 0; p < count; ++p) {
        if constexpr (std::is_same_v<Out, float>) source.plane(p, out + p * pitch);
        else source.plane(p, plane.data()), store(plane.data(), out + p * pitch, size);
    }
}

}  // namespace sampling
