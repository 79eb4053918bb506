// Decoder of JPEG Lossless with Huffman coding (SOF3, ITU-T T.81 annex H), one component.
//
// It reads nothing outside the codestream and writes nothing outside the output: whatever it does
// not understand, or what the stream does not hold, is a Malformed exception (a ValueError).
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

namespace nb = nanobind;

namespace jpeg {
namespace {

using Byte = std::uint8_t;
using Stream = nb::ndarray<const Byte, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Plane = nb::ndarray<std::uint16_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

using Malformed = std::invalid_argument;

constexpr int LOOKUP_BITS = 12;  // Codes and the bits after them that one lookup resolves.
constexpr int LONGEST = 16;      // Bits of the longest code (T.81 C).
constexpr int CATEGORIES = 17;   // Differences are 0 to 16 bits (T.81 table H.2).
constexpr std::int64_t LEFTOVER = 8;  // Most bytes that may follow the last sample of a segment.

int extended(std::int64_t value, int size) {  // T.81 figure F.12
    return int(value < (std::int64_t(1) << size >> 1) ? value - (std::int64_t(1) << size) + 1 : value);
}

// A Huffman table (T.81 C and F.2.2.3), with a lookup of the next LOOKUP_BITS bits.
struct Table {
    struct Entry {
        std::int16_t difference = 0;
        std::uint8_t used = 0;      // Bits of code and difference together; 0 if they do not fit.
        std::uint8_t length = 0;    // Bits of the code; 0 if it is longer than LOOKUP_BITS.
        std::uint8_t category = 0;
    };
    bool defined = false;
    std::array<Entry, 1 << LOOKUP_BITS> lookup{};
    std::array<std::int64_t, LONGEST + 1> first{}, count{}, offset{};
    std::vector<Byte> values;

    void define(const Byte *counts, const Byte *categories, std::int64_t total) {
        values.assign(categories, categories + total);
        lookup.fill(Entry{});
        std::int64_t code = 0, rank = 0;
        for (int length = 1; length <= LONGEST; ++length, code <<= 1) {
            first[length] = code, count[length] = counts[length - 1], offset[length] = rank;
            if (code + count[length] > std::int64_t(1) << length)
                throw Malformed("Huffman table has too many codes");
            for (std::int64_t n = 0; n < count[length]; ++n, ++code, ++rank)
                if (length <= LOOKUP_BITS) fill(code, length, values[std::size_t(rank)]);
        }
        for (const Byte category : values)
            if (category >= CATEGORIES) throw Malformed("Huffman table has an invalid category");
        defined = true;
    }

    void fill(std::int64_t code, int length, int category) {
        const int rest = LOOKUP_BITS - length, size = category == 16 ? 0 : category;
        for (std::int64_t tail = 0; tail < std::int64_t(1) << rest; ++tail) {
            Entry &entry = lookup[std::size_t(code << rest | tail)];
            entry.length = std::uint8_t(length), entry.category = std::uint8_t(category);
            if (size > rest) continue;
            entry.used = std::uint8_t(length + size);
            // 32768 and -32768 are the same modulo 65536.
            entry.difference =
                category == 16 ? std::int16_t(-32768)
                               : std::int16_t(extended(tail >> (rest - size), size));
        }
    }
};

// The bits of one entropy-coded segment, without stuffed zeros; 16 zeros follow them, which refilling
// may reach before the last bits are used.
class Bits {
  public:
    Bits(const Byte *bytes, std::int64_t size) : next_(bytes), stop_(bytes + size) {}

    std::uint16_t difference(const Table &table) {
        refill();
        const Table::Entry &entry = table.lookup[std::size_t(bits_ >> (64 - LOOKUP_BITS))];
        if (entry.used) {
            skip(entry.used);
            return std::uint16_t(entry.difference);
        }
        const int category = entry.length ? entry.category : search(table);
        if (entry.length) skip(entry.length);
        if (category == 0) return 0;
        if (category == 16) return 32768;
        const std::int64_t value = std::int64_t(bits_ >> (64 - category));
        skip(category);
        return std::uint16_t(extended(value, category));
    }

    // Whole bytes that were not read; negative if more was read than there is.
    std::int64_t left() const {
        const std::int64_t bits = (stop_ - next_) * 8 + count_;
        return bits < 0 ? -1 : bits / 8;
    }

  private:
    void refill() {
        if (next_ > stop_ + 8) throw Malformed("compressed data ends before the last sample");
        std::uint64_t word = 0;
        for (int n = 0; n < 8; ++n) word = word << 8 | next_[n];
        bits_ |= word >> count_;
        next_ += (63 - count_) >> 3;
        count_ |= 56;
    }

    void skip(int used) { bits_ <<= used, count_ -= used; }

