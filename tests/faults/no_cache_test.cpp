// Pulls that leave out the store, and archives that are written while their blobs arrive.
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/small_disk.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct served {
  served() {
    // Layer 3 repeats layer 2: duplicates are legal.
    std::vector<layer_bytes> layers;
    for (const std::size_t size : {20'000, 9'000'000, 300'000}) layers.push_back(random_layer(size, static_cast<std::uint32_t>(size)));
    layers.push_back(layers.back());
    layers.push_back(random_layer(5'000'000, 5));
    image = build_image({}, std::move(layers));
    registry.hold("team/app", "1.0", image);
    pulls.settings.jobs = 4;
  }

  pull_options in_place() const {
    pull_options options;
    options.output = archive_file{pulls.archive()};
    options.no_cache = true;
    return options;
  }
  pull_report pull(pull_options options) { return pulls.pull_with(std::move(options)); }

  /// The archive that a pull through the store makes.
  std::string expected() {
    std::string bytes = pulls.take_archive();
    registry.forget_requests();
    return bytes;
  }
  /// The same command when nothing goes wrong any more.
  void heals(const std::string& wanted) {
    registry.heal();
    const pull_report again = pull(in_place());
    INFO("the rerun: " << again.text.message());
    CHECK_FALSE(again.ec);
    CHECK(slurp(pulls.archive()) == wanted);
    CHECK(files() == 1);
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(pulls.directory()), fs::directory_iterator()));
  }
  const test_blob& large() const { return image.layers[1]; }

  fake_registry registry;
  test_image image;
  puller pulls{registry};
};

/// A descriptor for reading and one for writing; closes what is open.
struct pipe_pair {
  pipe_pair() { REQUIRE(::pipe2(ends, O_CLOEXEC) == 0); }
  ~pipe_pair() {
    for (const int end : ends) {
      if (end >= 0) ::close(end);
    }
  }
  void close(int which) {
    ::close(ends[which]);
    ends[which] = -1;
  }
  int ends[2] = {-1, -1};
};

