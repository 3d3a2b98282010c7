#include "base/base64.hpp"

#include "support/catch.hpp"

#include <string>

using gantry::base64_decode;
using gantry::base64_encode;

TEST_CASE("base64 decodes the examples of RFC 4648") {
  CHECK(base64_decode("") == "");
  CHECK(base64_decode("Zg==") == "f");
  CHECK(base64_decode("Zm8=") == "fo");
  CHECK(base64_decode("Zm9v") == "foo");
  CHECK(base64_decode("Zm9vYmFy") == "foobar");
}

TEST_CASE("base64 encodes what it decodes") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes.push_back(static_cast<char>(i * 7));
    CHECK(base64_decode(base64_encode(bytes)) == bytes);
  }
}

TEST_CASE("base64 refuses what is not strictly standard") {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zg==Zg==", "Zm9 v", "Zm9v\n", "Zm-_", "=Zm9", "Zh==", "Zm9="}) {
    CAPTURE(text);
    CHECK_FALSE(base64_decode(text).has_value());
  }
}
