#include "base/forget_oldest.hpp"

#include "support/catch.hpp"

#include <map>

namespace gantry {
namespace {

struct thing {
  int used = 0;
  bool held = false;
};
constexpr auto last_use = [](const thing& one) { return one.used; };
constexpr auto is_held = [](const thing& one) { return one.held; };

TEST_CASE("a map within its bound loses nothing, a larger one shrinks to three quarters of it") {
  std::map<int, thing> map;
  for (int i = 0; i < 8; ++i) map[i] = {100 - i};
  forget_oldest(map, 8, last_use, is_held);
  CHECK(map.size() == 8);
  map[8] = {92};
  forget_oldest(map, 8, last_use, is_held);
  CHECK(map.size() == 6);
  // The last that were put there are those that were used longest ago.
  CHECK(map.rbegin()->first == 5);
}

TEST_CASE("what is in use stays, also when all of it is") {
  std::map<int, thing> map;
  for (int i = 0; i < 8; ++i) map[i] = {i, i < 7};
  forget_oldest(map, 4, last_use, is_held);
  CHECK(map.size() == 7);
  CHECK_FALSE(map.contains(7));
  forget_oldest(map, 4, last_use, is_held);
  CHECK(map.size() == 7);
}

}  // namespace
}  // namespace gantry
