// Where an image can be had, and what the failures of these places mean.
#include "registry/registry_client.hpp"
#include "registry/registry_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

namespace gantry::registry {
namespace {

/// A host without dot and port would be read as a part of a path.
std::string spelled_out(const config::endpoint& at) {
  const bool plain_word = at.registry.find_first_of(".:") == std::string::npos && at.registry != "localhost";
  return plain_word ? fmt::format("{}:{}", at.registry, at.plain_http ? 80 : 443) : at.registry;
}

// Between the names of several places.
constexpr std::string_view next_place = " or ";

}  // namespace

result<std::vector<site>> registry_client::sites(const reference& image, bool by_digest) {
  std::vector<site> found;
  if (settings_.endpoints) {
    auto endpoints = settings_.endpoints(image.registry(), image.repository());
    if (!endpoints) return endpoints.error();
    for (config::endpoint& one : *endpoints) {
      if (one.is_mirror && !(by_digest ? one.digests : one.tags)) continue;
      error_code ec;
      diagnostics problem;
      reference name = reference::parse(fmt::format("{}/{}:x", spelled_out(one), one.repository), ec, problem);
      if (ec) {
        return failure(errc::invalid_option, fmt::format("{}, a place of {} by {}, cannot be used: {}", one.registry, image.name(),
                                                         one.source, problem.message()));
      }
      name = name.with_tag(image.tag()).with_digest(image.digest());
      if (!one.is_mirror && name.name() == image.name()) name = image;
      one.registry = name.registry();
      found.push_back({std::move(name), std::move(one), nullptr});
    }
  } else {
    config::endpoint itself;
    itself.registry = image.registry();
    itself.repository = image.repository();
    found.push_back({image, std::move(itself), nullptr});
  }
  for (site& one : found) one.record = host_for(one.how).record;
  return found;
}

result<std::vector<site>> registry_client::order(const reference& image, precedence whom) {
  auto found = sites(image, static_cast<bool>(image.digest()));
  if (!found) return found;
  if (whom == precedence::registry_alone) found->erase(found->begin(), found->end() - 1);
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(*found, [now](const site& one) { return one.how.is_mirror && !one.record->usable(now); });
  // One that has just given no answer is not waited for again with each page and each list.
  if (whom == precedence::registry_first && found->back().record->usable(now)) {
    std::rotate(found->begin(), found->end() - 1, found->end());
  }
  return found;
}

bool registry_client::counts_pulls(const reference& image) {
  const result<std::vector<site>> found = sites(image, false);
  return found && found->size() == 1 && found->front().record->counts_pulls;
}

bool registry_client::answers_ranges(const reference& image) {
  const result<std::vector<site>> found = sites(image, true);
  return found && std::all_of(found->begin(), found->end(), [](const site& one) { return one.record->ranges; });
}

std::string registry_client::places_of(const reference& image) const {
  std::string places;
  if (settings_.endpoints) {
    const auto endpoints = settings_.endpoints(image.registry(), image.repository());
    if (!endpoints) return image.registry();
    for (const config::endpoint& one : *endpoints) {
      if (one.is_mirror) places += spelled_out(one) + std::string(next_place);
    }
  }
  return places + image.registry();
}

std::optional<std::chrono::steady_clock::time_point> registry_client::last_answer(const std::string& places) const {
  std::optional<std::chrono::steady_clock::time_point> last;
  for (std::size_t begin = 0; begin <= places.size();) {
    const std::size_t end = std::min(places.find(next_place, begin), places.size());
    const auto known = answers_.find(places.substr(begin, end - begin));
    if (known != answers_.end() && (!last || *last < known->second)) last = known->second;
    begin = end + next_place.size();
  }
  return last;
}

void registry_client::note_mirrors(const reference& image, const std::set<std::string>& refused, failure& why) {
  if (!why.last_answer) return;
  const auto places = sites(image, static_cast<bool>(image.digest()));
  if (!places) return;
  for (const site& one : *places) {
    if (!one.how.is_mirror || one.record->dropped() || refused.contains(one.how.registry)) continue;
    const auto known = answers_.find(one.how.registry);
    if (known != answers_.end()) why.last_answer = std::max(*why.last_answer, known->second);
  }
}

void registry_client::note_failure(const site& where, const failure& why, const site* instead) {
  const std::string& mirror = where.how.registry;
  if (settings_.log) settings_.log(fmt::format("mirror {}: {}", mirror, why.text.message()));
  if (why.code == condition::cancelled) return;
  if (why.code == condition::integrity) {
    const bool told = where.record->dropped();
    where.record->drop();
    if (settings_.warn && !told) {
      settings_.warn(fmt::format("the mirror {} sends wrong content and is not asked any more: {}", mirror, why.text.message()));
    }
    return;
  }
  // That a mirror does not hold everything is in the nature of mirrors.
  if (why.code == condition::not_found) return;
  if (settings_.warn && !std::exchange(host_for(where.how).told_failure, true)) {
    const std::string next = instead == nullptr ? "nobody else is left to ask" : instead->how.registry + " is asked in its place";
    const std::string by = where.how.source.empty() ? "" : fmt::format(" (named by {})", where.how.source);
    const char* const end = why.text.message().ends_with('?') ? "" : ";";
    settings_.warn(fmt::format("the mirror {}{} is passed over: {}{} {}", mirror, by, why.text.message(), end, next));
  }
}

void registry_client::note_substitute(const site& itself, const failure& why, const site& mirror) {
  if (!settings_.warn || std::exchange(host_for(itself.how).told_failure, true)) return;
  settings_.warn(fmt::format("{} gives no answer ({}); what the mirror {} lists stands in for it, and may be a part", itself.how.registry,
                             why.text.message(), mirror.how.registry));
}

}  // namespace gantry::registry
