#include "base/idna.hpp"

#include "support/catch.hpp"

#include <string>

using gantry::ascii_host;

TEST_CASE("a host in ASCII is returned as it stands") {
  CHECK(ascii_host("Registry.example.com").value() == "Registry.example.com");
  CHECK(ascii_host("127.0.0.1").value() == "127.0.0.1");
  CHECK(ascii_host("under_score").value() == "under_score");
  CHECK(ascii_host("").value().empty());
}

TEST_CASE("a Unicode host is converted, or refused with what to write instead") {
  const auto converted = ascii_host("registry.示例.com");
  if (converted) {
    CHECK(*converted == "registry.xn--fsq092h.com");
    CHECK(ascii_host("BÜCHER.example").value() == "xn--bcher-kva.example");
    CHECK(ascii_host("faß.de").value() == "xn--fa-hia.de");
  } else {
    CHECK(converted.error().text.message().find("xn--") != std::string::npos);
  }
}

TEST_CASE("what has no ASCII form is refused") {
  const std::string long_label = "ü" + std::string(80, 'a') + ".example";
  for (const std::string& host : {std::string("\xff\xfe.example"), long_label}) {
    const auto refused = ascii_host(host);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == gantry::errc::invalid_reference);
  }
}
