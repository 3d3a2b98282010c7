#include "archive/directory_files.hpp"

#include "base/redact.hpp"
#include "runtime/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace gantry::archive {
namespace {

namespace fs = std::filesystem;

#ifdef O_PATH
constexpr int folder_flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
#else
constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
#endif
// Opening a pipe must not wait for a writer, and a terminal must not become ours.
constexpr int file_flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC;

constexpr unsigned most_links = 40;       // as Linux has it
constexpr std::size_t most_folders = 64;  // one descriptor each while a path is walked

int open_at(int folder, const char* name, int flags) {
  int descriptor = -1;
  do {
    descriptor = ::openat(folder, name, flags);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

/// A plain file of a directory.
struct found_file {
  runtime::file opened;
  std::uint64_t size = 0;
  std::string name;  ///< in the directory, past all links
};

/// Goes to a file part by part. The kernel is never asked to follow a link or "..", only for one name in a directory that is open: so
/// nothing that is moved or exchanged meanwhile leads out. (openat2 with RESOLVE_BENEATH does the same in one call, where the kernel is new
/// enough and lets containers use it; its way would need this one beside it.)
class walk {
 public:
  walk(const fs::path& root, std::string_view name) : root_(root), path_((root / name).string()) { put_ahead(name); }

  /// \returns nothing when there is no such file
  result<std::optional<found_file>> go() {
    const int top = open_at(AT_FDCWD, root_.c_str(), folder_flags);
    if (top < 0) return unopened(errno);
    folders_.emplace_back(top, root_);
    while (!ahead_.empty()) {
      const std::string part = std::move(ahead_.back());
      ahead_.pop_back();
      if (part == "..") {
        if (names_.empty()) return leads_out();
        names_.pop_back();
        folders_.pop_back();
        continue;
      }
      const bool last = ahead_.empty();
      const int folder = folders_.back().descriptor();
      const int descriptor = open_at(folder, part.c_str(), last ? file_flags : folder_flags | O_NOFOLLOW);
      const int reason = errno;
      if (descriptor < 0) {
        const result<bool> followed = follow(folder, part);
        if (!followed) return followed.error();
        if (!*followed) return unopened(reason);
        continue;
      }
      runtime::file opened(descriptor, path_);
      names_.push_back(part);
      if (last) return examined(std::move(opened));
      if (folders_.size() >= most_folders) {
        return failure(errc::limit_exceeded, fmt::format("{} lies more than {} directories deep", clean_text(path_), most_folders));
      }
      folders_.push_back(std::move(opened));
    }
    return no_file();
  }

 private:
  /// Puts the parts of \p path in front of those that are left.
  void put_ahead(std::string_view path) {
    while (!path.empty()) {
      const std::size_t slash = path.rfind('/');
      const std::string_view part = slash == std::string_view::npos ? path : path.substr(slash + 1);
      path.remove_suffix(slash == std::string_view::npos ? path.size() : path.size() - slash);
      if (!part.empty() && part != ".") ahead_.emplace_back(part);
    }
  }

  std::string joined(std::string_view part) const {
    std::string path;
    for (const std::string& name : names_) path.append(name).append("/");
    return path.append(part);
  }

  /// Goes on where the link \p part leads. \returns false when it is none
  result<bool> follow(int folder, const std::string& part) {
    std::array<char, 4097> text{};
    const ssize_t length = ::readlinkat(folder, part.c_str(), text.data(), text.size());
    if (length < 0) return false;
    link_ = joined(part);
    target_.assign(text.data(), static_cast<std::size_t>(length));
    if (++links_ > most_links) return system_failure(ELOOP, "cannot read", path_);
    if (target_.starts_with('/')) return leads_out();
    put_ahead(target_);
    return true;
  }

  failure leads_out() const {
    return {
        errc::malformed_document,
        fmt::format("the link {} leads to {}: links are followed within the directory alone and by relative paths, since what is behind "
                    "them may be sent elsewhere; when you know where they lead, use the copy that 'cp -rL {} COPY' makes",
                    clean_text(link_), clean_text(target_), clean_text(root_.string()))};
  }

  failure no_file() const { return {errc::malformed_document, fmt::format("{} is not a file", clean_text(path_))}; }

  result<std::optional<found_file>> unopened(int reason) const {
    if (reason == ENOENT || reason == ENOTDIR) return std::optional<found_file>();
    if (reason == ENXIO) return no_file();  // a socket, or a device that is not there
    return system_failure(reason, "cannot read", path_);
  }

  /// Asked of what is open: behind the name may be something else by now.
  result<std::optional<found_file>> examined(runtime::file opened) {
    struct stat about {};
    if (::fstat(opened.descriptor(), &about) != 0) return system_failure(errno, "cannot examine", path_);
    if (!S_ISREG(about.st_mode)) return no_file();
    std::string name = std::move(names_.back());
    names_.pop_back();
    return std::optional(found_file{std::move(opened), static_cast<std::uint64_t>(about.st_size), joined(name)});
  }

  const fs::path& root_;
  std::string path_;                    ///< for people
  std::vector<std::string> ahead_;      ///< parts to go, the next one last
  std::vector<runtime::file> folders_;  ///< the root, and the directories down to where the walk is
  std::vector<std::string> names_;      ///< of all but the root
  unsigned links_ = 0;
  std::string link_;    ///< the latest one that was followed
  std::string target_;  ///< its text
};

}  // namespace

result<std::unique_ptr<model::blob_reader>> directory_files::open(std::string_view name) {
  result<std::optional<found_file>> found = walk(root_, name).go();
  if (!found) return found.error();
  if (!*found) return std::unique_ptr<model::blob_reader>();
  const std::uint64_t size = (*found)->size;
  return part_of_file(std::make_shared<runtime::file>(std::move((*found)->opened)), 0, size);
}

std::string directory_files::real_name(std::string_view name) {
  const result<std::optional<found_file>> found = walk(root_, name).go();
  return found && *found ? (*found)->name : std::string(name);
}

std::string directory_files::archive_inside() const {
  // A directory may hold anything.
  constexpr int most_looked_at = 10'000;
  std::string first;
  std::error_code ec;
  fs::directory_iterator entry(root_, ec);
  for (int seen = 0; !ec && entry != fs::directory_iterator() && seen < most_looked_at; ++seen, entry.increment(ec)) {
    const std::string name = entry->path().filename().string();
    const bool is_archive = name.ends_with(".tar") || name.ends_with(".tar.gz") || name.ends_with(".tgz") || name.ends_with(".tar.zst");
    std::error_code ignored;
    if (is_archive && entry->is_regular_file(ignored) && (first.empty() || entry->path().string() < first)) first = entry->path().string();
  }
  return first;
}

}  // namespace gantry::archive
