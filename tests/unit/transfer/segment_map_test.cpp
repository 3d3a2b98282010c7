#include "transfer/segment_map.hpp"

#include "support/catch.hpp"

#include <random>

using namespace gantry::transfer;

namespace {

byte_ranges ranges(std::initializer_list<byte_range> list) {
  byte_ranges set;
  for (const byte_range& one : list) set.add(one);
  return set;
}

using parts = std::vector<byte_range>;

}  // namespace

TEST_CASE("what is taken is cut out of a range") {
  const byte_ranges taken = ranges({{10, 10}, {30, 10}});
  CHECK(subtract({0, 50}, taken) == parts{{0, 10}, {20, 10}, {40, 10}});
  CHECK(subtract({12, 5}, taken).empty());
  CHECK(subtract({15, 10}, taken) == parts{{20, 5}});
  CHECK(subtract({20, 10}, taken) == parts{{20, 10}});
  CHECK(subtract({40, 5}, taken) == parts{{40, 5}});
  CHECK(subtract({5, 0}, taken).empty());
  CHECK(subtract({0, 5}, byte_ranges()) == parts{{0, 5}});
}

TEST_CASE("a byte is granted once") {
  segment_map map(100);
  CHECK(map.claim({10, 20}) == parts{{10, 20}});
  CHECK(map.claim({0, 40}) == parts{{0, 10}, {30, 10}});
  CHECK(map.claim({0, 40}).empty());
  CHECK(map.claimed() == 40);
  CHECK(map.claims({5, 35}));
  CHECK_FALSE(map.claims({5, 36}));
  CHECK(map.claim({40, 60}) == parts{{40, 60}});
  CHECK(map.fully_claimed());
  CHECK_FALSE(map.complete());
}

TEST_CASE("bytes that were held are never granted") {
  segment_map map(100, ranges({{0, 30}, {50, 10}}));
  CHECK(map.claimed() == 40);
  CHECK(map.frontier() == 30);
  CHECK(map.claim({0, 100}) == parts{{30, 20}, {60, 40}});
}

TEST_CASE("the frontier is the end of the written prefix") {
  segment_map map(100);
  map.claim({0, 100});
  CHECK(map.frontier() == 0);
  map.written({50, 50});
  CHECK(map.frontier() == 0);
  map.written({0, 20});
  CHECK(map.frontier() == 20);
  map.written({20, 30});
  CHECK(map.frontier() == 100);
  CHECK(map.complete());
}

TEST_CASE("an empty blob is complete") {
  const segment_map map(0);
  CHECK(map.fully_claimed());
  CHECK(map.complete());
  CHECK_FALSE(map.first_gap({}));
}

TEST_CASE("the first gap is neither claimed nor spoken for") {
  segment_map map(100, ranges({{0, 10}}));
  CHECK(map.first_gap({}) == byte_range{10, 90});
  CHECK(map.first_gap(ranges({{10, 20}})) == byte_range{30, 70});
  CHECK(map.first_gap(ranges({{20, 20}})) == byte_range{10, 10});
  CHECK(map.first_gap(ranges({{10, 20}}), 40) == byte_range{40, 60});
  CHECK_FALSE(map.first_gap(ranges({{10, 90}})));
  map.claim({40, 20});
  CHECK(map.first_gap(ranges({{10, 30}})) == byte_range{60, 40});
}

TEST_CASE("whatever the order, all claims together are the blob, each byte once") {
  std::minstd_rand random(GENERATE(1u, 2u, 3u, 4u));
  constexpr std::uint64_t size = 5000;
  segment_map map(size);
  std::vector<int> granted(size);
  while (!map.fully_claimed()) {
    const std::uint64_t offset = random() % size;
    for (const byte_range& part : map.claim({offset, random() % std::min<std::uint64_t>(400, size - offset + 1)})) {
      for (std::uint64_t byte = part.offset; byte < part.end(); ++byte) ++granted[byte];
      map.written(part);
    }
  }
  CHECK(granted == std::vector<int>(size, 1));
  CHECK(map.complete());
}
