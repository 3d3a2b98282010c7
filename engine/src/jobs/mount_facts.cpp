#include "jobs/mount_facts.hpp"

#include "base/failure.hpp"
#include "model/json.hpp"
#include "model/json_writer.hpp"

#include <algorithm>

namespace gantry::jobs {
namespace {

/// What stands in names of registries and repositories: an address in brackets may have a port.
bool is_name(std::string_view text) {
  const auto allowed = [](char one) {
    return (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z') || (one >= '0' && one <= '9') ||
           std::string_view("._-/:[]").find(one) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= 512 && std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace

mount_facts mount_facts::read(std::string_view text) {
  namespace json = model::json;
  struct line {
    std::string registry;
    digest blob;
    std::vector<std::string> repositories;
  };
  std::vector<line> lines;
  const json::shape one = json::object(
      {{"registry", json::string([&](std::string_view name) -> json::check {
          lines.back().registry = name;
          return {};
        }),
        json::need::required},
       {"digest", json::string([&](std::string_view name) -> json::check {
          error_code wrong;
          lines.back().blob = digest::parse(name, wrong);
          return {};
        }),
        json::need::required},
       {"repositories", json::strings([&]() -> std::vector<std::string>& { return lines.back().repositories; }), json::need::required}});
  const json::shape top = json::object({{"blobs", json::array(
                                                      one, [&] { lines.emplace_back(); }, limit)}});
  mount_facts facts;
  if (const auto done = json::read(text, top, "state/mounts.json"); !done) return facts;
  // The newest stands first.
  for (auto at = lines.rbegin(); at != lines.rend(); ++at) {
    if (at->blob.empty() || !is_name(at->registry)) continue;
    for (auto name = at->repositories.rbegin(); name != at->repositories.rend(); ++name) {
      if (is_name(*name)) facts.know(at->registry, at->blob, *name);
    }
  }
  return facts;
}

std::string mount_facts::write() const {
  model::json_writer out;
  out.begin_object().key("blobs").begin_array();
  std::size_t count = 0;
  for (const auto& at : newest_first()) {
    if (++count > limit) break;
    out.begin_object().member("registry", at->first.first).member("digest", at->first.second.string());
    out.member("repositories", at->second.repositories).end_object();
  }
  out.end_array().end_object();
  return out.take();
}

std::string mount_facts::find(const std::string& registry, const digest& blob, const std::string& repository) const {
  const auto known = blobs_.find({registry, blob});
  if (known == blobs_.end()) return {};
  const auto& names = known->second.repositories;
  const auto other = std::find_if(names.begin(), names.end(), [&](const std::string& one) { return one != repository; });
  return other == names.end() ? std::string() : *other;
}

void mount_facts::know(const std::string& registry, const digest& blob, const std::string& repository) {
  entry& known = blobs_[{registry, blob}];
  std::erase(known.repositories, repository);
  known.repositories.insert(known.repositories.begin(), repository);
  if (known.repositories.size() > places) known.repositories.resize(places);
  known.used = ++uses_;
  // Seldom, since it looks at all of them.
  if (blobs_.size() > limit + limit / 4) shrink();
}

void mount_facts::forget(const std::string& registry, const digest& blob, const std::string& repository) {
  const auto known = blobs_.find({registry, blob});
  if (known == blobs_.end()) return;
  std::erase(known->second.repositories, repository);
  if (known->second.repositories.empty()) blobs_.erase(known);
}

void mount_facts::add_older(mount_facts older) {
  const auto mine = newest_first();
  for (auto at = mine.rbegin(); at != mine.rend(); ++at) {
    const auto& [what, known] = **at;
    for (auto name = known.repositories.rbegin(); name != known.repositories.rend(); ++name) older.know(what.first, what.second, *name);
  }
  *this = std::move(older);
}

std::vector<std::map<mount_facts::key, mount_facts::entry>::const_iterator> mount_facts::newest_first() const {
  std::vector<std::map<key, entry>::const_iterator> all;
  all.reserve(blobs_.size());
  for (auto at = blobs_.begin(); at != blobs_.end(); ++at) all.push_back(at);
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->second.used > b->second.used; });
  return all;
}

void mount_facts::shrink() {
  const auto all = newest_first();
  for (std::size_t i = limit; i < all.size(); ++i) blobs_.erase(all[i]);
}

}  // namespace gantry::jobs
