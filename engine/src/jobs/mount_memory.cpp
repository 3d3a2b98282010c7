#include "jobs/mount_memory.hpp"

#include "runtime/file.hpp"

#include <system_error>
#include <utility>

namespace gantry::jobs {
namespace {

constexpr std::size_t mounts_size_limit = std::size_t{4} << 20;

mount_facts read_mounts(const std::filesystem::path& file) {
  const auto text = runtime::read_file(file, mounts_size_limit);
  return text ? mount_facts::read(*text) : mount_facts();
}

}  // namespace

task<> mount_memory::load() {
  if (loaded_) co_return;
  auto read = [file = file_] { return read_mounts(file); };
  mount_facts found = co_await runtime::offload(workers_, runtime::lane::files, std::move(read));
  // Another operation may have been first.
  if (!std::exchange(loaded_, true)) known_.add_older(std::move(found));
}

task<> mount_memory::save() {
  if (learnt_.empty() && wrong_.empty()) co_return;
  auto write = [file = file_, learnt = std::exchange(learnt_, {}), wrong = std::exchange(wrong_, {})]() mutable -> bool {
    std::error_code unknown;
    if (!std::filesystem::is_directory(file.parent_path().parent_path(), unknown)) return false;
    mount_facts there = read_mounts(file);
    for (const auto& [registry, blob, repository] : wrong) there.forget(registry, blob, repository);
    learnt.add_older(std::move(there));
    runtime::write_options how;
    how.sync = false;
    how.permissions = 0600;
    return runtime::make_directories(file.parent_path(), 0700) && runtime::atomic_write_file(file, learnt.write(), how);
  };
  co_await runtime::offload(workers_, runtime::lane::files, std::move(write));
}

void mount_memory::know(const std::string& registry, const digest& blob, const std::string& repository) {
  known_.know(registry, blob, repository);
  learnt_.know(registry, blob, repository);
  wrong_.erase({registry, blob, repository});
}

void mount_memory::forget(const std::string& registry, const digest& blob, const std::string& repository) {
  known_.forget(registry, blob, repository);
  learnt_.forget(registry, blob, repository);
  wrong_.emplace(registry, blob, repository);
}

bool mount_memory::remove(const std::filesystem::path& root) {
  std::error_code none;
  return std::filesystem::remove(file_in(root), none);
}

}  // namespace gantry::jobs
