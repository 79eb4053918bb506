// The inner loops of sample.cpp, included once for each instruction set, which defines `Wide`,
// `lower` and `higher`.
constexpr int64_t wide = sizeof(Wide) / sizeof(float);

// sum over taps of weight * row(t) plus rest * background, clamped to the minimum and maximum of
// the bounding taps; `many` adjacent vectors, so that a weight is loaded once for all of them
template <int many, typename Row>
INLINE void blended(const Taps &taps, Row row, Wide (&sum)[many]) {
    for (int n = 0; n < many; ++n) sum[n] = taps.weight[0] * load<Wide>(row(0) + n * wide);
    for (int64_t t = 1; t < taps.count; ++t) {
        const float *at = row(t);
        const Wide weight = Wide{} + taps.weight[t];
        for (int n = 0; n < many; ++n) sum[n] += weight * load<Wide>(at + n * wide);
    }
    const Wide edge = Wide{} + taps.background;
    if (taps.rest != 0.0f)
        for (int n = 0; n < many; ++n) sum[n] += taps.rest * edge;
    if (taps.start >= taps.stop) return;
    Wide low[many], high[many];
    for (int n = 0; n < many; ++n)
        low[n] = high[n] = taps.rest != 0.0f ? edge : load<Wide>(row(taps.start) + n * wide);
    for (int64_t t = taps.start; t < taps.stop; ++t) {
        const float *at = row(t);
        for (int n = 0; n < many; ++n) {
            const Wide value = load<Wide>(at + n * wide);
            low[n] = lower(value, low[n]), high[n] = higher(value, high[n]);
        }
    }
    for (int n = 0; n < many; ++n) sum[n] = higher(lower(sum[n], high[n]), low[n]);
}

// a vector of samples mapped
INLINE Wide mapped(Wide value, const Line &by) {
    return lower(higher(value * by.slope + by.intercept, Wide{} + by.low), Wide{} + by.high);
}

// whole rows weighted and mapped, from value begin to end; rows may be read up to seven values
// beyond it
void blend(const float *const *rows, const Taps &given, const Line &map, float *out, int64_t begin,
           int64_t end) {
    const Taps taps = given;
    const Line after = map;
    int64_t x = begin;
    for (; x + 4 * wide <= end; x += 4 * wide) {
        Wide made[4];
        blended<4>(taps, [&](int64_t t) { return rows[t] + x; }, made);
        for (int n = 0; n < 4; ++n) save(mapped(made[n], after), out + x + n * wide);
    }
    for (; x < end; x += wide) {
        Wide made[1];
        blended<1>(taps, [&](int64_t t) { return rows[t] + x; }, made);
        made[0] = mapped(made[0], after);
        if (x + wide <= end) save(made[0], out + x);
        else
            for (int64_t n = 0; x + n < end; ++n) out[x + n] = made[0][n];
    }
}

// two planes projected into one, which may be the first of them
template <typename Each> INLINE void join_each(const float *first, const float *second, float *out,
                                               int64_t count, Each each) {
    int64_t x = 0;
    for (; x + wide <= count; x += wide)
        save(each(load<Wide>(first + x), load<Wide>(second + x)), out + x);
    for (; x < count; ++x) out[x] = each(Wide{} + first[x], Wide{} + second[x])[0];
}

void join(Statistic statistic, const float *first, const float *second, float *out, int64_t count) {
    if (statistic == Statistic::max)
        join_each(first, second, out, count, [](Wide a, Wide b) { return higher(a, b); });
    else if (statistic == Statistic::min)
        join_each(first, second, out, count, [](Wide a, Wide b) { return lower(a, b); });
    else join_each(first, second, out, count, [](Wide a, Wide b) { return a + b; });
}

// sum over one or two taps of weight * row
template <typename T> void weigh(const T *const *rows, const float *weight, int64_t taps,
                                 float *out, int64_t begin, int64_t end) {
    const T *a = rows[0], *b = rows[taps - 1];
    const float wa = weight[0], wb = weight[taps - 1];
    if (taps == 1 && wa == 1.0f)
        for (int64_t x = begin; x < end; ++x) out[x] = static_cast<float>(a[x]);
    else if (taps == 1)
        for (int64_t x = begin; x < end; ++x) out[x] = wa * static_cast<float>(a[x]);
    else
        for (int64_t x = begin; x < end; ++x)
            out[x] = wa * static_cast<float>(a[x]) + wb * static_cast<float>(b[x]);
}

// a stored row rescaled, and its padding replaced
template <typename T> void convert(const T *row, const Line &line, const Padding &padding,
                                   float *out, int64_t begin, int64_t end) {
    const Line by = line;
    if (by.clamps())
        for (int64_t x = begin; x < end; ++x) out[x] = by(static_cast<float>(row[x]));
    else
        for (int64_t x = begin; x < end; ++x)
            out[x] = static_cast<float>(row[x]) * by.slope + by.intercept;
    if (padding.used) {
        const T low = static_cast<T>(padding.low), high = static_cast<T>(padding.high);
        const float value = padding.value;
        for (int64_t x = begin; x < end; ++x)
            out[x] = (row[x] >= low) & (row[x] <= high) ? value : out[x];
    }
}

// Eight rows sampled along i together: `group` has voxel x of the eight rows in adjacent elements,
// `out` receives `rows` of them. With `fixed` taps no sample is clamped.
template <int fixed> INLINE void blend_along(const Table &t, const float *group, float background,
                                             const Line &after, int64_t rows, float *out) {
    const int64_t count = fixed ? fixed : t.taps;
    const bool limited = !fixed && t.limits;
    const Line map = after;
    for (int64_t n = 0; n < t.count; n += 4) {
        alignas(32) float made[4][8];
        const int64_t columns = std::min<int64_t>(4, t.count - n);
        for (int64_t c = 0; c < columns; ++c) {
            const int64_t m = n + c;
            const Taps taps{t.weight + m * count,
                            count,
                            limited ? t.limits[2 * m] : 0,
                            limited ? t.limits[2 * m + 1] : 0,
                            t.rest[m],
                            background};
            const float *at = group + 8 * static_cast<int64_t>(t.first[m]);
            Wide sum[8 / wide];
            blended<8 / wide>(taps, [&](int64_t tap) { return at + 8 * tap; }, sum);
            for (int64_t part = 0; part < 8 / wide; ++part)
                save(mapped(sum[part], map), made[c] + part * wide);
        }
        for (int64_t half = 0; half < rows; half += 4) {
            Four a = load<Four>(made[0] + half), b = load<Four>(made[1] + half),
                 c = load<Four>(made[2] + half), d = load<Four>(made[3] + half);
            transpose(a, b, c, d);
            const Four lines[4] = {a, b, c, d};
            for (int64_t r = 0; r < std::min<int64_t>(4, rows - half); ++r) {
                float *to = out + (half + r) * t.count + n;
                if (columns == 4) save(lines[r], to);
                else
                    for (int64_t x = 0; x < columns; ++x) to[x] = lines[r][x];
            }
        }
    }
}

void blend_rows(const Table &t, const float *group, float background, const Line &after,
                int64_t rows, float *out) {
    if (t.taps == 2 && !t.limits) blend_along<2>(t, group, background, after, rows, out);
    else blend_along<0>(t, group, background, after, rows, out);
}

template <typename T> Loops<T> loops() { return {weigh<T>, convert<T>, blend, join, blend_rows}; }
