#include "registry/credential_places.hpp"

#include <gantry/credentials.hpp>

#include <fmt/format.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace gantry {
namespace {

using registry::credential_helper;
using registry::credential_place;

// What a helper gave is good for at least this long; a list of a thousand repositories must not start a thousand programs.
constexpr std::chrono::minutes answer_life{5};

/// One place: its helper, then its entries.
class place_source final : public credential_source {
 public:
  place_source(credential_search search, config::docker_config config, std::string name)
      : search_(std::move(search)), config_(std::move(config)), name_(std::move(name)) {}

  std::optional<credential> find(const std::string& registry, const std::string& repository, diagnostics& problem) override {
    return find_until(registry, repository, problem, search_.stop);
  }

  std::optional<credential> find_until(const std::string& registry, const std::string& repository, diagnostics& problem,
                                       const std::stop_token& stop) override {
    // Worker threads call this, and the engine's strand, which keeps all else, is not at hand there.
    const std::lock_guard<std::mutex> one_at_a_time(mutex_);
    auto found = ask_helper(registry, stop);
    if (found && !*found) found = config_.lookup(registry, repository);
    if (found) return std::move(*found);
    problem = found.error().text;
    return std::nullopt;
  }

  std::string absence(const std::string& registry) override {
    const std::lock_guard<std::mutex> one_at_a_time(mutex_);
    const auto helper = registry::helper_of(search_, config_, registry);
    if (!helper || !*helper || (*helper)->installed()) return {};
    return not_installed(**helper);
  }

 private:
  struct answer {
    std::optional<credential> value;
    std::chrono::steady_clock::time_point until;
  };

  std::string not_installed(const credential_helper& helper) const {
    return fmt::format("{}, which {} names for it, is not installed", helper.program_name(), name_);
  }

  result<std::optional<credential>> ask_helper(const std::string& registry, const std::stop_token& stop) {
    const auto configured = registry::helper_of(search_, config_, registry);
    if (!configured) return failure(configured.error().code, fmt::format("{} in {}", configured.error().text.message(), name_));
    if (!*configured) return std::optional<credential>();
    const credential_helper& helper = **configured;
    if (!helper.installed()) {
      if (search_.warn && missed_.insert(helper.program_name()).second) {
        search_.warn(
            fmt::format("the credential helper {}, which {} names, is not installed: it is passed over", helper.program_name(), name_));
      }
      return std::optional<credential>();
    }
    const std::string server = registry::helper_server(registry);
    const auto now = std::chrono::steady_clock::now();
    if (const auto known = answers_.find(server); known != answers_.end() && now < known->second.until) return known->second.value;
    if (stop.stop_requested()) return failure(errc::cancelled, "stopped");
    auto found = helper.get(server, stop);
    if (!found) return failure(found.error().code, fmt::format("{} (it is named in {})", found.error().text.message(), name_));
    if (*found) (*found)->origin = fmt::format("{}, named in {}", helper.program_name(), name_);
    answers_.insert_or_assign(server, answer{*found, now + answer_life});
    return found;
  }

  credential_search search_;
  config::docker_config config_;
  std::string name_;
  std::mutex mutex_;
  std::map<std::string, answer> answers_;  ///< by server
  std::set<std::string> missed_;           ///< programs that somebody was told about
};

/// A file that lies about and cannot be read: that matters to who looks for a credential, and is told then, once.
class unreadable_place final : public credential_source {
 public:
  unreadable_place(std::function<void(const std::string&)> warn, std::string why) : warn_(std::move(warn)), why_(std::move(why)) {}

  std::optional<credential> find(const std::string& /*registry*/, const std::string& /*repository*/, diagnostics& /*problem*/) override {
    if (!told_.test_and_set()) warn_(why_);
    return std::nullopt;
  }

 private:
  std::function<void(const std::string&)> warn_;
  std::string why_;
  std::atomic_flag told_;
};

}  // namespace

std::shared_ptr<credential_source> usual_credentials(const credential_search& search, diagnostics* problem) {
  if (problem != nullptr) problem->clear();
  std::vector<std::shared_ptr<credential_source>> sources;
  for (const credential_place& place : registry::credential_places(search)) {
    auto text = registry::read_place(place);
    if (text && !*text) continue;
    auto parsed = text ? registry::parse_place(place, **text) : result<config::docker_config>(text.error());
    if (parsed) {
      sources.push_back(std::make_shared<place_source>(search, std::move(*parsed), place.name));
    } else if (place.named) {
      if (problem != nullptr) *problem = parsed.error().text;
      sources.clear();
      break;
    } else if (search.warn) {
      sources.push_back(std::make_shared<unreadable_place>(search.warn, parsed.error().text.message() + "; the file is passed over"));
    }
  }
  return std::make_shared<credential_chain>(std::move(sources));
}

}  // namespace gantry
