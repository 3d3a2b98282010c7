#include "serve/asked_names.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <optional>
#include <set>
#include <string>

using namespace gantry;
using serve::asked_names;

namespace {

reference name_of(const std::string& text) {
  error_code ec;
  reference name = reference::parse(text, ec);
  REQUIRE_FALSE(ec);
  return name;
}

descriptor sized(std::uint64_t size) {
  descriptor made;
  made.size = size;
  return made;
}

}  // namespace

TEST_CASE("of a layer that many share, the names count that were asked for lately where it is asked for") {
  using namespace std::chrono_literals;
  error_code ec;
  descriptor top;
  top.digest = digest::parse("sha256:" + std::string(64, 'a'), ec);
  descriptor other;
  other.digest = digest::parse("sha256:" + std::string(64, 'b'), ec);
  const auto now = asked_names::clock::now();
  asked_names names(10);
  names.put(name_of("quay.io/a:old"), {top, {}}, now - 5min);
  names.put(name_of("quay.io/a:1"), {top, {}}, now - 1s);
  names.put(name_of("quay.io/a:2"), {other, {}}, now - 1s);
  names.put(name_of("quay.io/b:1"), {top, {}}, now - 1s);
  CHECK(names.asked_since(now - 2min, "quay.io/a", {top.digest}) == std::set<reference>{name_of("quay.io/a:1")});
  CHECK(names.asked_since(now - 2min, "quay.io/c", {top.digest}).empty());
  // Who asks for what it leads to asks for it again.
  CHECK_FALSE(names.lead_to(name_of("quay.io/c:1"), {top.digest}, now));
  CHECK(names.asked_since(now, "quay.io/a", {top.digest}).empty());
  CHECK(names.lead_to(name_of("quay.io/a:9"), {top.digest}, now));
  CHECK(names.asked_since(now, "quay.io/a", {top.digest}).size() == 2);
  CHECK(names.asked_since(now, "quay.io/b", {top.digest}).empty());
  names.put(name_of("quay.io/a:old"), {top, {}}, now - 5min);
  CHECK(names.asked_since(now - 2min, "quay.io/a", {top.digest}).size() == 1);
  names.put(name_of("quay.io/a:old"), {top, {}}, now);
  CHECK(names.asked_since(now - 2min, "quay.io/a", {top.digest}).size() == 2);
}

TEST_CASE("the name that was asked for longest ago makes room") {
  asked_names names(2);
  CHECK(names.empty());
  names.put(name_of("quay.io/b:1"), {sized(1), {}});
  names.put(name_of("quay.io/a:1"), {sized(2), {}});
  // Asked for again, it is the younger one.
  names.put(name_of("quay.io/b:1"), {sized(3), {}});
  names.put(name_of("quay.io/c:1"), {sized(4), {}});
  CHECK(names.find(name_of("quay.io/a:1")) == nullptr);
  REQUIRE(names.find(name_of("quay.io/b:1")) != nullptr);
  CHECK(names.find(name_of("quay.io/b:1"))->top.size == 3);
  REQUIRE(names.all().size() == 2);
  CHECK(names.all()[1].first == name_of("quay.io/c:1"));
  names.erase(name_of("quay.io/b:1"));
  names.put(name_of("quay.io/d:1"), {sized(5), {}});
  CHECK(names.find(name_of("quay.io/c:1")) != nullptr);
}

TEST_CASE("what a repository's names led to is known") {
  asked_names names(2);
  error_code ec;
  descriptor top = sized(1);
  top.digest = digest::parse("sha256:" + std::string(64, 'a'), ec);
  const std::set<digest> wanted{top.digest};
  names.put(name_of("quay.io/b:1"), {top, {}});
  CHECK(names.lead_to(name_of("quay.io/b@" + top.digest.string()), wanted));
  CHECK_FALSE(names.lead_to(name_of("quay.io/c:1"), wanted));
  CHECK_FALSE(names.lead_to(name_of("ghcr.io/b:1"), wanted));
  CHECK_FALSE(names.lead_to(name_of("quay.io/b:1"), {}));
}

TEST_CASE("of what a client asked for and what the store has recorded, the one that was learnt last counts") {
  const auto led_to = [](char letter) {
    error_code ec;
    descriptor top = sized(1);
    top.digest = digest::parse("sha256:" + std::string(64, letter), ec);
    return top;
  };
  const descriptor old = led_to('a');
  const descriptor asked = led_to('b');
  const descriptor others = led_to('c');
  CHECK_FALSE(serve::newest(nullptr, std::nullopt));
  CHECK(serve::newest(nullptr, old) == old);
  // Nothing is recorded yet, or no more.
  const serve::asked_name first{asked, {}};
  CHECK(serve::newest(&first, std::nullopt) == asked);
  CHECK(serve::newest(&first, asked) == asked);
  CHECK(serve::newest(&first, others) == others);
  // The record is that of before, until somebody else writes another one.
  const serve::asked_name moved{asked, old.digest};
  CHECK(serve::newest(&moved, std::nullopt) == asked);
  CHECK(serve::newest(&moved, old) == asked);
  CHECK(serve::newest(&moved, asked) == asked);
  CHECK(serve::newest(&moved, others) == others);

  asked_names names(2);
  names.put(name_of("quay.io/a:1"), moved);
  names.note_recorded(name_of("quay.io/a:1"), asked.digest);
  names.note_recorded(name_of("quay.io/b:1"), asked.digest);
  CHECK(names.find(name_of("quay.io/a:1"))->recorded == asked.digest);
  CHECK(names.find(name_of("quay.io/b:1")) == nullptr);
  CHECK(serve::newest(names.find(name_of("quay.io/a:1")), old) == old);
}
