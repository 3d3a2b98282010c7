#include "jobs/sync_lock.hpp"

#include "model/json.hpp"
#include "model/json_writer.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <utility>

namespace gantry::jobs {
namespace {

namespace json = model::json;

constexpr std::uint64_t lock_version = 1;
constexpr std::size_t most_locked = 1'000'000;
constexpr std::size_t lock_limit = std::size_t{512} << 20;

json::check take_digest(std::string_view text, digest& into) {
  error_code ec;
  into = digest::parse(text, ec);
  if (ec) return failure(errc::malformed_document, "is not a digest");
  return {};
}

std::string line_of(const std::string& name, const locked_tag& one) {
  model::json_writer out;
  out.begin_object();
  out.member("name", name);
  out.member("source", one.source);
  out.member("source_digest", one.source_digest.string());
  out.member("platforms", one.platforms);
  if (!one.missing.empty()) out.member("missing", one.missing);
  out.member("media_type", one.top.media_type);
  out.member("digest", one.top.digest.string());
  out.member("size", one.top.size);
  out.end_object();
  return out.take();
}

}  // namespace

std::string write_sync_lock(const sync_lock& lock) {
  std::string text(sync_lock_front);
  text += "1,\"images\":[";
  bool first = true;
  for (const auto& [name, one] : lock) {
    text += first ? "\n" : ",\n";
    first = false;
    text += line_of(name, one);
  }
  text += "\n]}\n";
  return text;
}

std::size_t hash_of(const sync_lock& lock) {
  std::size_t hash = lock.size() + 1;
  for (const auto& [name, one] : lock) hash = hash * 31 + std::hash<std::string>()(line_of(name, one));
  return hash;
}

result<sync_lock> read_sync_lock(std::string_view text, std::string_view what) {
  std::uint64_t version = 0;
  std::deque<std::pair<std::string, locked_tag>> read;
  std::vector<json::field> fields;
  const auto last = [&read]() -> locked_tag& { return read.back().second; };
  const auto take = [](std::string& into, std::string_view given) -> json::check {
    into = given;
    return {};
  };
  fields.push_back({"name", json::string([&](std::string_view name) { return take(read.back().first, name); }), json::need::required});
  fields.push_back({"source", json::string([&](std::string_view name) { return take(last().source, name); }), json::need::required});
  fields.push_back(
      {"source_digest", json::string([&](std::string_view id) { return take_digest(id, last().source_digest); }), json::need::required});
  fields.push_back({"platforms", json::strings([&]() -> std::vector<std::string>& { return last().platforms; })});
  fields.push_back({"missing", json::strings([&]() -> std::vector<std::string>& { return last().missing; })});
  fields.push_back(
      {"media_type", json::string([&](std::string_view type) { return take(last().top.media_type, type); }), json::need::required});
  fields.push_back({"digest", json::string([&](std::string_view id) { return take_digest(id, last().top.digest); }), json::need::required});
  fields.push_back({"size", json::integer([&](std::uint64_t size) { last().top.size = size; }), json::need::required});
  const json::shape images =
      json::array(json::object(std::move(fields), json::unknown_keys::skip, [&] { read.emplace_back(); }), {}, most_locked);
  const json::shape top =
      json::object({{"version", json::integer(version), json::need::required}, {"images", images, json::need::required}});
  json::limits caps;
  caps.size = lock_limit;
  if (const auto done = json::read(text, top, what, caps); !done) return done.error();
  if (version != lock_version) return failure(errc::unsupported_document, std::string(what) + " is of a version that is not known here");
  sync_lock lock;
  for (; !read.empty(); read.pop_front()) lock.insert_or_assign(std::move(read.front().first), std::move(read.front().second));
  return lock;
}

std::vector<std::string> lock_platforms(const std::vector<platform>& platforms) {
  std::vector<std::string> words;
  for (const platform& one : platforms) words.push_back(to_string_all(one));
  return words;
}

std::vector<platform> still_missing(const std::vector<platform>& wanted, const locked_tag& known) {
  std::vector<platform> missing;
  const auto lacks = [&](const platform& one) {
    return std::find(known.missing.begin(), known.missing.end(), to_string_all(one)) != known.missing.end();
  };
  std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(missing), lacks);
  return missing;
}

std::vector<platform> without(std::vector<platform> all, const std::vector<platform>& some) {
  std::erase_if(all, [&](const platform& one) { return std::find(some.begin(), some.end(), one) != some.end(); });
  return all;
}

digest unchanged_top(const digest& source, const std::vector<platform>& wanted, const locked_tag* known, bool allow_partial) {
  if (wanted.empty()) return source;
  if (!source || known == nullptr || known->source_digest != source || (!allow_partial && !known->missing.empty())) return {};
  const std::vector<platform> missing = still_missing(wanted, *known);
  return lock_platforms(missing) == known->missing && lock_platforms(without(wanted, missing)) == known->platforms ? known->top.digest
                                                                                                                   : digest();
}

}  // namespace gantry::jobs
