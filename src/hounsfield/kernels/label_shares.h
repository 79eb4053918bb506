// Sums by label: an open-addressed table of labels, each with an amount.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace labels {
// Calls bind(0) with a value of each type that labels may have.
template <class Bind> void for_each_label_type(Bind bind) {
    bind(uint8_t(0)), bind(int8_t(0)), bind(uint16_t(0));
    bind(int16_t(0)), bind(uint32_t(0)), bind(int32_t(0));
}

// Shares that differ by less are equal: weights are float32, and rounding must not break a tie.
constexpr double same_share = 1e-6;

template <typename T, typename Amount> class Sums {
  public:
    Sums() { resize(64); }

    void clear() {
        for (const uint32_t slot : used_) taken_[slot] = 0;
        used_.clear();
    }

    void add(T label, Amount amount) {
        if (used_.empty() || labels_[last_] != label) last_ = find(label);
        amounts_[last_] += amount;
    }

    // Calls each(label, amount) in the order in which the labels came.
    template <class Each> void each(Each call) const {
        for (const uint32_t slot : used_) call(labels_[slot], amounts_[slot]);
    }
    std::size_t count() const { return used_.size(); }

    // The label with the largest amount; on a tie, the lowest.
    T largest(double tie) const {
        Amount most = amounts_[used_[0]];
        for (const uint32_t slot : used_) most = std::max(most, amounts_[slot]);
        bool found = false;
        T best{};
        for (const uint32_t slot : used_)
            if (amounts_[slot] >= most - tie && (!found || labels_[slot] < best))
                best = labels_[slot], found = true;
        return best;
    }

  private:
    uint32_t find(T label) {
        const auto place = [&] {
            uint32_t slot = uint32_t((uint64_t(label) * 0x9E3779B97F4A7C15ull) >> shift_);
            while (taken_[slot] && labels_[slot] != label) slot = (slot + 1) & mask_;
            return slot;
        };
        uint32_t slot = place();
        if (taken_[slot]) return slot;
        if (2 * (used_.size() + 1) > taken_.size()) grow(), slot = place();
        taken_[slot] = 1, labels_[slot] = label, amounts_[slot] = Amount(0);
        used_.push_back(slot);
        return slot;
    }

    void grow() {
        std::vector<T> labels;
        std::vector<Amount> amounts;
        each([&](T label, Amount amount) { labels.push_back(label), amounts.push_back(amount); });
        resize(2 * taken_.size());
        for (std::size_t n = 0; n < labels.size(); ++n) amounts_[find(labels[n])] = amounts[n];
    }

    void resize(std::size_t size) {
        taken_.assign(size, 0), labels_.resize(size), amounts_.resize(size), used_.clear();
        mask_ = uint32_t(size - 1), shift_ = 64;
        for (std::size_t n = size; n > 1; n /= 2) --shift_;
    }

    std::vector<uint8_t> taken_;
    std::vector<T> labels_;
    std::vector<Amount> amounts_;
    std::vector<uint32_t> used_;
    uint32_t mask_ = 0, shift_ = 64, last_ = 0;
};

}  // namespace labels
