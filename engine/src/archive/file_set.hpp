#pragma once

#include "archive/tar_reader.hpp"
#include "base/failure.hpp"
#include "model/blob_source.hpp"
#include "runtime/file.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::archive {

/// The files of a foreign archive by their names in it. Blocking; opened readers may be used on other workers than the set.
class file_set {
 public:
  virtual ~file_set() = default;

  /// Opens the file \p name, a clean path; nothing when there is none. Links are followed inside the set.
  /// \returns errc::malformed_document when a link leads out or in a circle, or when what is there is no file
  virtual result<std::unique_ptr<model::blob_reader>> open(std::string_view name) = 0;

  /// The digest of a file where it is known already.
  virtual digest known_digest(std::string_view) { return {}; }

  /// The name of the file behind \p name, past all links: the same for all names of one file. \p name itself where links are not known.
  virtual std::string real_name(std::string_view name) { return std::string(name); }

  /// The path of an archive that lies in it, e.g. "cv/nginx.tar" of a directory "cv" of several; empty where that cannot be or none does.
  virtual std::string archive_inside() const { return {}; }

  /// Whether more members follow an end marker that readers stop at: bytes were inserted or lost in front of it.
  virtual bool goes_on_behind_end() const { return false; }

 protected:
  file_set() = default;
};

/// Bytes of names and link targets that one archive may have in all. Of 100,000 entries each may have 671.
inline constexpr std::size_t member_text_limit = std::size_t{64} << 20;

/// The names of an archive and the links between them. Refuses what a second reader might see in another way.
class member_list {
 public:
  /// Adds \p member; \ref find gives its \p place back when it is a file.
  /// \returns errc::malformed_document for a second entry of one name, unless both are directories; errc::limit_exceeded above
  /// \ref member_text_limit
  result<void> add(const tar_member& member, std::size_t place);

  /// The file behind \p name; nothing when there is none. Errors as file_set::open.
  result<std::optional<std::size_t>> find(std::string_view name) const;

  /// See file_set::real_name.
  std::string real_name(std::string_view name) const;

 private:
  struct entry {
    member_kind kind = member_kind::file;
    std::string target;
    std::size_t place = 0;
  };
  using entry_map = std::map<std::string, entry, std::less<>>;

  /// The entry of the file behind \p name; end() when there is none.
  result<entry_map::const_iterator> follow(std::string_view name) const;

  entry_map entries_;
  std::size_t text_ = 0;  ///< bytes of names and targets
};

/// A plain tar on a disk: indexed once, its files are read where they lie.
class tar_files final : public file_set {
 public:
  /// Reads all headers. \p opened is a regular file, open for reading.
  static result<std::shared_ptr<tar_files>> index(runtime::file opened, const std::atomic<bool>& stop);

  result<std::unique_ptr<model::blob_reader>> open(std::string_view name) override;
  std::string real_name(std::string_view name) override { return names_.real_name(name); }
  bool goes_on_behind_end() const override { return goes_on_; }

 private:
  explicit tar_files(runtime::file opened) : file_(std::make_shared<runtime::file>(std::move(opened))) {}

  struct extent {
    std::uint64_t position = 0;
    std::uint64_t size = 0;
  };

  std::shared_ptr<runtime::file> file_;
  std::vector<extent> extents_;
  member_list names_;
  bool goes_on_ = false;
};

/// \p size bytes of \p from, starting at \p offset. Has no handle of its own on purpose: what comes from a foreign file must pass through
/// memory, where it is hashed.
std::unique_ptr<model::blob_reader> part_of_file(std::shared_ptr<const runtime::file> from, std::uint64_t offset, std::uint64_t size);

/// \p bytes as a blob.
std::unique_ptr<model::blob_reader> reader_of(std::string bytes);

/// All of a reader. \returns errc::limit_exceeded above \p cap bytes, errc::size_mismatch when it ends early
result<std::string> read_all(model::blob_reader& from, std::size_t cap, std::string_view what);

}  // namespace gantry::archive
