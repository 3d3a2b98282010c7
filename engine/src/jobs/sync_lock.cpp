#include "jobs/sync_lock.hpp"

#include "model/json.hpp"
#include "model/json_writer.hpp"

#include <cstdint>
#include <deque>
#include <functional>
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
  out.member("media_type", one.top.media_type);
  out.member("digest", one.top.digest.string());
  out.member("size", one.top.size);
  out.end_object();
  return out.take();
}

}  // namespace

std::string write_sync_lock(const sync_lock& lock) {
  std::string text = "{\"version\":1,\"images\":[";
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

digest unchanged_top(const digest& source, const std::vector<platform>& wanted, const locked_tag* known) {
  if (wanted.empty()) return source;
  const bool same = source && known != nullptr && known->source_digest == source && known->platforms == lock_platforms(wanted);
  return same ? known->top.digest : digest();
}

}  // namespace gantry::jobs
