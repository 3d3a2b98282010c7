#pragma once

#include "support/fake_registry.hpp"
#include "support/temp_dir.hpp"

#include <gantry/engine.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace gantry::test {

/// What a pull ended with and what it said on the way.
struct pull_report {
  error_code ec;
  diagnostics text;
  pull_result result;
  std::vector<event> events;
  std::chrono::milliseconds took{};

  template <class Kind>
  std::size_t count() const {
    std::size_t n = 0;
    for (const event& e : events) n += std::holds_alternative<Kind>(e) ? 1 : 0;
    return n;
  }
};

/// The warnings, one a line.
std::string warnings(const pull_report& report);

/// Pulls from a fake registry through the public interface, into a store of its own, with delays that suit a test.
class puller {
 public:
  explicit puller(const fake_registry& registry);

  engine_options settings;

  /// One pull with an engine of its own. \p watch sees each event as it comes.
  pull_report pull(const std::string& image = "team/app:1.0", const std::function<void(const event&)>& watch = {});
  /// The same into an archive; \ref archive names it.
  pull_report pull_to_archive(const std::string& image = "team/app:1.0");

  /// The bytes of that archive, of which nothing stays, nor in the store.
  std::string take_archive(const std::string& image = "team/app:1.0");

  /// A pull with options of the caller's.
  pull_report pull_with(pull_options options, const std::string& image = "team/app:1.0",
                        const std::function<void(const event&)>& watch = {}) {
    return run(image, std::move(options), watch);
  }

  std::filesystem::path directory() const { return directory_.path(); }
  std::filesystem::path archive() const { return directory_ / "image.tar"; }
  std::filesystem::path store() const { return directory_ / "store"; }

  /// What is wrong with store and directory after a pull that ended well: blobs that do not hash to their names, parts left behind, files
  /// besides store and archive. Empty when all is well. \param parts_allowed after a pull that failed, ingest/ may hold what is resumed
  std::string leftovers(bool parts_allowed = false) const;

 private:
  pull_report run(const std::string& image, pull_options options, const std::function<void(const event&)>& watch);

  std::string host_;
  temp_dir directory_;
};

/// The default image of these tests: one small layer, one of three MB.
test_image app_image();

}  // namespace gantry::test
