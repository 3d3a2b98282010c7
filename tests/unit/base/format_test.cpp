#include "base/format.hpp"

#include "support/catch.hpp"

#include <limits>

using gantry::format_bytes;
using gantry::format_duration;
using std::chrono::milliseconds;

TEST_CASE("sizes are shown in decimal units") {
  CHECK(format_bytes(0) == "0 B");
  CHECK(format_bytes(999) == "999 B");
  CHECK(format_bytes(1'000) == "1.0 kB");
  CHECK(format_bytes(1'234) == "1.2 kB");
  CHECK(format_bytes(999'949) == "999.9 kB");
  CHECK(format_bytes(999'950) == "1.0 MB");
  CHECK(format_bytes(131'000'000) == "131.0 MB");
  CHECK(format_bytes(4'300'000'000) == "4.3 GB");
  CHECK(format_bytes(std::numeric_limits<std::uint64_t>::max()) == "18.4 EB");
}

TEST_CASE("durations lose detail as they grow") {
  CHECK(format_duration(milliseconds(-5)) == "0 ms");
  CHECK(format_duration(milliseconds(7)) == "7 ms");
  CHECK(format_duration(milliseconds(100)) == "0.1 s");
  CHECK(format_duration(milliseconds(400)) == "0.4 s");
  CHECK(format_duration(milliseconds(9'940)) == "9.9 s");
  CHECK(format_duration(milliseconds(9'960)) == "10 s");
  CHECK(format_duration(milliseconds(12'300)) == "12 s");
  CHECK(format_duration(milliseconds(59'600)) == "1 min 0 s");
  CHECK(format_duration(milliseconds(200'000)) == "3 min 20 s");
  CHECK(format_duration(milliseconds(7'500'000)) == "2 h 5 min");
  CHECK(format_duration(milliseconds(3'599'700)) == "1 h 0 min");
}
