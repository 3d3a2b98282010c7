#include "store/inventory.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace gantry::store {
namespace {

namespace fs = std::filesystem;

file_time time_of(const struct stat& status) {
#ifdef __APPLE__
  const timespec& changed = status.st_mtimespec;
#else
  const timespec& changed = status.st_mtim;
#endif
  const auto since = std::chrono::seconds(changed.tv_sec) + std::chrono::nanoseconds(changed.tv_nsec);
  return file_time(std::chrono::duration_cast<file_time::duration>(since));
}

/// One file, not followed when it is a link; nothing when it vanished. Directories count with what is in them.
std::optional<stored_file> examine(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  stored_file found;
  found.path = path;
  found.modified = time_of(status);
  if (!S_ISDIR(status.st_mode)) {
    found.size = static_cast<std::uint64_t>(status.st_size);
    found.linked = status.st_nlink > 1;
    return found;
  }
  std::error_code ec;
  for (fs::directory_iterator entry(path, ec); !ec && entry != fs::directory_iterator(); entry.increment(ec)) {
    const auto inside = examine(entry->path());
    if (!inside) continue;
    found.size += inside->size;
    found.modified = std::max(found.modified, inside->modified);
  }
  return found;
}

/// Calls \p take with what lies directly in \p directory, which may be absent.
result<void> for_each(const fs::path& directory, const std::function<void(const fs::path&)>& take) {
  std::error_code ec;
  for (fs::directory_iterator entry(directory, ec); !ec && entry != fs::directory_iterator(); entry.increment(ec)) take(entry->path());
  // What stands in the way of a directory is told by those who want to put something into it.
  const bool nothing = ec == std::errc::no_such_file_or_directory || ec == std::errc::not_a_directory;
  if (ec && !nothing) return system_failure(ec.value(), "cannot list", directory.string());
  return {};
}

bool is_temporary(const fs::path& path) { return path.filename().native().starts_with('.'); }

digest digest_of_name(const std::string& algorithm, std::string_view hex) {
  error_code ec;
  return digest::parse(algorithm + ":" + std::string(hex), ec);
}

/// What stands under <top>/<algorithm>/<hex>.
result<void> collect_by_digest(const fs::path& top, std::vector<stored_file>& into, std::vector<stored_file>& temporary) {
  for (const char* algorithm : {"sha256", "sha512"}) {
    const auto take = [&](const fs::path& path) {
      auto found = examine(path);
      if (!found) return;
      if (is_temporary(path)) {
        temporary.push_back(std::move(*found));
        return;
      }
      found->digest = digest_of_name(algorithm, path.filename().native());
      if (found->digest) into.push_back(std::move(*found));
    };
    if (auto walked = for_each(top / algorithm, take); !walked) return walked;
  }
  return {};
}

/// What is called <algorithm>-<hex>[.<suffix>].
result<void> collect_flat(const fs::path& directory, std::vector<stored_file>& into) {
  return for_each(directory, [&](const fs::path& path) {
    auto found = examine(path);
    if (!found) return;
    const std::string name = path.filename().string();
    const std::size_t dash = name.find('-');
    if (dash != std::string::npos) found->digest = digest_of_name(name.substr(0, dash), name.substr(dash + 1, name.find('.') - dash - 1));
    into.push_back(std::move(*found));
  });
}

result<void> collect_temporaries(const fs::path& top, bool deep, std::vector<stored_file>& into) {
  std::vector<fs::path> pending{top};
  while (!pending.empty()) {
    const fs::path directory = std::move(pending.back());
    pending.pop_back();
    const auto take = [&](const fs::path& path) {
      auto found = is_temporary(path) ? examine(path) : std::nullopt;
      std::error_code ignored;
      if (found) {
        into.push_back(std::move(*found));
      } else if (deep && fs::is_directory(path, ignored)) {
        pending.push_back(path);
      }
    };
    if (auto walked = for_each(directory, take); !walked) return walked;
  }
  return {};
}

}  // namespace

result<inventory> take_inventory(const paths& where) {
  inventory all;
  if (auto done = collect_by_digest(where.blobs(), all.blobs, all.temporary); !done) return done.error();
  if (auto done = collect_by_digest(where.metas(), all.meta, all.temporary); !done) return done.error();
  if (auto done = collect_flat(where.ingests(), all.partial); !done) return done.error();
  if (auto done = collect_flat(where.quarantine(), all.quarantined); !done) return done.error();
  if (auto done = collect_temporaries(where.root, false, all.temporary); !done) return done.error();
  if (auto done = collect_temporaries(where.references(), true, all.temporary); !done) return done.error();
  // What engines have learnt and keep beside the images (hints.json) is written in the same way.
  if (auto done = collect_temporaries(where.root / "state", false, all.temporary); !done) return done.error();
  return all;
}

std::optional<file_time> modified_at(const fs::path& path) noexcept {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return time_of(status);
}

std::uint64_t total_size(const std::vector<stored_file>& files) noexcept {
  std::uint64_t sum = 0;
  for (const stored_file& one : files) sum += one.size;
  return sum;
}

}  // namespace gantry::store
