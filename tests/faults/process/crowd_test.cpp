// Several processes on one store that are killed when it suits nobody.

#include "faults/process/scene.hpp"
#include "integration/family.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/store_check.hpp"

#include <chrono>
#include <csignal>
#include <memory>
#include <random>
#include <thread>

namespace gantry::test {

using namespace std::chrono_literals;

TEST_CASE("processes that pull overlapping images and clean up and are killed leave a whole store", "[crowd]") {
  family f;
  workplace place;
  std::mt19937 random(4711);
  const auto pick = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
  const auto end = std::chrono::steady_clock::now() + (in_full() ? 600s : 60s);
  fault_count counts;
  unsigned rounds = 0;
  const auto check_store = [&] {
    ++counts.checks;
    REQUIRE(store_problems(place.store(), true) == "");
  };
  for (; std::chrono::steady_clock::now() < end; ++rounds) {
    f.line.limit(rounds % 2 == 0 ? 20'000'000 : 0);
    std::vector<std::unique_ptr<child>> running;
    const auto start = [&](const std::vector<std::string>& words) {
      running.push_back(std::make_unique<child>(place.gantry(words), f.directory / "log"));
    };
    for (int i = 0; i < family::members; ++i) start({"pull", "--store-only", "--no-sync", f.name(i)});
    // Over what an earlier round has left under that name, whole or not.
    start({"pull", "-o", "image.tar", f.name(pick(family::members))});
    start({"clean", "--all", "--force"});
    start({"clean", "--max-size", "10M"});
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + pick(400)));
    for (int i = 0; i < 2; ++i) running[static_cast<std::size_t>(pick(6))]->signal(SIGKILL);
    start({"clean"});
    for (const auto& one : running) {
      const auto ended = one->wait(120s);
      REQUIRE(ended);
      INFO(slurp(f.directory / "log"));
      CHECK((ended->ok() || ended->signal == SIGKILL));
      if (ended->signal == SIGKILL) ++counts.injected;
    }
    check_store();
  }
  f.line.limit(0);
  for (int i = 0; i < family::members; ++i) REQUIRE(place.run({"pull", "--store-only", f.name(i)}).ok());
  check_store();
  f.line.forget();
  for (int i = 0; i < family::members; ++i) REQUIRE(place.run({"pull", "--store-only", f.name(i)}).ok());
  CHECK(f.line.bytes_down() < 100'000);
  // Nothing of the dead is in the way of the living.
  ++counts.checks;
  CHECK(place.problems_after_clean() == "");
  report("a crowd with " + std::to_string(rounds) + " rounds of seven processes", counts);
}

}  // namespace gantry::test
