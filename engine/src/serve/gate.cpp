#include "serve/gate.hpp"

#include "base/base64.hpp"
#include "http/grammar.hpp"
#include "http/message.hpp"
#include "model/digester.hpp"
#include "runtime/file.hpp"

#include <algorithm>

namespace gantry::serve {
namespace {

constexpr std::size_t hashes_at_once = 2;

}  // namespace

std::optional<std::pair<std::string, std::string>> parse_basic(std::string_view authorization) {
  const std::size_t blank = authorization.find(' ');
  if (blank == std::string_view::npos || !http::iequals(authorization.substr(0, blank), "Basic")) return std::nullopt;
  const auto text = base64_decode(http::trim(authorization.substr(blank + 1)));
  const std::size_t colon = text ? text->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  return std::pair(text->substr(0, colon), text->substr(colon + 1));
}

gate::gate(runtime::lanes& workers, htpasswd users)
    : workers_(workers),
      users_(std::make_shared<const htpasswd>(std::move(users))),
      salt_(runtime::random_suffix() + runtime::random_suffix()),
      hashing_(hashes_at_once) {}

bool gate::remembers(const std::string& key) {
  const auto known = admitted_.find(key);
  if (known == admitted_.end()) return false;
  if (clock::now() < known->second) return true;
  admitted_.erase(known);
  return false;
}

void gate::remember(std::string key) {
  if (admitted_.size() >= most_remembered) {
    admitted_.erase(std::min_element(admitted_.begin(), admitted_.end(), [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
  admitted_.insert_or_assign(std::move(key), clock::now() + memory);
}

task<std::optional<std::string>> gate::admit(const std::string* authorization, runtime::stop_source& stop) {
  const auto said = authorization != nullptr ? parse_basic(*authorization) : std::nullopt;
  if (!said) co_return std::nullopt;
  const std::string user = said->first;
  const std::string key = model::digest_of(salt_ + user + '\0' + said->second).string();
  if (remembers(key)) co_return user;
  runtime::semaphore::permit turn = co_await hashing_.acquire(1, stop);
  if (!turn) co_return std::nullopt;
  // Another connection of the same client may have been first.
  if (remembers(key)) co_return user;
  auto check = [users = users_, user, password = said->second] { return users->matches(user, password); };
  const bool admitted = co_await runtime::offload(workers_, runtime::lane::cpu, std::move(check));
  if (!admitted) co_return std::nullopt;
  remember(key);
  co_return user;
}

}  // namespace gantry::serve