    int search(const Table &table) {
        for (int length = LOOKUP_BITS + 1; length <= LONGEST; ++length) {
            const std::int64_t rank = std::int64_t(bits_ >> (64 - length)) - table.first[length];
            if (rank < 0 || rank >= table.count[length]) continue;
            skip(length);
            return table.values[std::size_t(table.offset[length] + rank)];
        }
        throw Malformed("compressed data has an invalid Huffman code");
    }

    const Byte *next_, *stop_;
    std::uint64_t bits_ = 0;
    int count_ = 0;
};

struct Header {
    std::int64_t rows = 0, columns = 0, restart = 0;
    int bits = 0, predictor = 0, shift = 0;
    const Table *table = nullptr;
};

// Samples of one row from their differences (T.81 H.1.2.1), predicted from samples of the type
// Value: `std::uint16_t` is the standard's, `std::int16_t` that of encoders that predict signed
// values. `keep` are the bits to which every sample is reduced.
template <class Value, class Rule>
void reconstruct(const std::uint16_t *differences, const std::uint16_t *above, std::int64_t columns,
                 std::uint16_t keep, std::uint16_t *row, Rule rule) {
    std::uint16_t left = row[0], corner = above[0];
    for (std::int64_t i = 1; i < columns; ++i) {
        const std::uint16_t up = above[i];
        left = std::uint16_t(rule(int(Value(left)), int(Value(up)), int(Value(corner))) +
                             differences[i]) &
               keep;
        row[i] = left, corner = up;
    }
}

template <class Value>
void predict(int predictor, const std::uint16_t *d, const std::uint16_t *above,
             std::int64_t columns, std::uint16_t keep, std::uint16_t *row) {
    const auto each = [&](auto rule) {
        reconstruct<Value>(d, above, columns, keep, row, rule);
    };
    switch (predictor) {  // T.81 table H.1
        case 1: return each([](int a, int, int) { return a; });
        case 2: return each([](int, int b, int) { return b; });
        case 3: return each([](int, int, int c) { return c; });
        case 4: return each([](int a, int b, int c) { return a + b - c; });
        case 5: return each([](int a, int b, int c) { return a + ((b - c) >> 1); });
        case 6: return each([](int a, int b, int c) { return b + ((a - c) >> 1); });
        default: return each([](int a, int b, int) { return (a + b) >> 1; });
    }
}

class Decoder {
  public:
    Decoder(const Byte *data, std::int64_t size) : data_(data), size_(size) {}

    // Decodes into `out` (rows, columns) and returns the precision, and whether a sample exceeded
    // the range in which standard and signed prediction agree.
    std::pair<int, bool> run(std::uint16_t *out, std::int64_t rows, std::int64_t columns,
                             bool is_signed) {
        read_header();
        if (header_.rows != rows || header_.columns != columns)
            throw Malformed("codestream has another size than the output");
        const std::int64_t step = header_.restart ? header_.restart / columns : rows;
        std::vector<std::uint16_t> differences(std::size_t(columns), 0);
        for (std::int64_t start = 0, part = 0; start < rows; start += step, ++part) {
            const std::int64_t stop = std::min(rows, start + step);
            Bits bits = segment();
            for (std::int64_t row = start; row < stop; ++row) {
                for (auto &each : differences) each = bits.difference(*header_.table);
                decode_row(differences.data(), out, row, row == start, is_signed);
            }
            const std::int64_t left = bits.left();
            if (left < 0) throw Malformed("compressed data ends before the last sample");
            if (left > LEFTOVER) throw Malformed("compressed data continues after the last sample");
            expect_marker(stop < rows ? int(0xD0 + part % 8) : 0xD9);
        }
        return {header_.bits, finish(out, rows * columns)};
    }

  private:
    void decode_row(std::uint16_t *differences, std::uint16_t *out, std::int64_t row, bool restarts,
                    bool is_signed) const {
        const std::int64_t columns = header_.columns;
        const int depth = header_.bits - header_.shift;
        const std::uint16_t keep = is_signed ? 0xFFFF : std::uint16_t((1 << depth) - 1);
        std::uint16_t *const now = out + row * columns;
        const std::uint16_t *const above = restarts ? now : now - columns;
        const int start = restarts ? 1 << (depth - 1) : above[0];
        now[0] = std::uint16_t(start + differences[0]) & keep;
        const int predictor = restarts ? 1 : header_.predictor;
        if (is_signed)
            predict<std::int16_t>(predictor, differences, above, columns, keep, now);
        else
            predict<std::uint16_t>(predictor, differences, above, columns, keep, now);
    }

    // Undoes the point transform (T.81 H.1.2.1) in place.
    bool finish(std::uint16_t *out, std::int64_t count) const {
        const int depth = header_.bits - header_.shift;
        const auto half = std::uint16_t(1 << (depth - 1));
        const auto keep = std::uint16_t((1 << depth) - 1);
        std::uint16_t high = 0;
        for (std::int64_t n = 0; n < count; ++n) {
            high |= out[n];
            out[n] = std::uint16_t((out[n] & keep) << header_.shift);
        }
        return header_.predictor > 4 && (high & ~(half - 1) & 0xFFFF);
    }

