#include "progress/renderer.hpp"

#include "support/catch.hpp"

#include <array>
#include <string>

#include <unistd.h>

namespace gantry::app {
namespace {

/// What a JSON renderer printed.
std::string read_all(int descriptor) {
  std::string all;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = ::read(descriptor, part.data(), part.size())) > 0;) all.append(part.data(), static_cast<std::size_t>(got));
  return all;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_CASE("events of a run that goes through an image again tell of each blob and name once") {
  error_code ec;
  const auto blob = digest::parse("sha256:" + std::string(64, 'a'), ec);
  image_resolved name;
  name.reference = reference::parse("registry.test/app:1", ec);
  name.top.digest = blob;
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const auto json = make_json_renderer(ends[1]);
  for (const bool reused : {false, true}) {
    json->begin("app:1");
    json->event(name);
    json->event(transfer_planned{1, 20, reused ? 1U : 0U, reused ? 20U : 0U});
    json->event(blob_finished{blob, 20, reused});
  }
  // Of several targets of one copy each has the blob; a mount is something that was done.
  json->begin("a copy");
  json->event(blob_finished{blob, 20, true, blob_role::layer, true});
  ::close(ends[1]);
  const std::string text = read_all(ends[0]);
  ::close(ends[0]);
  INFO(text);
  CHECK(count_of(text, "\"image_resolved\"") == 1);
  CHECK(count_of(text, "\"transfer_planned\"") == 2);
  CHECK(count_of(text, "\"blob_finished\"") == 2);
  CHECK(count_of(text, "\"mounted\":true") == 1);
}

TEST_CASE("events of one operation leave out nothing") {
  error_code ec;
  const auto blob = digest::parse("sha256:" + std::string(64, 'a'), ec);
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const auto json = make_json_renderer(ends[1]);
  json->begin("a copy");
  for (int target = 0; target < 2; ++target) json->event(blob_finished{blob, 20, true});
  ::close(ends[1]);
  const std::string text = read_all(ends[0]);
  ::close(ends[0]);
  CHECK(count_of(text, "\"blob_finished\"") == 2);
}

}  // namespace
}  // namespace gantry::app
