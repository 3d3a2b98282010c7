#include "serve/handler.hpp"

#include "base/redact.hpp"
#include "serve/passing_target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gantry::serve {
namespace {

/// Why the upstream gave nothing, for those who can do nothing about it: names, accounts and advice are for who runs the server.
std::string trouble_above(const failure& why) {
  if (why.code == condition::not_authorised) return "the upstream registry does not let this server have it";
  if (why.code == condition::integrity) return "what the upstream registry gave was damaged";
  if (why.code == condition::retryable) return "the upstream registry cannot be reached or is busy";
  return "the upstream registry did not give it";
}

}  // namespace

task<answer> handler::respond(const request_head& request, runtime::stop_source& stop, std::string& user) {
  if (door_ != nullptr) {
    const std::optional<std::string> admitted = co_await door_->admit(request.find("Authorization"), stop);
    if (!admitted) {
      answer refused = error_answer(401, "UNAUTHORIZED", "authentication required");
      refused.add("WWW-Authenticate", "Basic realm=\"gantry\", charset=\"UTF-8\"");
      co_return refused;
    }
    user = *admitted;
  }
  auto routed = route_request(request.method, request.target);
  if (auto* refused = std::get_if<answer>(&routed)) co_return std::move(*refused);
  route wanted = std::move(std::get<route>(routed));
  switch (wanted.what) {
    case endpoint::ping:
      co_return json_answer("{}");
    case endpoint::catalog:
      co_return co_await catalog(std::move(wanted));
    case endpoint::tags:
      co_return co_await tags(std::move(wanted));
    case endpoint::manifest:
      co_return co_await manifest(std::move(wanted), request, stop);
    case endpoint::blob:
      co_return co_await blob(std::move(wanted), request, stop);
    case endpoint::referrers:
      co_return co_await referrers(std::move(wanted), stop);
  }
  co_return json_answer("{}");
}

answer handler::failed(const failure& why) {
  if (why.code == errc::cancelled) return error_answer(503, "UNAVAILABLE", "the server is stopping");
  if (trouble_) trouble_(why.text.message());
  return error_answer(500, "UNKNOWN", "the store cannot be read");
}

answer handler::refused_above(const failure& why, const runtime::stop_source& stop) {
  if (why.code == errc::cancelled && stop.stop_requested()) return failed(why);
  // The source has told, and passed on what it could.
  if (cannot_keep(why)) {
    return error_answer(503, "UNAVAILABLE", "this server cannot keep what it would have to fetch for this, and has no room to pass it on");
  }
  if (why.code == condition::storage) return failed(why);
  if (trouble_) trouble_(why.text.message());
  if (why.code == errc::rate_limited) {
    answer later = error_answer(429, "TOOMANYREQUESTS", "the upstream registry limits the rate of requests");
    later.add("Retry-After", std::to_string(why.retry_after.value_or(std::chrono::seconds(60)).count()));
    return later;
  }
  return error_answer(502, "UNAVAILABLE", "the store does not have it, and " + trouble_above(why));
}

task<result<handler::place>> handler::locate(const route& wanted, std::optional<answer>& refused) {
  const std::string name = wanted.name;
  const std::string ns = wanted.ns;
  auto names = co_await content_.current();
  if (!names) co_return names.error();
  place found;
  found.names = *names;
  const std::string preferred = source_ != nullptr ? source_->registry() : std::string();
  found_repository held = found.names->find(name, ns, preferred);
  found.held = held.only;
  if (source_ != nullptr && (!held.only || held.only->registry == preferred)) {
    const std::vector<repository> possible = candidates(name, ns, preferred);
    const auto above = std::find_if(possible.begin(), possible.end(), [&](const repository& one) { return one.registry == preferred; });
    if (above != possible.end()) found.above = held.only ? held.only : *above;
  }
  if (found.held || found.above) co_return found;
  if (held.ambiguous.empty()) {
    refused = unknown_name(name);
  } else {
    std::string choices;
    for (const repository& one : held.ambiguous) choices += (choices.empty() ? "" : ", ") + served_name(one);
    refused =
        error_answer(404, "NAME_UNKNOWN", fmt::format("several registries have {}: ask for one of {}", clean_text(name, 256), choices));
  }
  co_return found;
}

}  // namespace gantry::serve
