#pragma once

#include "support/process.hpp"
#include "support/store_check.hpp"
#include "support/temp_dir.hpp"

#include <boost/json/value.hpp>

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gantry::test {

/// The program under test: `$GANTRY_BINARY`, else the one of this build.
std::filesystem::path gantry_binary();

/// An empty directory with a home of its own, in which the real program runs. Its environment knows nothing of the user's.
class workplace {
 public:
  /// The command line `gantry WORDS...`, to be run here.
  command gantry(std::vector<std::string> words, std::map<std::string, std::optional<std::string>> env = {}) const;
  /// Runs it.
  outcome run(std::vector<std::string> words, std::map<std::string, std::optional<std::string>> env = {}) const;

  const std::filesystem::path& path() const noexcept { return directory_.path(); }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return directory_ / name; }
  std::filesystem::path store() const { return directory_ / "store"; }

  /// Lets the program remove everything from its store; \returns what is wrong afterwards, where nothing may be left behind any more: no
  /// lease, no part of a blob, no temporary file, and no blob. A \ref finding; empty when all is well.
  std::string problems_after_clean() const;

  /// Names of what lies in the directory, `home` and `store` apart, hidden files included.
  std::set<std::string> files() const;

 private:
  temp_dir directory_;
};

/// The digests that `skopeo inspect` reports.
struct skopeo_facts {
  std::string digest;           ///< of what the reference names
  std::string manifest_digest;  ///< of the platform's manifest
  std::string config_digest;
};

/// \param options given to skopeo, e.g. `--tls-verify=false`; \param architecture which manifest of an index
skopeo_facts ask_skopeo(const std::string& image, std::vector<std::string> options, const std::string& architecture = "amd64");

/// The only image of a result printed with `--json`.
boost::json::object only_image(const outcome& result);

}  // namespace gantry::test
