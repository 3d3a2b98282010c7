#include "progress/terminal.hpp"

#include "support/catch.hpp"

#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

using gantry::app::live_block;

namespace {

// What a live_block writes into a pipe.
class capture {
 public:
  capture() {
    REQUIRE(::pipe(ends_) == 0);
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~capture() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  int descriptor() const { return ends_[1]; }
  std::string read() {
    char buffer[4096];
    const ssize_t count = ::read(ends_[0], buffer, sizeof buffer);
    return count <= 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(count));
  }

 private:
  int ends_[2] = {-1, -1};
};

}  // namespace

TEST_CASE("a frame overwrites the one before it and erases what is left over") {
  CHECK(live_block::frame_bytes({"a", "b"}, {}, 80) == "\ra\x1b[K\nb\x1b[K\n");
  CHECK(live_block::frame_bytes({"a"}, {10, 10}, 80) == "\r\x1b[2Aa\x1b[K\n\x1b[J");
}

TEST_CASE("a terminal that became narrower has wrapped the old lines") {
  CHECK(live_block::frame_bytes({"a"}, {79, 79}, 40) == "\r\x1b[4Aa\x1b[K\n\x1b[J");
  CHECK(live_block::frame_bytes({"a"}, {0}, 40) == "\r\x1b[1Aa\x1b[K\n\x1b[J");
}

TEST_CASE("the cursor is hidden by the first frame and shown again however the block ends") {
  capture out;
  {
    live_block block(out.descriptor());
    block.show({"a"}, 80);
    CHECK(out.read().starts_with("\x1b[?25l"));
    block.show({"b"}, 80);
    CHECK(out.read().find("\x1b[?25l") == std::string::npos);
    block.clear("done\n");
    CHECK(out.read() == "\r\x1b[1A\x1b[Jdone\n\x1b[?25h");
    block.clear();
    CHECK(out.read().empty());
    block.show({"c"}, 80);
    out.read();
  }
  CHECK(out.read() == "\x1b[?25h");
}

TEST_CASE("a terminal that knows its columns alone is believed about them") {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(terminal >= 0);
  const auto size = [terminal](unsigned short rows, unsigned short columns) {
    winsize set{};
    set.ws_row = rows;
    set.ws_col = columns;
    REQUIRE(::ioctl(terminal, TIOCSWINSZ, &set) == 0);
    return gantry::app::size_of_terminal(terminal);
  };
  CHECK(size(0, 40).width == 40);
  CHECK(size(0, 40).height == 24);
  CHECK(size(10, 0).width == 80);
  CHECK(size(10, 0).height == 10);
  CHECK(size(50, 132).width == 132);
  CHECK(gantry::app::known_columns(terminal) == 132);
  size(10, 0);
  CHECK(gantry::app::known_columns(terminal) == 0);
  ::close(terminal);
  CHECK(gantry::app::known_columns(capture().descriptor()) == 0);
}
