// What leads far from a source is cut off where its cross-section is smallest (Dinic 1970).
#include "mask_bits.h"

#include <cmath>

namespace mask {
namespace {

using Node = std::int32_t;
using Units = std::int64_t;
constexpr double UNITS_PER_MM2 = 16;  // Face areas as integers, so that sums are exact.
constexpr double UNITS_PER_MM = 20;   // Lengths of paths, for the same reason.
constexpr double LEAST_MM = 1e-2, MOST_MM = 1e3, MOST_REACH_MM = 1e4;
constexpr int NO_FLOW_LEVEL = -1;

// A node per set voxel, numbered in reading order.
class Nodes {
  public:
    Nodes(const Word *words, const Rows &rows) : words(words), rows(rows), first(rows.size()) {
        std::int64_t count = 0;
        for (std::int64_t row = 0; row < rows.count(); ++row)
            for (std::int64_t w = 0; w < rows.words; ++w) {
                first[row * rows.words + w] = Node(count);
                count += __builtin_popcountll(bits(row * rows.words + w, w));
                if (count >= MOST_ROWS) throw nb::value_error("the mask has too many voxels to cut");
            }
        voxels.reserve(count);
        for (std::int64_t row = 0; row < rows.count(); ++row)
            each_run(words + row * rows.words, rows.words, rows.ni,
                     [&](std::int64_t start, std::int64_t stop) {
                         for (std::int64_t i = start; i < stop; ++i)
                             voxels.push_back({i, row % rows.nj, row / rows.nj});
                     });
    }
    bool inside(const Shape &at) const {
        return at[0] >= 0 && at[0] < rows.ni && at[1] >= 0 && at[1] < rows.nj && at[2] >= 0 &&
               at[2] < rows.nk;
    }
    bool has(const Word *other, const Shape &at) const {
        return inside(at) && (other[word(at)] >> (at[0] % 64) & 1);
    }
    // The number of the node at a voxel; -1 if the voxel is not set or outside.
    Node number(const Shape &at) const {
        if (!has(words, at)) return -1;
        const Word before = words[word(at)] & ((Word(1) << (at[0] % 64)) - 1);
        return first[word(at)] + Node(__builtin_popcountll(before));
    }
    std::int64_t word(const Shape &at) const {
        return at[0] / 64 + rows.words * (at[1] + rows.nj * at[2]);
    }
    std::size_t size() const { return voxels.size(); }
    const Shape &operator[](std::size_t n) const { return voxels[n]; }

  private:
    Word bits(std::int64_t at, std::int64_t w) const {
        return w + 1 == rows.words ? words[at] & rows.tail() : words[at];
    }
    const Word *words;
    Rows rows;
    std::vector<Node> first;
    std::vector<Shape> voxels;
};

Shape moved(const Shape &at, int axis, int by) {
    Shape to = at;
    to[axis] += by;
    return to;
}

// For each node, whether a path from `source` to it is at most `reach` long, by buckets of lengths.
std::vector<std::uint8_t> near_nodes(const Nodes &nodes, const Word *source,
                                     const std::array<double, 3> &spacing_mm, double reach_mm) {
    const Units reach = std::llround(reach_mm * UNITS_PER_MM);
    std::vector<std::vector<Node>> bucket(reach + 1);
    std::vector<Units> length(nodes.size(), reach + 1);
    std::array<Units, 27> steps{};
    const auto step_of = [](int w) { return Shape{w % 3 - 1, w / 3 % 3 - 1, w / 9 - 1}; };
    for (int w = 0; w < 27; ++w) {
        double squared = 0;
        for (int axis = 0; axis < 3; ++axis)
            squared += double(step_of(w)[axis] * step_of(w)[axis]) * spacing_mm[axis] *
                       spacing_mm[axis];
        steps[w] = std::max<Units>(1, std::llround(std::sqrt(squared) * UNITS_PER_MM));
    }
    const auto arrive = [&](Node n, Units at) {
        if (n >= 0 && at < length[n]) length[n] = at, bucket[at].push_back(n);
    };
    for (std::size_t n = 0; n < nodes.size(); ++n)
        for (int way = 0; way < 6; ++way) {
            const int axis = way / 2;
            if (nodes.has(source, moved(nodes[n], axis, way % 2 ? 1 : -1)))
                arrive(Node(n), std::min<Units>(reach, std::llround(spacing_mm[axis] * UNITS_PER_MM)));
        }
    for (Units at = 0; at <= reach; ++at)
        for (std::size_t next = 0; next < bucket[at].size(); ++next) {
            const Node n = bucket[at][next];
            if (length[n] != at) continue;
            for (int w = 0; w < 27; ++w) {
                const Shape by = step_of(w), from = nodes[n];
                if (w != 13 && at + steps[w] <= reach)
                    arrive(nodes.number({from[0] + by[0], from[1] + by[1], from[2] + by[2]}),
                           at + steps[w]);
            }
        }
    std::vector<std::uint8_t> near(nodes.size());
    for (std::size_t n = 0; n < near.size(); ++n) near[n] = length[n] <= reach;
    return near;
}

struct Flow {  // Ways 0 and 1 lead along i, 2 and 3 along j, 4 and 5 along k.
    std::vector<std::array<Node, 6>> next;
    std::vector<std::array<Units, 6>> room;
    std::vector<Units> supply;  // Area of contact with the source.
    const std::vector<std::uint8_t> &near;  // All other nodes are the sink.
    std::vector<std::int32_t> level;
    std::vector<std::uint8_t> way;  // The next way to try.

