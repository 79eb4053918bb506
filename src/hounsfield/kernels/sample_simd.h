// The inner loops for each instruction set, chosen at run time.
#pragma once
#include <algorithm>

#include "sample_types.h"

namespace sampling {

// Compiled twice and chosen at run time: with AVX2 eight taps take 0.6 of the time they take
// without (benchmarks/README.md). Neither version fuses a multiplication with an addition, so the
// results are bit-identical.
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
template <typename T> Loops<T> chosen_loops() {
    return __builtin_cpu_supports("avx2") ? avx2::loops<T>() : base::loops<T>();
}
#else
template <typename T> Loops<T> chosen_loops() { return base::loops<T>(); }
#endif

}  // namespace sampling
