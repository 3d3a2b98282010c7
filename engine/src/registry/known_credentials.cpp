#include "registry/known_credentials.hpp"

#include "base/forget_oldest.hpp"
#include "model/digester.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace gantry::registry {
namespace {

using clock = std::chrono::steady_clock;

// What a helper of a cloud gives is good for an hour, and a list of images may take longer.
constexpr std::chrono::minutes credential_life{10};

// One repository may be closed to a user whom the registry knows; two, and nothing open, are a wrong password.
constexpr std::size_t enough_refusals = 2;
constexpr std::chrono::seconds refusal_life{30};

constexpr auto last_use = [](const auto& one) { return one.used; };
constexpr auto never = [](const auto&) { return false; };

}  // namespace

std::string fingerprint(const std::optional<credential>& who) {
  if (!who) return "anonymous";
  const std::string all = fmt::format("{}\n{}\n{}\n{}", who->username, who->password, who->identity_token, who->registry_token);
  return std::string(model::digest_of(all, digest_algorithm::sha256).encoded());
}

std::uint64_t number_of(const std::optional<credential>& who) {
  constexpr std::size_t digits = 16;
  return who ? std::stoull(fingerprint(who).substr(0, digits), nullptr, 16) : 0;
}

std::optional<std::optional<credential>> known_credentials::find(const std::string& repository) {
  const auto known = answers_.find(repository);
  if (known == answers_.end()) return std::nullopt;
  const auto now = clock::now();
  known->second.used = now;
  if (now >= known->second.until) return std::nullopt;
  return std::optional(known->second.said.value);
}

void known_credentials::learn(std::string repository, answer said) {
  const auto now = clock::now();
  answers_.insert_or_assign(std::move(repository), kept_answer{std::move(said), now + credential_life, now});
  // What has expired is asked for anew before it is used, and until then it tells who asked.
  forget_oldest(answers_, most_, last_use, never);
}

std::string known_credentials::identity(const std::string& repository) const {
  const auto known = answers_.find(repository);
  if (known == answers_.end()) return "anonymously";
  const answer& said = known->second.said;
  if (!said.value) return said.absence.empty() ? "anonymously" : fmt::format("anonymously ({})", said.absence);
  return fmt::format("as {} (credentials: {})", said.value->username.empty() ? "the holder of a token" : said.value->username,
                     said.value->origin);
}

std::string known_credentials::absence(const std::string& repository) const {
  const auto known = answers_.find(repository);
  return known == answers_.end() ? std::string() : known->second.said.absence;
}

std::uint64_t known_credentials::user_of(const std::string& repository) const {
  const auto known = answers_.find(repository);
  return known == answers_.end() ? 0 : number_of(known->second.said.value);
}

known_credentials::refusals& known_credentials::refusals_of(std::uint64_t who) {
  refusals_[who].used = clock::now();
  // A source may make a new one with each question. The one at hand is the youngest.
  forget_oldest(refusals_, most_, last_use, never);
  return refusals_[who];
}

void known_credentials::note_accepted(const std::string& repository) {
  if (const std::uint64_t who = user_of(repository); who != 0) refusals_of(who).accepted = true;
}

void known_credentials::note_refused(const std::string& repository, bool head) {
  const std::uint64_t who = user_of(repository);
  if (who == 0) return;
  refusals& of = refusals_of(who);
  std::set<std::string>& where = head ? of.by_head : of.repositories;
  if (where.size() < enough_refusals) where.insert(repository);
  of.last = clock::now();
}

bool known_credentials::is_refused(const std::string& repository, bool head) const {
  const auto known = refusals_.find(user_of(repository));
  if (known == refusals_.end() || known->second.accepted) return false;
  const refusals& of = known->second;
  if (clock::now() - of.last > refusal_life) return false;
  const auto decides = [&](const std::set<std::string>& where) { return where.size() >= enough_refusals || where.contains(repository); };
  return decides(of.repositories) || (head && decides(of.by_head));
}

}  // namespace gantry::registry
