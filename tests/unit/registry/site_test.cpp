#include "registry/site.hpp"

#include "support/catch.hpp"

#include <vector>

using namespace gantry::registry;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t megabyte = 1 << 20;
const site_record::time_point start{};

std::size_t choose(const std::vector<site_record>& records, site_record::time_point now = start, std::vector<bool> excluded = {}) {
  std::vector<const site_record*> pointers;
  for (const site_record& one : records) pointers.push_back(&one);
  excluded.resize(records.size(), false);
  return choose_site(pointers, excluded, now);
}

}  // namespace

TEST_CASE("sites that were never measured are tried in order, one request each") {
  std::vector<site_record> records(3);
  CHECK(choose(records) == 0);
  records[0].began();
  CHECK(choose(records) == 1);
  records[1].began();
  CHECK(choose(records) == 2);
}

TEST_CASE("requests are spread in proportion to what sites bring") {
  std::vector<site_record> records{site_record(30e6), site_record(10e6)};
  unsigned counts[2] = {};
  for (int i = 0; i < 8; ++i) {
    const std::size_t chosen = choose(records);
    records[chosen].began();
    ++counts[chosen];
  }
  CHECK(counts[0] == 6);
  CHECK(counts[1] == 2);
}

TEST_CASE("a rate follows what requests bring, small ones aside") {
  site_record one;
  one.began();
  one.ended(1000, 1s);
  CHECK(one.rate() == 0);
  one.began();
  one.ended(10 * megabyte, 1s);
  CHECK(one.rate() == 10.0 * megabyte);
  one.ended(20 * megabyte, 1s);
  CHECK(one.rate() > 10.0 * megabyte);
  CHECK(one.rate() < 20.0 * megabyte);
  CHECK(one.active() == 0);
}

TEST_CASE("a site that fails rests, longer each time, and what it brings makes it young again") {
  std::vector<site_record> records(1);
  records[0].failed(start);
  CHECK(choose(records, start) == 1);
  CHECK(choose(records, start + 999ms) == 1);
  CHECK(choose(records, start + 1s) == 0);
  records[0].failed(start + 1s);
  CHECK(choose(records, start + 2s) == 1);
  CHECK(choose(records, start + 3s) == 0);
  for (int i = 0; i < 20; ++i) records[0].failed(start + 3s);
  CHECK(choose(records, start + 63s) == 0);
  records[0].ended(megabyte, 1s);
  records[0].failed(start + 70s);
  CHECK(choose(records, start + 71s) == 0);
}

TEST_CASE("a dropped site is never chosen, an excluded one not now") {
  std::vector<site_record> records(2);
  records[0].drop();
  CHECK(choose(records) == 1);
  CHECK(choose(records, start, {false, true}) == 2);
}

TEST_CASE("a mirror of many registries is told once which one is meant") {
  gantry::config::endpoint at;
  CHECK(with_name_space(at, "/v2/a/tags/list?n=1") == "/v2/a/tags/list?n=1");
  at.name_space = "docker.io";
  CHECK(with_name_space(at, "/v2/a/manifests/1") == "/v2/a/manifests/1?ns=docker.io");
  CHECK(with_name_space(at, "/v2/a/tags/list?n=1") == "/v2/a/tags/list?n=1&ns=docker.io");
  CHECK(with_name_space(at, "/v2/a/tags/list?ns=docker.io&last=b") == "/v2/a/tags/list?ns=docker.io&last=b");
  CHECK(with_name_space(at, "/v2/a/tags/list?last=ns=docker.io2") == "/v2/a/tags/list?last=ns=docker.io2&ns=docker.io");
}
