#include "integration/slow_line.hpp"

#include <algorithm>
#include <string>
#include <thread>

using namespace gantry::test;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

using served = slow_line;

std::uint64_t bytes_in(const fs::path& directory) {
  std::uint64_t sum = 0;
  for (const auto& entry : fs::directory_iterator(directory)) sum += entry.file_size();
  return sum;
}

/// \param jobs connections of the pull that was interrupted
void check_resumed(served& s, const outcome& again, std::uint64_t fetched_before, std::uint64_t jobs) {
  INFO(again.err);
  REQUIRE(again.status == 0);
  const skopeo_facts facts = ask_skopeo("docker://" + s.registry.host() + "/team/large:1.0", {"--tls-verify=false"});
  CHECK(only_image(again).at("digest").as_string() == facts.digest);
  CHECK(only_image(again).at("image_id").as_string() == facts.config_digest);
  // Leases of processes that were killed stay until somebody cleans up.
  CHECK(s.place.run({"clean"}).status == 0);
  CHECK(store_problems(s.place.store()) == "");
  CHECK(s.place.files() == std::set<std::string>{"large.tar"});
  // All is kept but, for each connection, a piece of 4 MiB and what stood in socket buffers on both sides of the line.
  const std::uint64_t image = bytes_in(s.place.store() / "blobs" / "sha256");
  REQUIRE(image > large_bytes);
  CHECK(s.line.bytes_down() < image - fetched_before + std::min<std::uint64_t>(jobs * 16'000'000, 16'000'000 + (jobs << 22)));
  CHECK(run({{"skopeo", "inspect", "docker-archive:" + (s.place / "large.tar").string()}}).ok());
}

}  // namespace

TEST_CASE("a pull that was killed goes on where it was", "[integration][slow]") {
  const std::string jobs = GENERATE("1", "8");
  served s;
  const std::vector<std::string> words{"pull", "-j", jobs, "--json", "-o", "large.tar", s.image};
  constexpr std::uint64_t before = 150'000'000;
  CHECK(s.interrupt(words, before, SIGKILL).signal == SIGKILL);
  CHECK_FALSE(fs::exists(s.place / "large.tar"));
  CHECK(store_problems(s.place.store(), true) == "");
  s.line.forget();
  check_resumed(s, s.place.run(words), before, std::stoul(jobs));
}

TEST_CASE("a pull that was killed several times still completes", "[integration][slow]") {
  served s;
  const std::vector<std::string> words{"pull", "-j", "4", "--json", "-o", "large.tar", s.image};
  for (int i = 0; i < 4; ++i) {
    s.line.forget();
    CHECK(s.interrupt(words, 40'000'000, SIGKILL).signal == SIGKILL);
    CHECK(store_problems(s.place.store(), true) == "");
  }
  s.line.forget();
  check_resumed(s, s.place.run(words), 100'000'000, 4);
}

TEST_CASE("SIGINT and SIGTERM stop cleanly and keep what was fetched", "[integration][slow]") {
  const int signal = GENERATE(SIGINT, SIGTERM);
  served s;
  const std::vector<std::string> words{"pull", "-j", "4", "--json", "-o", "large.tar", s.image};
  constexpr std::uint64_t before = 150'000'000;
  const outcome stopped = s.interrupt(words, before, signal);
  CHECK(stopped.status == 128 + signal);
  CHECK(s.place.files().empty());
  CHECK(store_problems(s.place.store(), true) == "");
  s.line.forget();
  check_resumed(s, s.place.run(words), before, 4);
}

TEST_CASE("a registry that dies in the middle and comes back costs no restart", "[integration][slow]") {
  served s;
  s.line.limit(80'000'000);
  child pull(s.place.gantry({"pull", "-j", "4", "-o", "large.tar", s.image}), s.directory / "log");
  while (pull.running() && s.line.bytes_down() < 60'000'000) std::this_thread::sleep_for(2ms);
  s.line.cut();
  s.line.limit(0);
  const auto ended = pull.wait(180s);
  INFO(slurp(s.directory / "log"));
  REQUIRE(ended);
  CHECK(ended->status == 0);
  CHECK(s.line.bytes_down() < large_bytes + 30'000'000 + 64'000'000);
  CHECK(store_problems(s.place.store()) == "");
}
