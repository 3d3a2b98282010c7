#include "store/content_store.hpp"

#include "model/digester.hpp"
#include "store/presence.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

namespace gantry::store {
namespace {

constexpr std::string_view layout_text = "{\"imageLayoutVersion\":\"1.0.0\"}\n";

class blob_file final : public model::blob_reader {
 public:
  blob_file(runtime::file opened, std::uint64_t size) noexcept : file_(std::move(opened)), size_(size) {}
  std::uint64_t size() const noexcept override { return size_; }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override { return file_.read_at(offset, into); }
  int native_handle() const noexcept override { return file_.descriptor(); }

 private:
  runtime::file file_;
  std::uint64_t size_;
};

failure not_held(const descriptor& blob) {
  return {errc::not_found, fmt::format("blob {} ({} bytes) is not in the store", blob.digest.string(), blob.size)};
}

/// A failure to write into the store, in the words of those who know no files of it.
failure cannot_keep(const failure& error, const descriptor& blob, const std::filesystem::path& root) {
  // A disk that is away fails in many ways.
  if (!is_present(paths{root})) return gone(root);
  const std::string what = fmt::format("blob {} ({})", blob.digest.string(), format_bytes(blob.size));
  if (error.code == errc::no_space) return full(root, blob);
  if (error.code == errc::access_denied) {
    return {errc::access_denied, fmt::format("{} is not in the store {}, which cannot be written; --cache-dir names another store, "
                                             "--no-cache pulls and copies without one",
                                             what, root.string())};
  }
  return error;
}

/// The same where it is not known yet which blob it will be, or where it is none.
failure cannot_write(const failure& error, const std::filesystem::path& root) {
  if (error.code == errc::no_space) return error;
  if (error.code != errc::access_denied) return cannot_keep(error, descriptor(), root);
  return {errc::access_denied,
          fmt::format("the store {} cannot be written, and this puts something into it; --cache-dir names another store", root.string())};
}

/// No failure of what the user asked for, even where a part of the path cannot be found.
failure cannot_make(const std::filesystem::path& root, const failure& why) {
  return {why.code == condition::storage ? why.code : make_error_code(errc::storage_error),
          fmt::format("the layer store {} cannot be made: {}", root.string(), why.text.message())};
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

result<std::filesystem::path> content_store::default_root() {
  if (const std::string own = environment("GANTRY_CACHE_DIR"); !own.empty()) return std::filesystem::path(own);
  // The XDG base directory specification has relative paths ignored.
  if (const std::filesystem::path cache = environment("XDG_CACHE_HOME"); cache.is_absolute()) return cache / "gantry";
  if (const std::string home = environment("HOME"); !home.empty()) return std::filesystem::path(home) / ".cache" / "gantry";
  return failure(errc::invalid_option, "there is no place for the store: HOME is not set; GANTRY_CACHE_DIR may name one");
}

result<std::shared_ptr<content_store>> content_store::open(store_options options) {
  std::error_code ec;
  options.root = std::filesystem::absolute(options.root, ec);
  if (ec || options.root.empty())
    return failure(errc::invalid_option, "cannot open the store: its path is empty or the working directory is gone");
  std::shared_ptr<content_store> made(new content_store(std::move(options)));
  if (auto prepared = made->prepare(); !prepared) return prepared.error();
  return made;
}

result<void> content_store::prepare() const {
  std::error_code ignored;
  if (is_there(paths_.root) && !std::filesystem::is_directory(paths_.root, ignored)) {
    return failure(errc::storage_error, fmt::format("cannot use {} as the store: it is a file, not a directory", paths_.root.string()));
  }
  // What cannot be looked into looks empty, and the attempt to fill it would be told as the trouble.
  if (is_there(paths_.root) && ::access(paths_.root.c_str(), R_OK | X_OK) != 0 && errno == EACCES) {
    return failure(errc::access_denied, fmt::format("the store {} cannot be read: it belongs to another user, or its mode keeps you out; "
                                                    "--cache-dir names another store",
                                                    paths_.root.string()));
  }
  // index.json is written from our records: one that somebody else made would be lost. A store of ours has refs/ before oci-layout.
  if (is_there(paths_.layout_file()) && !is_there(paths_.references())) {
    return failure(errc::invalid_option,
                   fmt::format("cannot use {} as the store: it is an OCI image layout that gantry did not make; name another directory",
                               paths_.root.string()));
  }
  if (auto made = runtime::make_directories(paths_.root, 0700, sync_); !made) return cannot_make(paths_.root, made.error());
  // Who finds oci-layout takes the directories for durable, whoever made them and was killed.
  bool created = !is_there(paths_.layout_file());
  for (const std::filesystem::path& directory : {paths_.blobs() / "sha256", paths_.references(), paths_.ingests(), paths_.locks()}) {
    if (is_there(directory)) continue;
    if (auto made = runtime::make_directories(directory); !made) return made;
    created = true;
  }
  if (created && sync_) {
    if (auto synced = runtime::sync_directory(paths_.blobs()); !synced) return synced;
    if (auto synced = runtime::sync_directory(paths_.root); !synced) return synced;
  }
  const runtime::write_options shared_file{.sync = sync_, .permissions = 0644};
  if (!is_there(paths_.layout_file())) {
    auto written = runtime::atomic_write_file(paths_.layout_file(), layout_text, shared_file);
    // Who cleans up takes a file that has no name yet for what a crash left. They opened the store before, and made this one.
    if (!written && !is_there(paths_.layout_file())) return written;
  }
  if (!is_there(paths_.index())) {
    const auto lock = try_lock_index();
    if (!lock) return lock.error();
    // Whoever has the lock writes a better one.
    if (*lock && !is_there(paths_.index())) {
      if (auto written = runtime::atomic_write_file(paths_.index(), to_index_json({}), shared_file); !written) return written;
    }
  }
  return {};
}

bool content_store::is_present() const noexcept { return store::is_present(paths_); }

bool content_store::holds(const descriptor& blob) const noexcept {
  if (blob.digest.empty()) return false;
  struct stat status {};
  return ::stat(paths_.blob(blob.digest).c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         static_cast<std::uint64_t>(status.st_size) == blob.size;
}

result<std::unique_ptr<model::blob_reader>> content_store::open(const descriptor& blob) {
  if (!holds(blob)) return not_held(blob);
  auto opened = runtime::file::open(paths_.blob(blob.digest), runtime::open_mode::read);
  if (!opened) {
    if (opened.error().code == errc::file_not_found) return not_held(blob);
    return opened.error();
  }
  // Asked again of the open file: the name may have got another file since.
  const auto size = opened->size();
  if (!size) return size.error();
  if (*size != blob.size) return not_held(blob);
  return std::unique_ptr<model::blob_reader>(std::make_unique<blob_file>(std::move(*opened), blob.size));
}

result<std::string> content_store::read(const descriptor& blob, std::size_t cap) const {
  if (!holds(blob)) return not_held(blob);
  if (blob.size > cap) {
    return failure(errc::limit_exceeded, fmt::format("blob {} has {} bytes, more than the {} that are allowed for its kind",
                                                     blob.digest.string(), blob.size, cap));
  }
  auto bytes = runtime::read_file(paths_.blob(blob.digest), cap);
  if (!bytes) {
    if (bytes.error().code == errc::file_not_found) return not_held(blob);
    return bytes.error();
  }
  if (model::digest_of(*bytes, blob.digest.algorithm()) != blob.digest) {
    return failure(errc::digest_mismatch, fmt::format("the stored blob {} is damaged; 'gantry verify --repair' fetches it again",
                                                      paths_.blob(blob.digest).string()));
  }
  return bytes;
}

result<void> content_store::put(const descriptor& blob, std::string_view bytes) const {
  if (auto checked = check_content(blob, bytes); !checked) return checked;
  const std::filesystem::path target = paths_.blob(blob.digest);
  // The right bytes are at hand, so that a damaged blob is mended here. Whether the name of a sound one is durable, whoever gave it, is
  // asked when a reference needs it.
  if (holds(blob)) {
    const auto held = runtime::read_file(target, bytes.size());
    if (held && *held == bytes) return {};
  }
  if (auto present = check_presence(paths_); !present) return present;
  if (auto made = runtime::make_directories(target.parent_path(), 0777, sync_); !made) return cannot_keep(made.error(), blob, paths_.root);
  // Written outside of blobs/, where every name stands for verified content.
  const std::filesystem::path temporary = paths_.ingest(blob.digest, runtime::random_suffix());
  auto opened = runtime::file::open(temporary, runtime::open_mode::create_new, 0600);
  if (!opened) return cannot_keep(opened.error(), blob, paths_.root);
  auto published = publish(*opened, bytes, target);
  if (published) return published;
  // The first reason counts; what cannot be removed either is what a crash would leave, and is cleaned up like that.
  [[maybe_unused]] const auto removed = runtime::remove_file(temporary);
  return cannot_keep(published.error(), blob, paths_.root);
}

result<void> content_store::publish(runtime::file& temporary, std::string_view bytes, const std::filesystem::path& target) const {
  if (auto written = temporary.write_at(0, std::as_bytes(std::span(bytes))); !written) return written;
  if (sync_) {
    if (auto synced = temporary.sync_data(); !synced) return synced;
  }
  temporary.set_permissions(0444);
  const std::filesystem::path name = temporary.path();
  if (auto closed = temporary.close(); !closed) return closed;
  if (auto renamed = runtime::rename_file(name, target); !renamed) return renamed;
  if (sync_) return runtime::sync_directory(target.parent_path());
  return {};
}

result<std::unique_ptr<blob_writer>> content_store::write_blob(digest_algorithm algorithm) const {
  if (auto present = check_presence(paths_); !present) return present.error();
  auto opened = blob_writer::claim_file(paths_.ingests());
  if (!opened) return cannot_write(opened.error(), paths_.root);
  return std::unique_ptr<blob_writer>(new blob_writer(std::move(*opened), paths_, algorithm, sync_));
}

result<std::optional<digest_lock>> content_store::try_lock(const digest& value) const {
  if (auto present = check_presence(paths_); !present) return present.error();
  return runtime::file_lock::try_acquire(paths_.blob_locks(), lock_offset(value));
}

std::int64_t content_store::growth_stamp(const digest& value) const noexcept {
  struct stat status {};
  if (::stat((paths_.ingest(value) / "data").c_str(), &status) != 0) return 0;
#ifdef __APPLE__
  const timespec& changed = status.st_mtimespec;
#else
  const timespec& changed = status.st_mtim;
#endif
  return static_cast<std::int64_t>(changed.tv_sec) * 1'000'000'000 + changed.tv_nsec;
}

result<claim_attempt> content_store::claim(const descriptor& blob) {
  claim_attempt answer;
  answer.held = holds(blob);
  if (answer.held) return answer;
  auto lock = try_lock(blob.digest);
  if (!lock) return lock.error();
  answer.lock = std::move(*lock);
  // It may have been committed between the look and the lock.
  if (answer.lock) answer.held = holds(blob);
  if (!answer.lock) answer.growth = growth_stamp(blob.digest);
  return answer;
}

result<void> content_store::sync_names() { return sync_blob_names(); }

result<void> content_store::sync_blob_names() const {
  if (!sync_) return {};
  std::vector<std::filesystem::path> directories{paths_.blobs() / "sha256"};
  // Made by the first blob that needs it, whose process may have been killed before its name was durable.
  if (is_there(paths_.blobs() / "sha512")) directories.insert(directories.end(), {paths_.blobs() / "sha512", paths_.blobs()});
  for (const std::filesystem::path& directory : directories) {
    if (auto synced = runtime::sync_directory(directory); !synced) return cannot_write(synced.error(), paths_.root);
  }
  return {};
}

result<std::unique_ptr<blob_part>> content_store::begin(const descriptor& blob, ingest_options options) {
  const std::string suffix = options.place == ingest_place::own ? runtime::random_suffix() : std::string();
  ingest::places where{paths_, paths_.ingest(blob.digest, suffix), paths_.blob(blob.digest), sync_, journal_from_};
  auto begun = ingest::begin(blob, std::move(where), options);
  if (!begun) return cannot_keep(begun.error(), blob, paths_.root);
  return std::unique_ptr<blob_part>(std::move(*begun));
}

}  // namespace gantry::store
