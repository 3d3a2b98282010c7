#pragma once

#include "archive/byte_input.hpp"
#include "archive/tar_header.hpp"
#include "base/failure.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace gantry::archive {

enum class member_kind {
  file,
  directory,
  symbolic_link,
  hard_link,
  other,  ///< a device, a pipe: nothing that an image archive has a use for
};

/// One member of a foreign tar.
struct tar_member {
  std::string name;  ///< see clean_member_name
  member_kind kind = member_kind::file;
  std::uint64_t size = 0;      ///< bytes of content; 0 for all but files
  std::string target;          ///< as written; empty for all but links
  std::uint64_t position = 0;  ///< in the tar, of the first byte of content
};

/// Caps of a foreign tar (DESIGN section 6).
inline constexpr std::size_t tar_member_limit = 100'000;
inline constexpr std::size_t tar_extension_limit = std::size_t{1} << 20;  ///< bytes of all extended headers of one member

/// Reads a foreign tar in order: ustar, pax, GNU long names and base-256 sizes, and what came before them. Our own reader and not
/// libarchive's, because every difference between what two readers see is a way around a check: sparse files, names cut at a NUL, nested
/// compression and cut archives are errors here, and members are found where they lie, so that plain archives are read in place.
///
/// An archive must end with its end marker: one that was cut between two members is not complete.
class tar_reader {
 public:
  /// \param from must outlive the reader
  explicit tar_reader(byte_input& from) : from_(from) {}

  /// Goes to the next member, past what was not read of the one before. Nothing at the end of the archive.
  /// \returns errc::malformed_document, errc::unsupported_document (sparse files, parts of several volumes), errc::limit_exceeded (entries,
  /// extended headers, names)
  result<std::optional<tar_member>> next();

  /// Reads the content of the current member until \p into is full or the content ends.
  result<std::size_t> read(std::span<std::byte> into);

 private:
  failure behind(failure why) const;
  failure cut_off() const;
  /// \param before bytes of the extended headers that the same member has already
  result<std::string> extension(std::uint64_t size, std::size_t before);
  result<void> pass(std::uint64_t count);
  result<std::optional<raw_tar_header>> header();
  result<tar_member> member_of(raw_tar_header header, tar_extensions said);

  byte_input& from_;
  std::uint64_t position_ = 0;
  std::uint64_t unread_ = 0;   ///< of the current content
  std::uint64_t padding_ = 0;  ///< behind it
  std::size_t members_ = 0;
  std::string last_;  ///< name of the latest member, for people
};

}  // namespace gantry::archive
