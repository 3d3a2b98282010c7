// The real program while time does what it likes: it is stopped and goes on, its disk is slow, the clock on the wall jumps.

#include "faults/process/scene.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <chrono>
#include <csignal>
#include <thread>

namespace gantry::test {
namespace {

using namespace std::chrono_literals;

/// Waits until the registry was asked for something with \p part in its target.
void until_asked(const fake_registry& registry, const std::string& part) {
  for (int i = 0; i < 6000 && registry.count(part) == 0; ++i) std::this_thread::sleep_for(10ms);
  REQUIRE(registry.count(part) != 0);
}

}  // namespace

TEST_CASE("a pull that is stopped in the middle and goes on completes") {
  scene s;
  const unsigned rounds = in_full() ? 6 : 2;
  for (unsigned round = 0; round < rounds; ++round) {
    // The registry goes on meanwhile; in every second round it hangs up before the program can look.
    s.registry.heal();
    s.registry.forget_requests();
    s.registry.inject(s.image.layers[1].digest, round % 2 == 0 ? drip_of(30'000, 20ms) : truncate_after(700'000));
    const workplace place;
    child pull(place.gantry(s.pull({"-o", "image.tar", "--timeout", "5m"})), place / "log");
    until_asked(s.registry, "/blobs/" + s.image.layers[1].digest);
    unsigned stops = 0;
    for (; stops < 3 && pull.running(); ++stops) {
      pull.signal(SIGSTOP);
      std::this_thread::sleep_for(500ms);
      pull.signal(SIGCONT);
      std::this_thread::sleep_for(20ms);
    }
    const auto ended = pull.wait(2min);
    INFO(slurp(place / "log"));
    REQUIRE(ended);
    CHECK(ended->ok());
    s.counts.injected += stops;
    if (ended->ok()) s.counts.endured += stops;
    // A pause costs at most what was on its way.
    CHECK(s.registry.body_sent(s.image.layers[1].digest) < 2 * s.image.layers[1].bytes.size());
    s.registry.heal();
    s.check_after(place, s.pull({"-o", "image.tar"}), "image.tar");
  }
  CHECK(s.counts.injected != 0);
  report("stopped and continued", s.counts);
}

TEST_CASE("on a slow disk a pull takes its time and nothing else") {
  scene s;
  const workplace place;
  const temp_dir aside;
  // Long enough for a line that is silent so long to be given up; a sample is slow where what arrives is written.
  const std::string below = in_full() ? place.path().string() : (place.store() / "ingest").string();
  const auto slowly = preloaded(place, {{"GANTRY_FAULT_HOW", "SLOW"},
                                        {"GANTRY_FAULT_AT", "1"},
                                        {"GANTRY_FAULT_COUNT", "0"},
                                        {"GANTRY_FAULT_DELAY", "400"},
                                        {"GANTRY_FAULT_LOG", (aside / "log").string()},
                                        {"GANTRY_FAULT_BELOW", below}});
  const outcome slow = place.run(s.pull({"-o", "image.tar"}), slowly);
  INFO(slow.err);
  CHECK(slow.ok());
  CHECK(slurp(aside / "log").find(" <- SLOW\n") != std::string::npos);
  ++s.counts.injected;
  if (slow.ok()) ++s.counts.endured;
  // Waiting for the disk is not taken for a silent registry: nothing is asked for twice.
  for (const test_blob& layer : s.image.layers) CHECK(s.registry.body_sent("/blobs/" + layer.digest) == layer.bytes.size());
  s.check_after(place, s.pull({"-o", "image.tar"}), "image.tar");
  report("slow disk", s.counts);
}

TEST_CASE("a clock on the wall that jumps to and fro disturbs no pull") {
  fake_registry_options options;
  options.auth = fake_auth::bearer;
  options.redirect_blobs = true;
  scene s(options);
  // Tokens and addresses have an end that is told in wall time, and so have waits.
  s.registry.inject("/blobs/", too_many_requests("1"), 2);
  const workplace place;
  const auto jumping = preloaded(place, {{"GANTRY_FAULT_CLOCK", "172800"}});
  const auto run_jumping = [&](const std::vector<std::string>& words) {
    const outcome done = place.run(words, jumping);
    ++s.counts.injected;
    if (done.ok()) ++s.counts.endured;
    return done;
  };
  const outcome pulled = run_jumping(s.pull({"-o", "image.tar"}));
  INFO(pulled.err);
  CHECK(pulled.ok());
  for (const test_blob& layer : s.image.layers) CHECK(s.registry.body_sent("/blobs/" + layer.digest) <= 2 * layer.bytes.size());
  // What is held by a name is kept whatever the clock says about its age.
  const outcome cleaned = run_jumping({"clean"});
  INFO(cleaned.err);
  CHECK(cleaned.ok());
  s.check_after(place, s.pull({"-o", "image.tar"}), "image.tar");
  report("jumping clock", s.counts);
}

}  // namespace gantry::test
