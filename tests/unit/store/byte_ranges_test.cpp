#include "store/byte_ranges.hpp"

#include "support/catch.hpp"

#include <random>
#include <set>

using gantry::store::byte_range;
using gantry::store::byte_ranges;

TEST_CASE("ranges that overlap or touch become one") {
  byte_ranges held;
  held.add({10, 10});
  held.add({30, 5});
  CHECK(held.list() == std::vector<byte_range>{{10, 10}, {30, 5}});
  held.add({20, 10});
  CHECK(held.list() == std::vector<byte_range>{{10, 25}});
  held.add({0, 3});
  held.add({5, 0});
  CHECK(held.list() == std::vector<byte_range>{{0, 3}, {10, 25}});
  CHECK(held.total() == 28);
}

TEST_CASE("gaps are what is missing up to the size") {
  byte_ranges held;
  CHECK(held.gaps(0).empty());
  CHECK(held.gaps(7) == std::vector<byte_range>{{0, 7}});
  held.add({2, 2});
  held.add({6, 10});
  CHECK(held.gaps(20) == std::vector<byte_range>{{0, 2}, {4, 2}, {16, 4}});
  CHECK(held.gaps(16) == std::vector<byte_range>{{0, 2}, {4, 2}});
  CHECK(held.gaps(5) == std::vector<byte_range>{{0, 2}, {4, 1}});
}

TEST_CASE("a set of ranges agrees with a set of bytes") {
  std::minstd_rand random(7);
  byte_ranges held;
  std::set<std::uint64_t> bytes;
  for (int round = 0; round < 60; ++round) {
    const byte_range added{random() % 300, random() % 12};
    held.add(added);
    for (std::uint64_t at = added.offset; at < added.end(); ++at) bytes.insert(at);
    REQUIRE(held.total() == bytes.size());
    const byte_range asked{random() % 300, random() % 12};
    bool all = true;
    for (std::uint64_t at = asked.offset; at < asked.end(); ++at) all = all && bytes.count(at) == 1;
    REQUIRE(held.covers(asked) == all);
    std::uint64_t missing = 0;
    for (const byte_range& gap : held.gaps(400)) missing += gap.length;
    REQUIRE(missing == 400 - bytes.size());
  }
}
