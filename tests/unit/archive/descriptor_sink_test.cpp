#include "archive/descriptor_sink.hpp"

#include "archive_fixture.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <climits>
#include <csignal>
#include <string>
#include <thread>

using namespace gantry;
using namespace gantry::archive;

namespace {

struct ends {
  int read_end = -1;
  int write_end = -1;
};

ends make_pipe() {
  std::array<int, 2> fds{};
  REQUIRE(::pipe2(fds.data(), O_CLOEXEC) == 0);
  return {fds[0], fds[1]};
}

ends make_socket() {
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
  return {fds[0], fds[1]};
}

std::string read_all(int descriptor) {
  std::string all;
  std::string part(100'000, '\0');
  for (;;) {
    const ssize_t count = ::read(descriptor, part.data(), part.size());
    if (count <= 0) return all;
    all.append(part.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

TEST_CASE("a pipe, a socket and a file receive bytes and blobs in order") {
  const gantry::test::temp_dir dir;
  const std::atomic<bool> stop{false};
  const std::string content = fixture::noise(1'500'000, 2);
  for (const bool in_files : {false, true}) {
    fixture::memory_blobs blobs;
    if (in_files) blobs.keep_in_files(dir / "blobs");
    const auto reader = blobs.open(blobs.put(content, ""));
    for (const bool pipe : {true, false}) {
      CAPTURE(in_files, pipe);
      const ends both = pipe ? make_pipe() : make_socket();
      std::string got;
      std::thread receiver([&] { got = read_all(both.read_end); });
      descriptor_sink sink(both.write_end, "standard output", stop);
      const bool ok = sink.write(std::as_bytes(std::span("head", 4))).has_value() &&
                      sink.copy(**reader, 0, content.size(), content_kind::compressed, {}).has_value() &&
                      sink.write(std::as_bytes(std::span(content.data(), 100'000))).has_value() && sink.finish().has_value();
      CHECK((::fcntl(both.write_end, F_GETFL) & O_NONBLOCK) == 0);
      ::close(both.write_end);
      receiver.join();
      ::close(both.read_end);
      REQUIRE(ok);
      CHECK(sink.written() == content.size() + 100'004);
      CHECK(got == "head" + content + content.substr(0, 100'000));
    }
    const int file = ::open((dir / "file").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    descriptor_sink sink(file, "standard output", stop);
    REQUIRE(sink.copy(**reader, 0, content.size(), content_kind::compressed, {}).has_value());
    REQUIRE(sink.finish().has_value());
    ::close(file);
    CHECK(gantry::test::slurp(dir / "file") == content);
  }
}

TEST_CASE("every byte of a blob that goes into a pipe is seen, also where the kernel moves it") {
  const gantry::test::temp_dir dir;
  const std::atomic<bool> stop{false};
  const std::string content = fixture::noise(1'500'000, 2);
  fixture::memory_blobs blobs;
  blobs.keep_in_files(dir / "blobs");
  const auto reader = blobs.open(blobs.put(content, ""));
  const ends both = make_pipe();
  std::string got;
  std::thread receiver([&] { got = read_all(both.read_end); });
  std::string seen;
  descriptor_sink sink(both.write_end, "standard output", stop);
  const byte_observer observe = [&](std::span<const std::byte> part) {
    seen.append(reinterpret_cast<const char*>(part.data()), part.size());
  };
  const bool ok = sink.copy(**reader, 0, content.size(), content_kind::compressed, observe).has_value() && sink.finish().has_value();
  ::close(both.write_end);
  receiver.join();
  ::close(both.read_end);
  CHECK(ok);
  CHECK(seen == content);
  CHECK(got == content);
}

TEST_CASE("a non-blocking pipe of somebody else is waited for") {
  const ends both = make_pipe();
  REQUIRE(::fcntl(both.write_end, F_SETFL, O_NONBLOCK) == 0);
  const std::string content = fixture::noise(500'000, 3);
  std::string got;
  std::thread receiver([&] { got = read_all(both.read_end); });
  const std::atomic<bool> stop{false};
  descriptor_sink sink(both.write_end, "standard output", stop);
  const bool ok = sink.write(std::as_bytes(std::span(content))).has_value() && sink.finish().has_value();
  ::close(both.write_end);
  receiver.join();
  ::close(both.read_end);
  CHECK(ok);
  CHECK(got == content);
}

TEST_CASE("a reader that goes away is a failure that counts what it took, and raises no signal") {
  const gantry::test::temp_dir dir;
  std::signal(SIGPIPE, SIG_DFL);  // a raised signal would end the test
  const std::atomic<bool> stop{false};
  for (const bool in_files : {false, true}) {
    for (const bool pipe : {true, false}) {
      CAPTURE(in_files, pipe);
      fixture::memory_blobs blobs;
      if (in_files) blobs.keep_in_files(dir / "blobs");
      const descriptor blob = blobs.put(fixture::noise(2'000'000, 2), "");
      const auto reader = blobs.open(blob);
      const ends both = pipe ? make_pipe() : make_socket();
      std::thread receiver([&] {
        std::string part(10'000, '\0');
        std::size_t count = 0;
        while (count < part.size()) count += static_cast<std::size_t>(::read(both.read_end, part.data(), part.size() - count));
        ::close(both.read_end);
      });
      descriptor_sink sink(both.write_end, "standard output", stop);
      const result<void> copied = sink.copy(**reader, 0, blob.size, content_kind::compressed, {});
      receiver.join();
      ::close(both.write_end);
      REQUIRE(copied.has_error());
      CHECK(copied.error().code == errc::storage_error);
      CHECK(copied.error().text.message().find("standard output: its reader went away") != std::string::npos);
      if (pipe) CHECK(copied.error().text.message().find("after taking 10000 bytes") != std::string::npos);
      sigset_t pending;
      sigpending(&pending);
      CHECK(sigismember(&pending, SIGPIPE) == 0);
      sigset_t mask;
      pthread_sigmask(SIG_SETMASK, nullptr, &mask);
      CHECK(sigismember(&mask, SIGPIPE) == 0);
    }
  }
}

TEST_CASE("what breaks off between two calls lacks a byte of the first, however it was written") {
  const gantry::test::temp_dir dir;
  for (const bool in_files : {false, true}) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{512}, std::size_t{PIPE_BUF}, std::size_t{50'000}}) {
      CAPTURE(in_files, size);
      fixture::memory_blobs blobs;
      if (in_files) blobs.keep_in_files(dir / "blobs");
      const std::string content = fixture::noise(size, 7);
      const auto reader = blobs.open(blobs.put(content, ""));
      const ends both = make_pipe();
      std::atomic<bool> stop{false};
      descriptor_sink sink(both.write_end, "standard output", stop);
      const std::string head(512, 'h');
      REQUIRE(sink.write(std::as_bytes(std::span(head))).has_value());
      REQUIRE(sink.copy(**reader, 0, size, content_kind::compressed, {}).has_value());
      CHECK(sink.written() == head.size() + size - 1);
      // A stop that comes now keeps the next header out.
      stop = true;
      CHECK(sink.write(std::as_bytes(std::span(head))).has_error());
      ::close(both.write_end);
      CHECK(read_all(both.read_end) == head + content.substr(0, size - 1));
      ::close(both.read_end);
    }
  }
}

TEST_CASE("an output that breaks off ends with what it is told, even after a stop") {
  const ends both = make_pipe();
  std::atomic<bool> stop{false};
  descriptor_sink sink(both.write_end, "standard output", stop);
  REQUIRE(sink.write(std::as_bytes(std::span("whole entry", 11))).has_value());
  stop = true;
  CHECK(sink.write(std::as_bytes(std::span("more", 4))).has_error());
  sink.break_off(std::as_bytes(std::span("next header", 11)));
  ::close(both.write_end);
  CHECK(read_all(both.read_end) == "whole entrynext header");
  ::close(both.read_end);
}

TEST_CASE("a reader that has left is seen without writing") {
  for (const bool pipe : {true, false}) {
    CAPTURE(pipe);
    const ends both = pipe ? make_pipe() : make_socket();
    const std::atomic<bool> stop{false};
    descriptor_sink sink(both.write_end, "standard output", stop);
    REQUIRE(sink.write(std::as_bytes(std::span("head", 4))).has_value());
    CHECK_FALSE(reader_is_gone(both.write_end));
    CHECK_FALSE(sink.lost());
    ::close(both.read_end);
    CHECK(reader_is_gone(both.write_end));
    const auto why = sink.lost();
    REQUIRE(why);
    CHECK(why->text.message().find("its reader went away after taking ") != std::string::npos);
    ::close(both.write_end);
  }
  CHECK_FALSE(reader_is_gone(-1));
}

TEST_CASE("a stop ends the wait for a reader that does not read") {
  const gantry::test::temp_dir dir;
  for (const bool in_files : {false, true}) {
    CAPTURE(in_files);
    fixture::memory_blobs blobs;
    if (in_files) blobs.keep_in_files(dir / "blobs");
    const descriptor blob = blobs.put(fixture::noise(2'000'000, 2), "");
    const auto reader = blobs.open(blob);
    const ends both = make_pipe();
    std::atomic<bool> stop{false};
    std::thread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      stop = true;
    });
    descriptor_sink sink(both.write_end, "standard output", stop);
    const result<void> copied = sink.copy(**reader, 0, blob.size, content_kind::compressed, {});
    stopper.join();
    ::close(both.read_end);
    ::close(both.write_end);
    REQUIRE(copied.has_error());
    CHECK(copied.error().code == errc::cancelled);
  }
}

TEST_CASE("a descriptor that is not open fails with a message") {
  const std::atomic<bool> stop{false};
  descriptor_sink sink(-1, "standard output", stop);
  const result<void> written = sink.write(std::as_bytes(std::span("xy", 2)));
  REQUIRE(written.has_error());
  CHECK(written.error().text.message() == "cannot write the archive to standard output: it is closed, or not open for writing");
}
