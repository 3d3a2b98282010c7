#include "store/paths.hpp"

#include <boost/assert.hpp>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace gantry::store {
namespace {

std::string without_colons(std::string_view text) {
  std::string name(text);
  std::replace(name.begin(), name.end(), ':', '+');
  return name;
}

}  // namespace

std::filesystem::path paths::blob(const digest& value) const { return blobs() / value.algorithm_name() / value.encoded(); }

std::filesystem::path paths::meta(const digest& value) const { return metas() / value.algorithm_name() / value.encoded(); }

std::filesystem::path paths::ingest(const digest& value, const std::string& suffix) const {
  std::string name(value.algorithm_name());
  name.append("-").append(value.encoded());
  if (!suffix.empty()) name.append(".").append(suffix);
  return ingests() / name;
}

std::filesystem::path paths::reference(const gantry::reference& name) const {
  BOOST_ASSERT(!name.empty());
  // Components of a repository begin with a letter or digit, so that "_" is none of them (distribution-spec, <name>).
  return references() / without_colons(name.registry()) / name.repository() / "_" / without_colons(name.manifest_reference());
}

std::optional<gantry::reference> paths::name_at(const std::filesystem::path& file) const {
  // Neither registries nor repositories, tags and digests have a '+' of their own.
  std::string name = file.lexically_relative(references()).generic_string();
  std::replace(name.begin(), name.end(), '+', ':');
  const std::size_t mark = name.rfind("/_/");
  if (mark == std::string::npos) return std::nullopt;
  const std::string last = name.substr(mark + 3);
  error_code ec;
  auto found = gantry::reference::parse(name.substr(0, mark) + (last.find(':') == std::string::npos ? ":" : "@") + last, ec);
  if (ec || reference(found) != file) return std::nullopt;
  return found;
}

std::uint64_t lock_offset(const digest& value) noexcept {
  const std::string_view hex = value.encoded().substr(0, 16);
  std::uint64_t bits = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), bits, 16);
  // Two bits less: offsets are signed, and offset plus length must stay below the largest.
  return bits >> 2;
}

}  // namespace gantry::store
