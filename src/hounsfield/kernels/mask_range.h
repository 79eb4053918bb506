// A range of values, and 64 voxels at a time as bits that say whether they are in it.
#pragma once
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "mask_bits.h"

namespace mask {

template <class T> struct Range {  // low <= value <= high, in the stored type.
    T low, high;
    bool empty;
    Range(double from, double to) {
        if constexpr (std::is_integral_v<T>) {
            const double least = std::numeric_limits<T>::min(),
                         most = std::numeric_limits<T>::max();
            const double first = std::max(std::ceil(from), least),
                         last = std::min(std::floor(to), most);
            empty = !(first <= last);
            low = empty ? T(1) : T(first), high = empty ? T(0) : T(last);
        } else {
            low = T(from), high = T(to), empty = !(low <= high);
        }
    }
    bool contains(T value) const { return bool((value >= low) & (value <= high)); }
};

inline Word packed_word(
    const std::uint8_t
        *bytes) {  // 64 bytes of 0 or 1 as bits: a multiplication brings eight to the top byte.
    Word word = 0;
    for (int n = 0; n < 8; ++n) {
        Word eight;
        std::memcpy(&eight, bytes + 8 * n, 8);
        word |= (eight * 0x0102040810204080ull >> 56) << (8 * n);
    }
    return word;
}

template <class T> Word bits_in_range(const T *values, std::int64_t count, Range<T> range) {
    std::uint8_t bytes[64] = {};
    if (count == 64)
        for (int i = 0; i < 64; ++i) bytes[i] = range.contains(values[i]);
    else
        for (std::int64_t i = 0; i < count; ++i) bytes[i] = range.contains(values[i]);
    return packed_word(bytes);
}

}  // namespace mask
