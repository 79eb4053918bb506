// The smallest cut that separates one part of a mask from another (Dinic 1970, maximum flow).
#include "mask_bits.h"

#include <cmath>

namespace mask {
namespace {

using Capacity = std::int64_t;
constexpr double UNITS_PER_MM2 = 16;  // Face areas as integers, so that sums are exact.
constexpr double LARGEST_AREA_MM2 = 1e6;
constexpr std::int64_t MOST_VOXELS = std::int64_t(1) << 31;

bool has(const Word *words, const Rows &rows, std::int64_t i, std::int64_t row) {
    return words[row * rows.words + i / 64] >> (i % 64) & 1;
}

struct Graph {  // A node per voxel; ways 0 and 1 lead along i, 2 and 3 along j, 4 and 5 along k.
    std::vector<std::int64_t> voxel;  // i + ni * row of each node.
    std::vector<std::array<std::int32_t, 6>> next;
    std::vector<std::array<Capacity, 6>> room;
    std::vector<Capacity> supply;    // Area of contact with the source.
    std::vector<std::uint8_t> sink;  // Whether the node is in the sink.
    std::vector<std::int32_t> level;
    std::vector<std::uint8_t> way;  // The next way to try.

    Graph(const Word *part, const Word *source, const Word *drain, const Rows &rows,
          const std::array<Capacity, 3> &area);
    bool reach();
    void push_from(std::int32_t start);
};

Graph::Graph(const Word *part, const Word *source, const Word *drain, const Rows &rows,
             const std::array<Capacity, 3> &area) {
    std::vector<std::int32_t> node(rows.ni * rows.count(), -1);
    for (std::int64_t row = 0; row < rows.count(); ++row)
        each_run(part + row * rows.words, rows.words, rows.ni,
                 [&](std::int64_t start, std::int64_t stop) {
                     for (std::int64_t i = start; i < stop; ++i) {
                         node[i + rows.ni * row] = std::int32_t(voxel.size());
                         voxel.push_back(i + rows.ni * row);
                     }
                 });
    next.resize(voxel.size()), room.resize(voxel.size()), supply.assign(voxel.size(), 0);
    sink.resize(voxel.size()), level.resize(voxel.size()), way.resize(voxel.size());
    for (std::size_t n = 0; n < voxel.size(); ++n) {
        const std::int64_t i = voxel[n] % rows.ni, row = voxel[n] / rows.ni;
        const std::array<std::int64_t, 3> at{i, row % rows.nj, row / rows.nj};
        const std::array<std::int64_t, 3> size{rows.ni, rows.nj, rows.nk};
        sink[n] = has(drain, rows, i, row);
        for (int w = 0; w < 6; ++w) {
            std::array<std::int64_t, 3> to = at;
            to[w / 2] += w % 2 ? 1 : -1;
            next[n][w] = -1, room[n][w] = 0;
            if (to[w / 2] < 0 || to[w / 2] >= size[w / 2]) continue;
            const std::int64_t to_row = to[1] + rows.nj * to[2];
            next[n][w] = node[to[0] + rows.ni * to_row];
            if (next[n][w] >= 0) room[n][w] = area[w / 2];
            else if (has(source, rows, to[0], to_row)) supply[n] += area[w / 2];
        }
    }
}

// Numbers the nodes by their distance from the source over ways with room; whether the sink is
// reached.
bool Graph::reach() {
    std::fill(level.begin(), level.end(), -1);
    std::vector<std::int32_t> queue;
    for (std::size_t n = 0; n < voxel.size(); ++n)
        if (supply[n] > 0) level[n] = 0, queue.push_back(std::int32_t(n));
    bool found = false;
    for (std::size_t at = 0; at < queue.size(); ++at) {
        const std::int32_t n = queue[at];
        found = found || sink[n];
        for (int w = 0; w < 6; ++w)
            if (room[n][w] > 0 && level[next[n][w]] < 0)
                level[next[n][w]] = level[n] + 1, queue.push_back(next[n][w]);
    }
    return found;
}

// Sends what it can from `start` to the sink, along ways that lead one level further.
void Graph::push_from(std::int32_t start) {
    std::vector<std::int32_t> path{start};
    while (!path.empty() && supply[start] > 0) {
        const std::int32_t n = path.back();
        if (sink[n]) {
            Capacity flow = supply[start];
            for (std::size_t p = 0; p + 1 < path.size(); ++p)
                flow = std::min(flow, room[path[p]][way[path[p]]]);
            for (std::size_t p = 0; p + 1 < path.size(); ++p)
                room[path[p]][way[path[p]]] -= flow,
                    room[path[p + 1]][way[path[p]] ^ 1] += flow;
            supply[start] -= flow;
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

// The voxels of `part` on the source's side of the smallest cut between `source`, beside it, and
// the voxels of `part` in `sink`. The size of a cut is the area of the faces it opens; of equal cuts
// the one nearest to the source is taken. Voxels that are connected to no source are not set.
void cut(Flat<const Word> part, Flat<const Word> source, Flat<const Word> sink, Shape shape,
         std::array<double, 3> areas_mm2, Flat<Word> out) {
    const Rows rows(shape);
    expect(std::int64_t(part.size()) == rows.size() && std::int64_t(source.size()) == rows.size());
    expect(std::int64_t(sink.size()) == rows.size() && std::int64_t(out.size()) == rows.size());
    if (rows.ni * rows.count() >= MOST_VOXELS) throw nb::value_error("the mask is too large to cut");
    std::array<Capacity, 3> area{};
    for (int axis = 0; axis < 3; ++axis) {
        if (!(areas_mm2[axis] > 0 && areas_mm2[axis] <= LARGEST_AREA_MM2))
            throw nb::value_error("an area is not over 0 and at most 1e6 square mm");
        area[axis] = std::max<Capacity>(1, std::llround(areas_mm2[axis] * UNITS_PER_MM2));
    }
    nb::gil_scoped_release released;
    Graph graph(part.data(), source.data(), sink.data(), rows, area);
    while (graph.reach()) {
        std::fill(graph.way.begin(), graph.way.end(), std::uint8_t(0));
        for (std::size_t n = 0; n < graph.voxel.size(); ++n)
            if (graph.supply[n] > 0) graph.push_from(std::int32_t(n));
    }
    std::fill(out.data(), out.data() + rows.size(), Word(0));
    for (std::size_t n = 0; n < graph.voxel.size(); ++n)
        if (graph.level[n] >= 0) {
            const std::int64_t i = graph.voxel[n] % rows.ni, row = graph.voxel[n] / rows.ni;
            out.data()[row * rows.words + i / 64] |= Word(1) << (i % 64);
        }
}

}  // namespace

void bind_cut(nb::module_ &module) {
    module.def("mask_cut", &cut, nb::arg("part").noconvert(), nb::arg("source").noconvert(),
               nb::arg("sink").noconvert(), nb::arg("shape"), nb::arg("areas_mm2"),
               nb::arg("out").noconvert());
}

}  // namespace mask
