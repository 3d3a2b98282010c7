#pragma once

#include "support/fake_registry.hpp"
#include "support/temp_dir.hpp"

#include <gantry/engine.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
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
  explicit puller(const fake_registry& registry) : puller(registry.host()) {}
  /// \param host `127.0.0.1:<port>`, spoken to in clear text
  explicit puller(const std::string& host);

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

  /// What must hold after a pull that met faults, whether it ended well or not (docs/RELIABILITY.md, "What must hold after every fault").
  /// The last pull is repeated when nothing goes wrong any more, and once again; settings that were to make it fail soon are left aside.
  /// No blob that the store holds is asked for, of no other more than its journal lacks, and the second time none at all. Not for pulls
  /// without the store or into a stream. Once for each registry, since what it has injected so far is counted (faults/tally.hpp).
  /// \param asked every registry that the pull may ask; they are healed \param others faults that none of them counted
  void heals(std::initializer_list<fake_registry*> asked, unsigned others = 0);
  void heals(fake_registry& asked) { heals({&asked}); }
  /// The time is over that a registry wanted to be left alone for: the next run does not remember it.
  void forget_waits() const;

 private:
  pull_report run(const std::string& image, pull_options options, const std::function<void(const event&)>& watch);
  void check_rerun(std::initializer_list<fake_registry*> asked);

  /// What was pulled last.
  struct command {
    std::string image = "team/app:1.0";
    pull_options options;
    bool ended_well = false;
  };

  std::string host_;
  command last_;
  temp_dir directory_;
};

/// The default image of these tests: one small layer, one of three MB.
test_image app_image();

}  // namespace gantry::test
