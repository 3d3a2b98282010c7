// Answers without an end: hints, header fields, documents and blobs.
#include "faults/served.hpp"

#include "support/catch.hpp"
#include "support/sanitizer.hpp"

#include <cstdint>
#include <fstream>
#include <string>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

/// The most memory that this process has held, in KiB, since the start or \ref forget_peak.
std::uint64_t peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6));
  }
  return 0;
}

void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

const char* const manifest = "/manifests/";
const char* const layer = "layer";

/// A pull of which the requests for \p target meet \p trouble, the first or all of them. A registry that writes as fast as loopback carries
/// would fill gigabytes within the time that an answer may take. \returns whether the pull ended well
bool survives(const fault& trouble, const std::string& target, bool always) {
  const unsigned jobs = GENERATE(1U, 4U);
  CAPTURE(target, jobs, always);
  served s;
  s.pulls.settings.jobs = jobs;
  s.pulls.settings.budget = 3s;
  s.registry.inject(target == layer ? s.layer().digest : target, trouble, 1, always ? 0 : 1);
  forget_peak();
  const std::uint64_t before = peak_kib();
  const pull_report report = s.pulls.pull();
  const std::string words = report.text.message();
  INFO(words);
  CHECK(report.took < 60s);
  if (!keeps_freed_memory()) CHECK(peak_kib() < before + 64 * 1024);
  if (report.ec) {
    CHECK(report.ec == make_error_condition(condition::failed));
    CHECK(words.find(s.registry.host()) != std::string::npos);
    CHECK(words.find('\n') == std::string::npos);
  }
  s.pulls.heals(s.registry);
  return !report.ec;
}

}  // namespace

TEST_CASE("hints without end in place of an answer end in a sentence", "[faults]") {
  const std::string target = GENERATE(manifest, layer);
  const bool always = GENERATE(false, true);
  CHECK_FALSE(survives(endless_hints(), target, always));
}

TEST_CASE("a header without end ends in a sentence", "[faults]") {
  const std::string target = GENERATE(manifest, layer);
  const bool always = GENERATE(false, true);
  CHECK_FALSE(survives(endless_header(), target, always));
}

TEST_CASE("a header of which a byte comes now and then is given up in time, and asked for again", "[faults]") {
  const bool always = GENERATE(false, true);
  const std::string target = GENERATE(manifest, layer);
  CHECK(survives(dripping_header(20ms), target, always) == !always);
}

TEST_CASE("a manifest whose chunks never end is too large", "[faults]") {
  const bool always = GENERATE(false, true);
  CHECK_FALSE(survives(endless_body(), manifest, always));
}

TEST_CASE("a blob whose chunks never end is read no further than it is long", "[faults]") {
  // Its bytes are those of the digest.
  const bool always = GENERATE(false, true);
  CHECK(survives(endless_body(), layer, always));
}