    void read_header() {
        if (size_ < 4 || word() != 0xFFD8) throw Malformed("codestream has no start marker");
        for (;;) {
            const int marker = next_marker();
            const std::int64_t length = word() - 2, stop = at_ + length;
            if (length < 0 || stop > size_) throw Malformed("segment is longer than the codestream");
            if (marker == 0xC3) frame(stop);
            else if (marker == 0xC4) tables(stop);
            else if (marker == 0xDD) header_.restart = length >= 2 ? word() : 0;
            else if (marker == 0xDA) return scan(stop);
            else if (marker < 0xE0 && marker != 0xDB) throw Malformed("unexpected marker");
            at_ = stop;
        }
    }

    void frame(std::int64_t stop) {
        if (header_.bits || stop - at_ < 9) throw Malformed("invalid frame header");
        header_.bits = byte(), header_.rows = word(), header_.columns = word();
        const int components = byte();
        if (components != 1) throw Malformed("codestream has several components; expected one");
        component_ = byte();
        if (header_.bits < 2 || header_.bits > 16 || !header_.rows || !header_.columns)
            throw Malformed("invalid frame header");
    }

    void tables(std::int64_t stop) {
        while (at_ < stop) {
            const int name = byte();
            if (stop - at_ < LONGEST || (name & 15) > 3) throw Malformed("invalid Huffman table");
            const Byte *counts = data_ + at_;
            std::int64_t total = 0;
            for (int n = 0; n < LONGEST; ++n) total += counts[n];
            at_ += LONGEST;
            if (total > stop - at_ || total > 256) throw Malformed("invalid Huffman table");
            if (name >> 4 == 0) tables_[std::size_t(name)].define(counts, data_ + at_, total);
            at_ += total;
        }
    }

    void scan(std::int64_t stop) {
        if (!header_.bits || stop - at_ != 6 || byte() != 1 || byte() != component_)
            throw Malformed("invalid scan header");
        const int table = byte() >> 4;
        header_.predictor = byte(), byte(), header_.shift = byte() & 15;
        if (header_.predictor < 1 || header_.predictor > 7 || header_.shift >= header_.bits)
            throw Malformed("invalid predictor or point transform");
        if (table > 3 || !tables_[std::size_t(table)].defined)
            throw Malformed("scan has no Huffman table");
        header_.table = &tables_[std::size_t(table)];
        if (header_.restart % header_.columns)
            throw Malformed("restart interval is not a whole number of rows");
    }

    // The entropy-coded data up to the next marker, with stuffed zeros removed.
    Bits segment() {
        clean_.clear();
        for (;;) {
            const void *found = at_ < size_ ? std::memchr(data_ + at_, 0xFF, std::size_t(size_ - at_))
                                            : nullptr;
            if (!found) throw Malformed("compressed data has no end marker");
            const std::int64_t mark = static_cast<const Byte *>(found) - data_;
            const bool stuffed = mark + 1 < size_ && data_[mark + 1] == 0;
            clean_.insert(clean_.end(), data_ + at_, data_ + mark + stuffed);
            at_ = mark + (stuffed ? 2 : 0);
            if (!stuffed) break;
        }
        const std::size_t size = clean_.size();
        clean_.resize(size + 16, 0);
        return Bits(clean_.data(), std::int64_t(size));
    }

    void expect_marker(int expected) {
        if (next_marker() != expected) throw Malformed("codestream lacks a restart or end marker");
    }

    int next_marker() {  // A marker may be preceded by any number of FF (T.81 B.1.1.2).
        if (byte() != 0xFF) throw Malformed("codestream has data where a marker is expected");
        int marker = 0xFF;
        while (marker == 0xFF) marker = byte();
        return marker;
    }

    int byte() {
        if (at_ >= size_) throw Malformed("codestream is truncated");
        return data_[at_++];
    }

    int word() {
        const int high = byte();
        return high << 8 | byte();
    }

    const Byte *data_;
    std::int64_t size_, at_ = 0;
    int component_ = 0;
    Header header_;
    std::vector<Table> tables_ = std::vector<Table>(4);
    std::vector<Byte> clean_;
};

std::pair<int, bool> decode(Stream data, bool is_signed, Plane out) {
    const auto rows = std::int64_t(out.shape(0)), columns = std::int64_t(out.shape(1));
    const Byte *bytes = data.data();
    const auto size = std::int64_t(data.size());
    std::uint16_t *values = out.data();
    nb::gil_scoped_release released;
    return Decoder(bytes, size).run(values, rows, columns, is_signed);
}

}  // namespace

void bind_lossless(nb::module_ &module) {
    module.def("jpeg_lossless", [](Stream data, bool is_signed, Plane out) {
        const auto found = decode(data, is_signed, out);
        return nb::make_tuple(found.first, found.second);
    }, nb::arg("data"), nb::arg("is_signed"), nb::arg("out").noconvert());
}

}  // namespace jpeg
