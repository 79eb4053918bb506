// One band of output rows, sampled through all slices.
#pragma once
#include <vector>

#include "sample_simd.h"

namespace sampling {

struct Shape {
    int64_t ni, nj, nk;          // source slices given
    int64_t stride_j, stride_k;  // in elements; i is contiguous
};

// A band of output rows through all slices.
template <typename In> class Sampler {
  public:
    Sampler(const In *source, Shape shape, const float *slopes, const float *intercepts,
            Line before, Padding padding, Table ti, Table tj, Table tk, float background,
            Line after, int64_t first_row, int64_t rows)
        : source_(source),
          shape_(shape),
          slopes_(slopes),
          intercepts_(intercepts),
          before_(before),
          padding_(padding),
          ti_(ti),
          tj_(tj),
          tk_(tk),
          background_(background),
          after_(after),
          first_row_(first_row),
          rows_(rows) {
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
        return tk_.weight[p * tk_.taps + t] != 0.0f ||
               (tk_.limits && tk_.limits[2 * p] <= t && t < tk_.limits[2 * p + 1]);
    }

    // source slice s sampled in its plane; a slice of weight 0 is not computed (any finite plane
    // may stand for it)
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
        bool whole = ti.taps == 1 && ti.count > 0,
             used = false;  // along i the samples are a run of voxels
        for (int64_t n = 0; n < ti.count; ++n) {
            whole = whole && ti.weight[n] == 1.0f && ti.first[n] == ti.first[0] + n;
            if (ti.rest[n] != 1.0f)
                used = true, begin = std::min<int64_t>(begin, ti.first[n]),
                end = std::max<int64_t>(end, ti.first[n] + ti.taps);
        }
        if (!used) begin = end = 0;
        std::fill(converted_row_.begin(), converted_row_.end(), -1);
        const int64_t pitch = shape_.ni + 8;
        for (int64_t n = 0; n < rows_; n += 8) {
            const int64_t count = std::min<int64_t>(8, rows_ - n);
            for (int64_t r = 0; r < count; ++r)
                along_column(s, tj, first_row_ + n + r, row_.data() + r * pitch, begin, end);
            float *out = plane + n * ti.count;
            if (whole) {
                for (int64_t r = 0; r < count; ++r)
                    std::copy_n(row_.data() + r * pitch + ti.first[0], ti.count,
                                out + r * ti.count);
                if (after.changes())
                    for (int64_t x = 0; x < count * ti.count; ++x) out[x] = after(out[x]);
            } else {
                along_rows(ti, count, pitch, begin, end, after, out);
            }
        }
    }

    // output row j before sampling along i: weighted source rows, from voxel begin to end
    void along_column(int64_t s, const Table &tj, int64_t j, float *out, int64_t begin,
                      int64_t end) {
        const In *slice = source_ + s * shape_.stride_k;
        const float slope = slopes_[s] * before_.slope,
                    intercept = intercepts_[s] * before_.slope + before_.intercept;
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
            if (slope != 1.0f || offset != 0.0f)
                for (int64_t x = begin; x < end; ++x) out[x] = out[x] * slope + offset;
        } else {
            const float *rows[most_taps];
            const Line line{slope, intercept, before_.low, before_.high};
            for (int64_t t = 0; t < tj.taps; ++t)
                rows[t] = converted(slice, s, tj.first[j] + t, line, begin, end);
            loops_.blend(rows, taps_of(tj, j), same, out, begin, end);
        }
    }

    // A band moves from slice to slice, which restarts the hardware prefetcher; so the next slice
    // is prefetched here.
    static void fetch_ahead(const In *row, int64_t count) {
        for (int64_t x = 0; x < count; x += 64 / static_cast<int64_t>(sizeof(In)))
            __builtin_prefetch(row + x);
    }

    const float *converted(const In *slice, int64_t s, int64_t j, Line line, int64_t begin,
                           int64_t end) {
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
    void along_rows(const Table &t, int64_t count, int64_t pitch, int64_t begin, int64_t end,
                    Line after, float *out) {
        float *group = group_.data();
        for (int64_t x = begin; x < end; x += 4) {
            for (int64_t half = 0; half < 8; half += 4) {
                const float *rows = row_.data() + half * pitch + x;
                Four a = load<Four>(rows), b = load<Four>(rows + pitch),
                     c = load<Four>(rows + 2 * pitch), d = load<Four>(rows + 3 * pitch);
                transpose(a, b, c, d);
                float *to = group + 8 * x + half;
                save(a, to), save(b, to + 8), save(c, to + 16), save(d, to + 24);
            }
        }
        loops_.blend_rows(t, group, background_, after, count, out);
    }

    Taps taps_of(const Table &t, int64_t n) const {
        return {t.weight + n * t.taps,
                t.taps,
                t.limits ? t.limits[2 * n] : 0,
                t.limits ? t.limits[2 * n + 1] : 0,
                t.rest[n],
                background_};
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

}  // namespace sampling
