#include "store/presence.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <string>
#include <system_error>

namespace gantry::store {

failure gone(const std::filesystem::path& root) {
  return {errc::storage_error, fmt::format("the store {} is gone: it was removed, or its disk was; run the command again when it is back, "
                                           "or to begin a new one",
                                           root.string())};
}

bool is_present(const paths& where) noexcept {
  // Written when the store is made, and never removed by us.
  std::error_code ignored;
  return std::filesystem::exists(where.layout_file(), ignored);
}

result<void> check_presence(const paths& where) {
  if (is_present(where)) return {};
  return gone(where.root);
}

failure full(const std::filesystem::path& root, const descriptor& blob) {
  std::error_code ec;
  const auto space = std::filesystem::space(root, ec);
  const std::string left = ec ? std::string() : fmt::format("; {} are left", format_bytes(space.available));
  return {errc::no_space,
          fmt::format("the store {} has no space for blob {} ({}){}", root.string(), blob.digest.string(), format_bytes(blob.size), left)};
}

failure inside_store(const paths& where, const descriptor& blob, const failure& error) {
  if (error.code == errc::no_space) return full(where.root, blob);
  if (error.code != errc::file_not_found) return error;
  if (!is_present(where)) return gone(where.root);
  return {errc::storage_error, fmt::format("what had arrived of blob {} is gone: somebody removed it from the store {}",
                                           blob.digest.string(), where.root.string())};
}

}  // namespace gantry::store