    Flow(const Nodes &nodes, const Word *source, const std::array<Units, 3> &area,
         const std::vector<std::uint8_t> &near)
        : next(nodes.size()), room(nodes.size()), supply(nodes.size(), 0), near(near),
          level(nodes.size()), way(nodes.size()) {
        for (std::size_t n = 0; n < nodes.size(); ++n)
            for (int w = 0; w < 6; ++w) {
                const Shape to = moved(nodes[n], w / 2, w % 2 ? 1 : -1);
                next[n][w] = nodes.number(to);
                room[n][w] = next[n][w] < 0 ? 0 : area[w / 2];
                if (next[n][w] < 0 && nodes.has(source, to)) supply[n] += area[w / 2];
            }
    }

    // Numbers nodes by their distance from the source over ways with room; whether the sink is met.
    bool reaches_sink() {
        std::fill(level.begin(), level.end(), NO_FLOW_LEVEL);
        std::vector<Node> queue;
        for (std::size_t n = 0; n < level.size(); ++n)
            if (supply[n] > 0) level[n] = 0, queue.push_back(Node(n));
        bool found = false;
        for (std::size_t at = 0; at < queue.size(); ++at) {
            const Node n = queue[at];
            if (!near[n]) {
                found = true;
                continue;
            }
            for (int w = 0; w < 6; ++w)
                if (room[n][w] > 0 && level[next[n][w]] == NO_FLOW_LEVEL)
                    level[next[n][w]] = level[n] + 1, queue.push_back(next[n][w]);
        }
        return found;
    }

    // Sends what it can from `start` to the sink, along ways that lead one level further.
    void push_from(Node start) {
        std::vector<Node> path{start};
        while (!path.empty() && supply[start] > 0) {
            const Node n = path.back();
            if (!near[n]) {
                send(path);
                path.assign(1, start);
                continue;
            }
            while (way[n] < 6 && !(room[n][way[n]] > 0 && level[next[n][way[n]]] == level[n] + 1))
                ++way[n];
            if (way[n] < 6) {
                path.push_back(next[n][way[n]]);
            } else {
                path.pop_back();
                if (!path.empty()) ++way[path.back()];
            }
        }
    }

    void send(const std::vector<Node> &path) {
        Units flow = supply[path[0]];
        for (std::size_t p = 0; p + 1 < path.size(); ++p)
            flow = std::min(flow, room[path[p]][way[path[p]]]);
        for (std::size_t p = 0; p + 1 < path.size(); ++p) {
            room[path[p]][way[path[p]]] -= flow;
            room[path[p + 1]][way[path[p]] ^ 1] += flow;
        }
        supply[path[0]] -= flow;
    }

    void run() {
        while (reaches_sink()) {
            std::fill(way.begin(), way.end(), std::uint8_t(0));
            for (std::size_t n = 0; n < level.size(); ++n)
                if (supply[n] > 0) push_from(Node(n));
        }
    }
};

// The voxels of `part` on the source's side of the smallest cut between `source`, beside it, and
// what no path of at most `reach_mm` within it leads to. The size of a cut is the area of the faces
// it opens; of equal cuts the one nearest to the source is taken. A component without such far
// voxels is set whole, one that does not touch the source not at all.
void cut(Flat<const Word> part, Flat<const Word> source, Shape shape,
         std::array<double, 3> spacing_mm, double reach_mm, Flat<Word> out) {
    const Rows rows(shape);
    expect(std::int64_t(part.size()) == rows.size() && std::int64_t(source.size()) == rows.size() &&
           std::int64_t(out.size()) == rows.size());
    for (const double mm : spacing_mm)
        if (!(mm >= LEAST_MM && mm <= MOST_MM)) throw nb::value_error("the spacing is out of range");
    if (!(reach_mm > 0 && reach_mm <= MOST_REACH_MM))
        throw nb::value_error("the reach is not over 0 and at most 10000 mm");
    const auto units = [](double mm2) {
        return std::max<Units>(1, std::llround(mm2 * UNITS_PER_MM2));
    };
    const auto [i, j, k] = spacing_mm;
    const std::array<Units, 3> area{units(j * k), units(i * k), units(i * j)};
    nb::gil_scoped_release released;
    const Nodes nodes(part.data(), rows);
    const auto near = near_nodes(nodes, source.data(), spacing_mm, reach_mm);
    Flow flow(nodes, source.data(), area, near);
    flow.run();
    std::fill(out.data(), out.data() + rows.size(), Word(0));
    for (std::size_t n = 0; n < nodes.size(); ++n)
        if (flow.level[n] != NO_FLOW_LEVEL)
            out.data()[nodes.word(nodes[n])] |= Word(1) << (nodes[n][0] % 64);
}

}  // namespace

void bind_cut(nb::module_ &module) {
    module.def("mask_cut", &cut, nb::arg("part").noconvert(), nb::arg("source").noconvert(),
               nb::arg("shape"), nb::arg("spacing_mm"), nb::arg("reach_mm"),
               nb::arg("out").noconvert());
}

}  // namespace mask
