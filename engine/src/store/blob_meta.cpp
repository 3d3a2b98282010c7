#include "store/blob_meta.hpp"

#include "model/descriptor_shape.hpp"
#include "model/json.hpp"
#include "model/json_writer.hpp"
#include "store/content_store.hpp"
#include "store/presence.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <limits>
#include <utility>

// The facts as a document, and the part of content_store that keeps them.

namespace gantry::store {
namespace {

namespace json = model::json;

constexpr std::size_t meta_cap_bytes = 4096;
/// Another version is not read: the facts are cheaper to learn again than to guess.
constexpr std::uint64_t meta_version = 2;

/// They are believed without a look at the blob, and written without fsync: what is damaged must not look like a fact.
std::string checksum_of(const blob_meta& facts) {
  const std::string all = fmt::format("{} {} {} {}", facts.diff_id.string(), facts.raw_size, facts.crc32, facts.whole_members);
  return fmt::format("{:016x}", XXH3_64bits(all.data(), all.size()));
}

}  // namespace

std::string to_json(const blob_meta& facts) {
  model::json_writer writer;
  writer.begin_object().member("version", meta_version).member("diffId", facts.diff_id.string()).member("rawSize", facts.raw_size);
  writer.member("crc32", std::uint64_t{facts.crc32}).member("wholeMembers", facts.whole_members);
  writer.member("check", checksum_of(facts)).end_object();
  return writer.take() + "\n";
}

std::optional<blob_meta> parse_meta(std::string_view text) {
  blob_meta facts;
  std::uint64_t version = 0;
  std::uint64_t crc32 = 0;
  std::string check;
  const json::shape top =
      json::object({{"version", json::integer(version), json::need::required},
                    {"diffId", model::digest_shape([&](digest value) { facts.diff_id = std::move(value); }), json::need::required},
                    {"rawSize", json::integer(facts.raw_size), json::need::required},
                    {"crc32", json::integer(crc32), json::need::required},
                    {"wholeMembers", json::boolean(facts.whole_members), json::need::required},
                    {"check", json::string(check), json::need::required}});
  if (!json::read(text, top, "the facts of a blob", {.size = meta_cap_bytes, .depth = 4})) return std::nullopt;
  if (version != meta_version || crc32 > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  facts.crc32 = static_cast<std::uint32_t>(crc32);
  if (check != checksum_of(facts)) return std::nullopt;
  return facts;
}

std::optional<blob_meta> content_store::meta(const digest& blob) const {
  const auto text = runtime::read_file(paths_.meta(blob), meta_cap_bytes);
  return text ? parse_meta(*text) : std::nullopt;
}

result<void> content_store::put_meta(const digest& blob, const blob_meta& facts) const {
  if (meta(blob) == facts) return {};
  if (auto present = check_presence(paths_); !present) return present;
  const std::filesystem::path path = paths_.meta(blob);
  if (auto made = runtime::make_directories(path.parent_path()); !made) return made;
  return runtime::atomic_write_file(path, to_json(facts), {.sync = false, .permissions = 0644});
}

}  // namespace gantry::store
