#include "registry/hints.hpp"

#include "model/json.hpp"
#include "model/json_writer.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gantry::registry {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

// A wait that was asked for is never believed for longer than this, after which one request tries: a clock may have been wrong, and the
// machine or its proxy may have another address by then, which is what those without a login are counted by.
constexpr std::chrono::hours longest_rest{1};

}  // namespace

result<hints> read_hints(std::string_view text, system_clock::time_point now) {
  namespace json = model::json;
  struct entry {
    std::string host;
    host_hint hint;
    std::uint64_t rests_until = 0;
  };
  std::vector<entry> found;
  const json::shape host = json::object({{"host", json::string([&](std::string_view name) -> json::check {
                                            found.back().host = name;
                                            return {};
                                          }),
                                          json::need::required},
                                         {"rate", json::integer([&](std::uint64_t value) { found.back().hint.rate = value; })},
                                         {"ranges", json::boolean([&](bool value) { found.back().hint.ranges = value; })},
                                         {"counts_pulls", json::boolean([&](bool value) { found.back().hint.counts_pulls = value; })},
                                         {"rests_until", json::integer([&](std::uint64_t value) { found.back().rests_until = value; })}},
                                        json::unknown_keys::skip, [&] { found.emplace_back(); });
  const json::shape top = json::object({{"hosts", json::array(host, {}, hint_limit)}});
  const auto read = json::read(text, top, "state/hints.json");
  if (!read) return read.error();
  hints known;
  // The clock counts nanoseconds: not every number of seconds is a time.
  const auto latest = now + longest_rest;
  const auto far = static_cast<std::uint64_t>(std::max<std::int64_t>(std::chrono::ceil<seconds>(latest.time_since_epoch()).count(), 0));
  for (entry& one : found) {
    const auto until = one.rests_until >= far ? latest : system_clock::time_point(seconds(one.rests_until));
    if (until > now) one.hint.rests_until = until;
    known.insert_or_assign(std::move(one.host), one.hint);
  }
  return known;
}

std::string write_hints(const hints& value) {
  model::json_writer out;
  out.begin_object().key("hosts").begin_array();
  std::size_t count = 0;
  for (const auto& [host, hint] : value) {
    if (++count > hint_limit) break;
    out.begin_object().member("host", host).member("rate", hint.rate).member("ranges", hint.ranges);
    out.member("counts_pulls", hint.counts_pulls);
    const auto until = std::chrono::duration_cast<seconds>(hint.rests_until.time_since_epoch()).count();
    if (until > 0) out.member("rests_until", static_cast<std::uint64_t>(until));
    out.end_object();
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace gantry::registry
