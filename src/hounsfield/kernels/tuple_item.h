// One element of a tuple of arguments, checked.
#pragma once
#include <nanobind/nanobind.h>

#include <stdexcept>
#include <string>
#include <type_traits>

// Element n of a tuple of `size` elements, all of the right type; numbers are converted.
template <typename T>
T tuple_item(const nanobind::tuple &from, size_t n, size_t size, const char *name) {
    T value;
    if (from.size() != size || !nanobind::try_cast<T>(from[n], value, std::is_same_v<T, double>))
        throw std::invalid_argument(std::string(name) + " has elements of another number or type");
    return value;
}
