#include "jobs/throwaway_store.hpp"

#include "archive/output_paths.hpp"
#include "runtime/file.hpp"

#include <cstdlib>
#include <system_error>
#include <utility>

namespace gantry::jobs {

std::filesystem::path temporary_directory() {
  if (const char* named = std::getenv("TMPDIR"); named != nullptr && *named != '\0') return named;
  std::error_code ec;
  if (std::filesystem::is_directory("/var/tmp", ec)) return "/var/tmp";
  return std::filesystem::temp_directory_path(ec);
}

result<std::unique_ptr<throwaway_store>> throwaway_store::open(const output& where) {
  std::filesystem::path parent = temporary_directory();
  if (const auto* file = std::get_if<archive_file>(&where)) {
    const result<std::filesystem::path> target = archive::resolve_output(file->path);
    if (!target) return target.error();
    parent = archive::directory_of(*target);
  }
  std::unique_ptr<throwaway_store> made(new throwaway_store(parent / (".gantry-store-" + runtime::random_suffix())));
  store::store_options options;
  options.root = made->root_;
  options.sync = false;
  auto opened = store::content_store::open(std::move(options));
  if (!opened) return opened.error();
  made->store_ = std::move(*opened);
  return made;
}

throwaway_store::~throwaway_store() {
  store_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

}  // namespace gantry::jobs