/// Reads a pipe to its end on a thread of its own.
class collector {
 public:
  explicit collector(pipe_pair& from)
      : thread_([this, fd = from.ends[0]] {
          std::string block(65536, '\0');
          for (ssize_t got = 0; (got = ::read(fd, block.data(), block.size())) > 0;)
            bytes_.append(block.data(), static_cast<std::size_t>(got));
        }) {}
  std::string finish(pipe_pair& from) {
    from.close(1);
    thread_.join();
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("without the store an archive has the same bytes, and nothing else is left", "[faults]") {
  served s;
  const std::string wanted = s.expected();
  const pull_report report = s.pull(s.in_place());
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(slurp(s.pulls.archive()) == wanted);
  CHECK(s.files() == 1);
  CHECK(report.result.archive_size == wanted.size());
  CHECK(s.registry.body_sent(s.large().digest) >= s.large().bytes.size());
}

TEST_CASE("an archive that was broken off is resumed in place", "[faults]") {
  served s;
  const std::string wanted = s.expected();
  s.pulls.settings.jobs = 1;
  s.pulls.settings.budget = 300ms;
  s.registry.inject(s.large().digest, truncate_after(6'000'000), 1, 1);
  s.registry.inject(s.large().digest, no_answer(), 2, 0);
  s.pulls.settings.timeouts.header = 200ms;
  const pull_report broken = s.pull(s.in_place());
  CHECK(broken.ec);
  CHECK_FALSE(fs::exists(s.pulls.archive()));
  CHECK(s.files() == 2);  // the part and its journal
  s.registry.heal();
  s.registry.forget_requests();
  s.pulls.settings.budget = 20s;
  s.pulls.settings.timeouts.header = 2s;
  const pull_report again = s.pull(s.in_place());
  INFO(again.text.message());
  REQUIRE_FALSE(again.ec);
  CHECK(again.result.bytes_resumed >= 5'000'000);
  CHECK(s.registry.body_sent(s.large().digest) <= s.large().bytes.size() - 5'000'000);
  CHECK(slurp(s.pulls.archive()) == wanted);
  CHECK(s.files() == 1);

  // The third has nothing to resume, and the name is free.
  const pull_report third = s.pull(s.in_place());
  CHECK_FALSE(third.ec);
  CHECK(third.result.bytes_resumed == 0);
}

TEST_CASE("a layer with wrong bytes is fetched once more in place, and twice wrong is an error", "[faults]") {
  served s;
  const std::string wanted = s.expected();
  const bool twice = GENERATE(false, true);
  s.pulls.settings.jobs = 1;
  s.registry.inject(s.large().digest, wrong_byte_at(100), 1, twice ? 0 : 1);
  const pull_report report = s.pull(s.in_place());
  INFO(report.text.message());
  CHECK(report.count<warning>() >= 1);
  if (twice) {
    CHECK(report.ec == make_error_condition(condition::integrity));
    CHECK(s.files() == 0);  // neither part nor journal
  } else {
    REQUIRE_FALSE(report.ec);
    CHECK(slurp(s.pulls.archive()) == wanted);
    CHECK(s.files() == 1);
  }
  s.heals(wanted);
}

TEST_CASE("wrong bytes of a run that was broken off cost one more fetch where a file system makes no holes", "[faults]") {
  const small_disk disk("64m", "ramfs");
  if (!disk.usable()) {
    WARN("skipped: no file system can be mounted here");
    return;
  }
  served s;
  const std::string wanted = s.expected();
  test_blob wrong = s.large();
  wrong.bytes[3'000'000] ^= 1;
  s.registry.hold_blob(wrong);
  s.registry.inject(wrong.digest, truncate_after(6'000'000), 1, 1);
  s.registry.inject(wrong.digest, no_answer(), 2, 0);
  s.pulls.settings.jobs = 1;
  s.pulls.settings.budget = 300ms;
  s.pulls.settings.timeouts.header = 200ms;
  pull_options to_disk = s.in_place();
  to_disk.output = archive_file{disk.path() / "image.tar"};
  CHECK(s.pull(to_disk).ec);
  CHECK_FALSE(fs::is_empty(disk.path()));

  s.registry.heal();
  s.registry.hold_blob(s.large());
  s.registry.forget_requests();
  s.pulls.settings.budget = 20s;
  s.pulls.settings.timeouts.header = 2s;
  const pull_report again = s.pull(to_disk);
  INFO(again.text.message());
  REQUIRE_FALSE(again.ec);
  CHECK(again.count<warning>() == 1);  // that it is fetched once more
  CHECK(s.registry.body_sent(s.large().digest) >= s.large().bytes.size());
  CHECK(slurp(disk.path() / "image.tar") == wanted);
  CHECK(std::distance(fs::directory_iterator(disk.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("without the store a stream and a compressed file have the same bytes as with it", "[faults]") {
  served s;
  pull_options gzip;
  gzip.output = archive_file{s.pulls.archive(), archive_format::docker, true};
  REQUIRE_FALSE(s.pull(gzip).ec);
  const std::string wanted_gzip = slurp(s.pulls.archive());
  const std::string wanted = s.expected();

  gzip.no_cache = true;
  const pull_report compressed = s.pull(gzip);
  INFO(compressed.text.message());
  REQUIRE_FALSE(compressed.ec);
  CHECK(slurp(s.pulls.archive()) == wanted_gzip);
  CHECK(s.files() == 1);
  fs::remove(s.pulls.archive());

  for (const bool cached : {false, true}) {
    pipe_pair pipe;
    collector reader(pipe);
    pull_options options;
    options.output = archive_stream{pipe.ends[1]};
    options.no_cache = !cached;
    const pull_report report = s.pull(options);
    INFO(report.text.message());
    CHECK_FALSE(report.ec);
    CHECK(reader.finish(pipe) == wanted);
    CHECK(s.files() == (cached ? 1u : 0u));
  }
}

TEST_CASE("a stream gives what has arrived while the rest is on its way", "[faults]") {
  served s;
  const bool cached = GENERATE(false, true);
  s.pulls.settings.jobs = 2;
  s.pulls.settings.timeouts.idle = 10min;
  // The last layer stalls until the first ones were seen at the other end.
  s.registry.inject(s.image.layers[4].digest, stall_after(1000), 1, 0);
  pipe_pair pipe;
  pull_options options;
  options.output = archive_stream{pipe.ends[1]};
  options.no_cache = !cached;
  std::atomic<std::uint64_t> seen = 0;
  std::thread reader([&] {
    std::string block(65536, '\0');
    for (ssize_t got = 0; (got = ::read(pipe.ends[0], block.data(), block.size())) > 0;) {
      seen += static_cast<std::uint64_t>(got);
    }
  });
  boost::asio::io_context context;
  std::optional<error_code> ended;
  {
    engine one(context.get_executor(), s.pulls.settings);
    boost::asio::cancellation_signal stop;
    error_code ec;
    options.platforms = {platform::parse("linux/amd64", ec)};
    one.async_pull(reference::parse(s.registry.host() + "/team/app:1.0", ec), options,
                   boost::asio::bind_cancellation_slot(stop.slot(), [&](error_code failed, pull_result) { ended = failed; }));
    const auto start = std::chrono::steady_clock::now();
    while (seen < 9'300'000 && std::chrono::steady_clock::now() - start < 60s) context.run_one_for(100ms);
    CHECK(seen >= 9'300'000);
    CHECK_FALSE(ended);
    stop.emit(boost::asio::cancellation_type::terminal);
    while (!ended && std::chrono::steady_clock::now() - start < 90s) context.run_one_for(100ms);
    one.async_shutdown([](error_code) {});
    context.restart();
    context.run_for(10s);
  }
  REQUIRE(ended);
  CHECK(*ended == make_error_condition(condition::cancelled));
  pipe.close(1);
  reader.join();
}

TEST_CASE("a reader that goes away stops the pull and is the reason given", "[faults]") {
  served s;
  const bool cached = GENERATE(false, true);
  pipe_pair pipe;
  pipe.close(0);
  pull_options options;
  options.output = archive_stream{pipe.ends[1]};
  options.no_cache = !cached;
  const pull_report report = s.pull(options);
  CHECK(report.ec);
  CHECK_FALSE(report.ec == make_error_condition(condition::cancelled));
  CHECK(report.text.message().find("descriptor") != std::string::npos);
}

TEST_CASE("a reader that leaves while a layer is on its way is noticed before that has come", "[faults]") {
  served s;
  const bool cached = GENERATE(false, true);
  const auto format = GENERATE(archive_format::docker, archive_format::synology);
  CAPTURE(cached, static_cast<int>(format));
  // Longer than the test may take: only the reader's leaving can end it.
  s.pulls.settings.timeouts.idle = 10min;
  s.pulls.settings.budget = 20min;
  s.registry.inject(s.large().digest, stall_after(1000), 1, 0);
  pipe_pair pipe;
  pull_options options;
  options.output = archive_stream{pipe.ends[1], format};
  options.no_cache = !cached;
  std::thread reader([&] {
    std::string block(10'000, '\0');
    // A synology archive begins when everything is here.
    std::size_t got = 0;
    while (format == archive_format::docker && got < block.size()) {
      got += static_cast<std::size_t>(std::max<ssize_t>(0, ::read(pipe.ends[0], block.data(), block.size() - got)));
    }
    while (s.registry.requests(s.large().digest).empty()) std::this_thread::sleep_for(10ms);
    pipe.close(0);
  });
  const pull_report report = s.pull(options);
  reader.join();
  INFO(report.text.message());
  CHECK(report.ec == errc::storage_error);
  const std::string taken = format == archive_format::docker ? "10000" : "0";
  CHECK(report.text.message().find("its reader went away after taking " + taken + " bytes") != std::string::npos);
  CHECK(s.pulls.leftovers(true) == "");
}

TEST_CASE("a registry that fails in the middle of a stream is the reason given, and the stream ends inside an entry", "[faults]") {
  served s;
  const bool cached = GENERATE(false, true);
  s.registry.inject(s.image.layers[4].digest, answer_with(404), 1, 0);
  const std::string wanted = [&] {
    fake_registry good;
    good.hold("team/app", "1.0", s.image);
    puller other(good);
    pull_options options;
    options.output = archive_file{other.archive()};
    REQUIRE_FALSE(other.pull_with(std::move(options)).ec);
    return slurp(other.archive());
  }();
  pipe_pair pipe;
  collector reader(pipe);
  pull_options options;
  options.output = archive_stream{pipe.ends[1]};
  options.no_cache = !cached;
  const pull_report report = s.pull(options);
  CHECK(report.ec == make_error_condition(condition::not_found));
  const std::string got = reader.finish(pipe);
  CHECK(got.size() < wanted.size());
  const auto at = [](const std::string& text, std::size_t offset) { return std::stoull(text.substr(offset + 124, 11), nullptr, 8); };
  // Walks the entries. Either nothing came at all, or the last header announces more than there is, or was cut itself.
  std::size_t offset = 0;
  while (offset + 512 <= got.size()) offset += 512 + (at(got, offset) + 511) / 512 * 512;
  const bool whole_entries = offset == got.size() && !got.empty();
  CHECK_FALSE(whole_entries);
  s.registry.heal();
  REQUIRE_FALSE(s.pulls.pull_to_archive().ec);
  CHECK(s.pulls.leftovers() == "");
}

TEST_CASE("an engine that goes away in the middle of a stream stops its writer", "[faults]") {
  served s;
  const bool cached = GENERATE(false, true);
  s.pulls.settings.timeouts.idle = 10min;
  s.registry.inject(s.large().digest, stall_after(1000), 1, 0);
  pipe_pair pipe;
  collector reader(pipe);
  pull_options options;
  options.output = archive_stream{pipe.ends[1]};
  options.no_cache = !cached;
  error_code ec;
  options.platforms = {platform::parse("linux/amd64", ec)};
  std::optional<error_code> ended;
  const auto start = std::chrono::steady_clock::now();
  {
    engine one(s.pulls.settings);
    one.async_pull(reference::parse(s.registry.host() + "/team/app:1.0", ec), options,
                   [&](error_code failed, pull_result) { ended = failed; });
    std::this_thread::sleep_for(1s);
  }
  CHECK(std::chrono::steady_clock::now() - start < 60s);
  REQUIRE(ended);
  CHECK(*ended == make_error_condition(condition::cancelled));
  reader.finish(pipe);
}

TEST_CASE("without the store and without an archive there is nothing to do", "[faults]") {
  served s;
  pull_options nowhere;
  nowhere.no_cache = true;
  const pull_report refused = s.pull(nowhere);
  CHECK(refused.ec == make_error_condition(condition::usage));
  CHECK(s.files() == 0);
}
