#include "values.hpp"

#include "support/catch.hpp"

#include <string>
#include <utility>

using namespace gantry::app;
using namespace std::chrono_literals;

TEST_CASE("durations are read with and without units") {
  const std::pair<const char*, std::chrono::milliseconds> rows[] = {{"90", 90s},      {"90s", 90s}, {"5m", 5min}, {"1h30m", 90min},
                                                                    {"500ms", 500ms}, {"2d", 48h},  {"1m30", 90s}};
  for (const auto& [text, value] : rows) CHECK(parse_duration("--timeout", text).value() == value);
  for (const char* text : {"", "0", "-1", "5 m", "m", "5x", "99999999999999999999", "400d", "9223372036854775807h"}) {
    CHECK_FALSE(parse_duration("--timeout", text).has_value());
  }
  CHECK(parse_duration("--older-than", "366d").has_value());
  CHECK(parse_duration("--older-than", "month").error().message.find("1h30m or 30d") != std::string::npos);
  CHECK(parse_duration("--older-than", "400d").error().message.find("up to 366d, not '400d'") != std::string::npos);
}

TEST_CASE("rates are read in bytes, and in units of 1024") {
  const std::pair<const char*, std::uint64_t> rows[] = {{"40000000", 40'000'000}, {"1024", 1024},       {"500K", 512'000},
                                                        {"500k", 512'000},        {"10M", 10 << 20},    {"1.5m", 3 << 19},
                                                        {"2G", 2ULL << 30},       {"1024G", 1ULL << 40}};
  for (const auto& [text, value] : rows) CHECK(parse_rate("--limit-rate", text).value() == value);
  for (const char* text : {"", "0", "1023", "-1", "M", "1.M", ".5M", "10 M", "10MB", "10T", "1025G", "99999999999999999999", "1.5.5M"}) {
    INFO(text);
    const auto refused = parse_rate("--limit-rate", text);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.find("--limit-rate") != std::string::npos);
  }
}

TEST_CASE("registries are read as hosts and as addresses") {
  const std::pair<const char*, registry_word> rows[] = {
      {"quay.io", {"quay.io", "", false, false}},
      {"localhost", {"localhost", "", false, false}},
      {"localhost:5000", {"localhost:5000", "", false, false}},
      {"https://registry.example.com/", {"registry.example.com", "", false, true}},
      {"http://10.0.0.1:5000", {"10.0.0.1:5000", "", true, false}},
      {"https://index.docker.io/v1/", {"docker.io", "", false, true}},
      {"https://registry-1.docker.io", {"docker.io", "", false, true}},
      {"ghcr.io/owner/", {"ghcr.io", "owner", false, false}},
      {"[::1]:5000", {"[::1]:5000", "", false, false}},
  };
  for (const auto& [text, word] : rows) CHECK(parse_registry(text).value() == word);
  for (const char* text : {"", "ftp://quay.io", "https://", "a b", "quay.io?x", "quay.io#x", "myhost", "-\n"}) {
    CHECK_FALSE(parse_registry(text).has_value());
  }
}

TEST_CASE("host names of other scripts are read in their form for servers") {
  CHECK(parse_registry("b\u00fccher.example:8443").value().host == "xn--bcher-kva.example:8443");
  CHECK(parse_registry("https://b\u00fccher.example/team").value() == registry_word{"xn--bcher-kva.example", "team", false, true});
  const auto mirror = parse_mirror("docker.io=https://b\u00fccher.example/hub");
  REQUIRE(mirror.has_value());
  CHECK(mirror->url == "https://xn--bcher-kva.example/hub");
}

TEST_CASE("a mirror behind a scheme may be a single word, and its scheme may be in capitals") {
  CHECK(parse_mirror("docker.io=http://mirrorhost/hub").value().url == "http://mirrorhost/hub");
  CHECK(parse_mirror("docker.io=HTTPS://m.test:5000").value().url == "https://m.test:5000");
  CHECK(parse_mirror("docker.io=Http://[::1]:5000").value().url == "http://[::1]:5000");
  CHECK(parse_registry("HTTPS://registry.test").value().tls);
}

TEST_CASE("a mistake in a host is told of the option that it is in") {
  CHECK(parse_mirror("badhost=http://x").error().message.find("--mirror") == 0);
  CHECK(parse_mirror("badhost=http://x").error().hint == "e.g. --mirror docker.io=https://mirror.example");
  CHECK(parse_mirror("docker.io=x").error().message.find("--mirror") == 0);
  CHECK(parse_mirror("docker.io=http://").error().message.find("--mirror") == 0);
  CHECK(parse_mirror("docker.io=http://a b").error().message.find("--mirror") == 0);
  CHECK(parse_registry("a b", "--insecure").error().message.find("--insecure") == 0);
}

TEST_CASE("user information in a registry address is refused and not repeated") {
  const auto refused = parse_registry("https://me:secret@quay.io");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("secret") == std::string::npos);
}

TEST_CASE("a host that would read as a user of docker.io is asked for its port") {
  CHECK(parse_registry("http://myhost").error().message.find("myhost:80") != std::string::npos);
  CHECK(parse_registry("myhost").error().message.find("myhost:443") != std::string::npos);
  CHECK(parse_registry("myhost:5000").has_value());
}

TEST_CASE("what is on this machine is told by its name or address") {
  for (const char* host : {"localhost", "localhost:5000", "a.localhost:1", "127.0.0.1:5000", "127.8.0.1", "[::1]", "[::1]:5000"}) {
    INFO(host);
    CHECK(is_this_machine(host));
  }
  for (const char* host :
       {"127.example:5000", "registry.example", "localhost.example:5000", "0.0.0.0:5000", "[::2]:5000", "[::1", "*", ""}) {
    INFO(host);
    CHECK_FALSE(is_this_machine(host));
  }
}

TEST_CASE("sizes are read with units of either kind") {
  const std::pair<const char*, std::uint64_t> rows[] = {
      {"0", 0},       {"1500", 1500},          {"7B", 7},     {"500M", 500'000'000}, {"500mb", 500'000'000},   {"1.5G", 1'500'000'000},
      {"0.25k", 250}, {"20GiB", 20ULL << 30U}, {"2Ki", 2048}, {"1.5KiB", 1536},      {"2T", 2'000'000'000'000}};
  for (const auto& [text, value] : rows) {
    INFO(text);
    CHECK(parse_size("--max-size", text).value() == value);
  }
  for (const char* text : {"", "G", "-1", "1.", ".5G", "1X", "1GG", "1G ", "99999999T", "1 G", "1,5G", "18446744073709551616"}) {
    INFO(text);
    CHECK_FALSE(parse_size("--max-size", text).has_value());
  }
}
