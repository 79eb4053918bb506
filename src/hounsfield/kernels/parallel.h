// Work on several threads whose exceptions reach the caller.
#pragma once
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

// Calls work(n) for n from 0 to count - 1, each on a thread of its own but for the first, which
// runs on the caller's. A part whose thread cannot be started runs on the caller's thread too. All
// threads are joined; then the first exception (std::bad_alloc included) is thrown again here.
template <class Work> void run_on_threads(std::int64_t count, Work work) {
    std::vector<std::exception_ptr> errors(count);
    std::vector<std::thread> others;
    others.reserve(count);
    const auto guarded = [&](std::int64_t n) noexcept {
        try {
            work(n);
        } catch (...) { errors[n] = std::current_exception(); }
    };
    std::int64_t started = 1;
    try {
        for (; started < count; ++started) others.emplace_back(guarded, started);
    } catch (const std::exception &) {  // no thread, or no memory for one: this one does its work
    }
    guarded(0);
    for (std::int64_t n = started; n < count; ++n) guarded(n);
    for (auto &other : others) other.join();
    for (const auto &error : errors)
        if (error) std::rethrow_exception(error);
}
