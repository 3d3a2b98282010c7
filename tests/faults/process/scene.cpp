#include "faults/process/scene.hpp"

#include "support/catch.hpp"
#include "support/finding.hpp"
#include "support/store_check.hpp"
#include "support/temp_dir.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

namespace gantry::test {
namespace fs = std::filesystem;

scene::scene(fake_registry_options options) : registry(std::move(options)) {
  image_recipe recipe;
  // One above the size from which on there is a journal.
  recipe.layers = {3000, 1'500'000, 40'000};
  image = build_image(recipe);
  registry.hold("team/app", "1.0", image);
  name = registry.host() + "/team/app:1.0";
}

std::vector<std::string> scene::pull(std::vector<std::string> more) const {
  std::vector<std::string> words{"pull", "--plain-http", name, "--platform", "linux/amd64", "--progress", "none"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void scene::check_after(const workplace& place, const std::vector<std::string>& words, const std::string& output) {
  const auto check_store = [&] {
    ++counts.checks;
    // Parts and leases of a process that is no more stay until somebody cleans up.
    CHECK(store_problems(place.store(), true) == "");
  };
  check_store();
  std::optional<std::string> early;
  if (!output.empty() && fs::exists(place / output)) early = slurp(place / output);
  std::set<std::string> held;
  if (fs::exists(place.store() / "blobs/sha256")) {
    for (const fs::directory_entry& entry : fs::directory_iterator(place.store() / "blobs/sha256")) {
      held.insert("sha256:" + entry.path().filename().string());
    }
  }
  registry.forget_requests();
  const outcome again = place.run(words);
  INFO("rerun: exit " << again.status << ", signal " << again.signal << ": " << again.err);
  CHECK(again.ok());
  for (const std::string& digest : held) {
    const bool needless = registry.count("/blobs/" + digest) != 0;
    CHECK(finding(needless ? digest + " is in the store and was fetched by the rerun" : "") == "");
  }
  check_store();
  // An archive is the same bytes each time: what was there before under its name must have been all of it.
  if (early) CHECK(finding(*early == slurp(place / output) ? "" : output + " was not whole") == "");
  registry.forget_requests();
  CHECK(place.run(words).ok());
  CHECK(registry.count("/blobs/") == 0);
  ++counts.checks;
  CHECK(place.problems_after_clean() == "");
}

bool in_full() {
  const char* wanted = std::getenv("GANTRY_FAULTS");
  return wanted != nullptr && std::string(wanted) == "full";
}

void report(const std::string& name, const fault_count& counts) {
  if (const char* file = std::getenv("GANTRY_FAULT_REPORT")) {
    std::ofstream(file, std::ios::app) << fmt::format("{:<53} injected {:>4}  endured {:>4}  checks {:>5}\n", name, counts.injected,
                                                      counts.endured, counts.checks);
  }
}

std::map<std::string, std::optional<std::string>> preloaded(const workplace& place,
                                                            std::map<std::string, std::optional<std::string>> settings) {
  settings["LD_PRELOAD"] = GANTRY_FAULT_SHIM;
  settings.try_emplace("GANTRY_FAULT_BELOW", place.path().string());
  return settings;
}

}  // namespace gantry::test
