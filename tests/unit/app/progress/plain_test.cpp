#include "progress/renderer.hpp"

#include "support/catch.hpp"

#include <array>
#include <string>

#include <unistd.h>

namespace gantry::app {
namespace {

/// What a plain renderer prints.
struct printed {
  printed() { REQUIRE(::pipe(ends.data()) == 0); }
  ~printed() { ::close(ends[0]); }

  std::string text() {
    ::close(ends[1]);
    std::string all;
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = ::read(ends[0], part.data(), part.size())) > 0;) all.append(part.data(), static_cast<std::size_t>(got));
    return all;
  }

  std::array<int, 2> ends{};
};

TEST_CASE("the last status line of a run that went well does not speak of a part") {
  printed seen;
  {
    const auto plain = make_plain_renderer(seen.ends[1]);
    plain->begin("app:1");
    plain->event(archive_progress{30, 6'400'000});
    plain->event(archive_progress{6'400'000, 6'400'000});
    plain->rest();
  }
  const std::string text = seen.text();
  INFO(text);
  CHECK(text.find("writing the archive, 6.4 MB\n") != std::string::npos);
  CHECK(text.find("30 B of") == std::string::npos);
}

}  // namespace
}  // namespace gantry::app
