#pragma once

#include "archive/in_place.hpp"
#include "archive_fixture.hpp"
#include "store/content_store.hpp"
#include "support/result.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace gantry::archive::fixture {

/// The docker archive of \p held under \p name.
inline layout docker_plan(const archived_manifest& held, std::string_view name) {
  return test::must(plan_docker(std::vector<archived_image>{single(held, name)}, platform_of("linux/amd64")));
}

/// The file of \p plan at \p path, with what an earlier one has left of it.
inline std::shared_ptr<planned_file> resumed(const std::filesystem::path& path, const layout& plan) {
  return std::make_shared<planned_file>(test::must(output_file::resume(path, plan.size)), plan);
}

/// Writes and journals [offset, offset + length) of \p bytes.
inline void fetch(store::blob_part& into, std::string_view bytes, std::uint64_t offset, std::uint64_t length) {
  store::piece_writer writer(into, offset);
  test::must(writer.append(std::as_bytes(std::span(bytes.substr(offset, length)))));
  test::must(writer.flush());
}

inline std::size_t names_in(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()));
}

}  // namespace gantry::archive::fixture
