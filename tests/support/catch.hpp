#pragma once

// Debian 12 has Catch2 2.13; newer systems have 3.x with other headers. Tests include this file.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include "base/failure.hpp"

/// Lets CHECK(result) compile and print the failure: Boost's own operator<< takes results of printable types only.
template <class T>
struct Catch::StringMaker<boost::system::result<T, gantry::failure>> {
  static std::string convert(const boost::system::result<T, gantry::failure>& value) {
    return value ? "value" : value.error().code.message() + ": " + value.error().text.message();
  }
};
