#include "archive/output_paths.hpp"

#include "base/format.hpp"
#include "model/digester.hpp"

#include <fmt/format.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

namespace gantry::archive {

namespace fs = std::filesystem;

namespace {

/// What is neither file nor directory, and cannot be replaced.
std::optional<failure> special_file(const fs::path& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0 || S_ISREG(about.st_mode) || S_ISDIR(about.st_mode)) return std::nullopt;
  const char* const kind = S_ISFIFO(about.st_mode) ? "pipe" : S_ISSOCK(about.st_mode) ? "socket" : "device";
  struct stat out {};
  const bool standard_output = ::fstat(STDOUT_FILENO, &out) == 0 && out.st_dev == about.st_dev && out.st_ino == about.st_ino;
  return failure(errc::invalid_option,
                 fmt::format("cannot write {}: it is a {}, and an archive takes the place of a file; use -o -, which writes to standard "
                             "output{}",
                             path.string(), kind, standard_output ? "" : ", and lead that there"));
}

/// Whether its file system has names as long as that of \p target. Said before anything is fetched: the part's name is shorter.
bool fits(const fs::path& target) {
  const long most = ::pathconf(directory_of(target).c_str(), _PC_NAME_MAX);
  return most < 0 || target.filename().native().size() <= static_cast<std::size_t>(most);
}

}  // namespace

fs::path directory_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

result<fs::path> resolve_output(const fs::path& path) {
  if (path.empty()) return failure(errc::invalid_option, "cannot write an archive without a file name");
  // Before links are followed: those of /proc/self/fd name no path where they lead to a pipe.
  if (std::optional<failure> special = special_file(path)) return std::move(*special);
  std::error_code ec;
  const bool is_link = fs::symlink_status(path, ec).type() == fs::file_type::symlink;
  // A name that is not there yet counts as an error of symlink_status.
  ec.clear();
  const fs::path target = is_link ? fs::weakly_canonical(path, ec) : path;
  if (ec) return system_failure(ec.value(), "cannot write", path.string());

  const fs::path directory = directory_of(target);
  const fs::file_status parent = fs::status(directory, ec);
  if (parent.type() == fs::file_type::not_found) {
    return failure(errc::file_not_found,
                   fmt::format("cannot write {}: the directory {} does not exist; create it first", path.string(), directory.string()));
  }
  if (ec) return system_failure(ec.value(), "cannot write", path.string());
  if (!fs::is_directory(parent)) {
    return failure(errc::file_not_found, fmt::format("cannot write {}: {} is not a directory", path.string(), directory.string()));
  }

  if (!fits(target)) return system_failure(ENAMETOOLONG, "cannot write", path.string());
  return target;
}

fs::path part_of(const fs::path& target) {
  constexpr std::string_view suffix = ".gantry-part";
  constexpr std::size_t most_added = 8;  // what stands behind it: ".journal", ".lock"
  constexpr std::size_t kept = 200;
  std::string name = target.filename().string();
  if (1 + name.size() + suffix.size() + most_added > NAME_MAX) {
    // The same at each run, and another for each name.
    const std::string whole = model::digest_of(name).string();
    std::size_t cut = kept;
    const auto inside_character = [&name](std::size_t at) { return (static_cast<unsigned char>(name[at]) & 0xC0u) == 0x80u; };
    while (cut > 0 && inside_character(cut)) --cut;
    name.resize(cut);
    name.append(".").append(whole, whole.size() - 16);
  }
  return directory_of(target) / ("." + name + std::string(suffix));
}

bool names_it(const fs::path& name, int descriptor) {
  struct stat by_name {};
  struct stat open {};
  return ::lstat(name.c_str(), &by_name) == 0 && ::fstat(descriptor, &open) == 0 && by_name.st_dev == open.st_dev &&
         by_name.st_ino == open.st_ino;
}

result<void> claim_part(runtime::file& lock, const fs::path& target) {
  const result<runtime::lock_outcome> locked = lock.try_lock();
  if (!locked) return locked.error();
  if (*locked != runtime::lock_outcome::busy) return {};
  return failure(errc::in_use, fmt::format("cannot write {}: it is being written by another gantry", target.string()));
}

failure never_claimed(const fs::path& target) {
  return {errc::in_use, fmt::format("cannot write {}: other processes keep writing it", target.string())};
}

std::optional<failure> lack_of_space(const fs::path& target, std::uint64_t expected_size) {
  struct statvfs about {};
  // File systems that do not count blocks, and those that cannot be asked, are found out by writing.
  if (expected_size == 0 || ::statvfs(directory_of(target).c_str(), &about) != 0 || about.f_blocks == 0) return std::nullopt;
  const std::uint64_t free = static_cast<std::uint64_t>(about.f_bavail) * static_cast<std::uint64_t>(about.f_frsize);
  if (free >= expected_size) return std::nullopt;
  return failure(errc::no_space, fmt::format("cannot write {}: it needs {}, its file system has {} left", target.string(),
                                             format_bytes(expected_size), format_bytes(free)));
}

}  // namespace gantry::archive
