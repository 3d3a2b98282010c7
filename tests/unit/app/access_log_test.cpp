#include "access_log.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

using namespace gantry;
using namespace gantry::app;
using namespace std::chrono_literals;

namespace {

served_request request_for(const std::string& target) {
  served_request request;
  request.client = "127.0.0.1:1";
  request.method = "GET";
  request.target = target;
  request.status = 200;
  return request;
}

std::unique_ptr<access_log> opened(const std::filesystem::path& path) {
  auto log = access_log::open(path.string());
  if (!log) FAIL(log.error().message);
  return std::move(*log);
}

}  // namespace

TEST_CASE("every line is in the access log once it is closed, behind what was there") {
  const test::temp_dir directory;
  test::spill(directory / "log", "before\n");
  const auto log = opened(directory / "log");
  std::string expected = "before\n";
  for (int i = 0; i < 1000; ++i) {
    const served_request request = request_for("/v2/" + std::to_string(i));
    expected += access_line(request);
    CHECK(log->write(request));
  }
  CHECK(log->close() == 0);
  CHECK(test::slurp(directory / "log") == expected);
}

TEST_CASE("an access log that cannot be opened is a problem") {
  const test::temp_dir directory;
  const auto log = access_log::open((directory / "no/log").string());
  REQUIRE_FALSE(log.has_value());
  CHECK(log.error().code == exit_code::storage);
}

TEST_CASE("lines that nobody reads wait up to a bound, and the end does not wait for them") {
  const test::temp_dir directory;
  const std::filesystem::path fifo = directory / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  const auto begun = std::chrono::steady_clock::now();
  {
    const auto log = opened(fifo);
    const served_request request = request_for("/" + std::string(4000, 'x'));
    CHECK(log->write(request));
    bool all = true;
    for (int i = 0; i < 3000; ++i) all = log->write(request) && all;  // 12 MB
    CHECK_FALSE(all);
    const std::uint64_t lost = log->close();
    CHECK(lost > 1000);
    CHECK(lost <= 3001);
    CHECK(log->close() == lost);
  }
  CHECK(std::chrono::steady_clock::now() - begun < 30s);
  ::close(reader);
}

TEST_CASE("lines for a reader that has gone are lost, and counted") {
  const test::temp_dir directory;
  const std::filesystem::path fifo = directory / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  const auto log = opened(fifo);
  ::close(reader);
  log->write(request_for("/"));
  CHECK(log->close() == 1);
}
