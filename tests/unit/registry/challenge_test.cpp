#include "registry/challenge.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <map>
#include <string>
#include <vector>

using namespace gantry::registry;

namespace {

using parameters = std::map<std::string, std::string>;
using plain = std::vector<std::pair<std::string, parameters>>;

plain expected_of(const gantry::test::vector_row& row) {
  plain list;
  for (const auto& value : row.expected.at("challenges").as_array()) {
    parameters values;
    for (const auto& member : value.at("params").as_object()) values[member.key()] = std::string(member.value().as_string());
    list.emplace_back(value.at("scheme").as_string(), values);
  }
  return list;
}

plain plain_of(const std::vector<challenge>& challenges) {
  plain list;
  for (const challenge& c : challenges) list.emplace_back(c.scheme, parameters(c.parameters.begin(), c.parameters.end()));
  return list;
}

std::string read(std::string_view value) {
  const auto challenges = parse_challenges(value);
  if (!challenges) return "refused";
  std::string text;
  for (const challenge& c : *challenges) {
    text += c.scheme + "(";
    for (const auto& [name, parameter] : c.parameters) text += name + "=" + parameter + ";";
    text += ")";
  }
  return text;
}

}  // namespace

TEST_CASE("vectors: www_authenticate", "[vectors]") {
  gantry::test::for_each_row("www_authenticate", [](const gantry::test::vector_row& row) {
    std::vector<std::string> fields;
    if (row.input.is_string()) fields.emplace_back(row.input.as_string());
    if (row.input.is_array()) {
      for (const auto& field : row.input.as_array()) fields.emplace_back(field.as_string());
    }
    const auto challenges = parse_challenges(std::vector<std::string_view>(fields.begin(), fields.end()));
    const auto& wanted = row.expected.as_object();
    CHECK(challenges.has_value() == !row.out_true("error"));
    if (!challenges) return;

    if (wanted.contains("challenges")) {
      plain got = plain_of(*challenges);
      // The tables of oras know two schemes and keep parameters for one of them.
      if (const auto* note = row.members.if_contains("note");
          note != nullptr && note->as_string().starts_with("oras keeps params only for bearer")) {
        std::erase_if(got, [](const auto& c) { return c.first != "bearer" && c.first != "basic"; });
        for (auto& [scheme, values] : got) {
          if (scheme == "basic") values.clear();
        }
      }
      CHECK(got == expected_of(row));
    }
    // Whatever else a Bearer challenge says is wrong, what it names is asked for.
    if (wanted.contains("retry_with_scope")) {
      const challenge* const picked = preferred(*challenges);
      const std::string* const scope = picked == nullptr ? nullptr : picked->find("scope");
      CHECK((scope == nullptr ? "" : *scope) == row.out("retry_with_scope"));
    }
    if (wanted.contains("picked")) {
      const challenge* const picked = preferred(*challenges);
      CHECK((picked != nullptr ? picked->scheme : challenges->front().scheme) == row.out("picked"));
    }
  });
}

TEST_CASE("Bearer is answered before Basic and nothing else is") {
  CHECK(preferred(parse_challenges("Basic realm=a, Bearer realm=b").value())->scheme == "bearer");
  CHECK(preferred(parse_challenges("Negotiate, Basic realm=a").value())->scheme == "basic");
  CHECK(preferred(parse_challenges("Negotiate").value()) == nullptr);
}

TEST_CASE("challenges are read from hand-written fields") {
  CHECK(read("Bearer realm = \"https://a/t\" , service = s") == "bearer(realm=https://a/t;service=s;)");
  CHECK(read("Bearer realm=https://a/t,service=s") == "bearer(realm=https://a/t;service=s;)");
  CHECK(read("Bearer realm=\"a\" service=\"b\"") == "bearer(realm=a;service=b;)");
  CHECK(read(",, Basic realm=\"x, y=z\",") == "basic(realm=x, y=z;)");
  CHECK(read("Negotiate, NTLM, Basic realm=x") == "negotiate()ntlm()basic(realm=x;)");
  CHECK(read("Negotiate abc, Basic realm=x") == "negotiate()basic(realm=x;)");
  CHECK(read("Bearer realm=\"a\", Custom foo=\"b\"") == "bearer(realm=a;)custom(foo=b;)");
}

TEST_CASE("a challenge that cannot be read at all is refused and shown without control characters") {
  for (const char* value : {"", " , ", "=x", "\"", "realm=x", "Basic realm=\"open", "Bearer realm="}) {
    CAPTURE(value);
    CHECK(read(value) == "refused");
  }
  const auto refused = parse_challenges("Basic realm=\"\x1b[31m");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().text.message().find('\x1b') == std::string::npos);
}

TEST_CASE("a malformed field does not hide a usable one") {
  const auto challenges = parse_challenges(std::vector<std::string_view>{"Basic realm=\"open", "Bearer realm=x"});
  REQUIRE(challenges.has_value());
  CHECK(preferred(*challenges)->scheme == "bearer");
  CHECK_FALSE(parse_challenges(std::vector<std::string_view>{"Basic realm=\"open", "Negotiate"}).has_value());
  CHECK(parse_challenges(std::vector<std::string_view>()).value().empty());
}
