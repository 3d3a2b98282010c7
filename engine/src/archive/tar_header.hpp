#pragma once

#include "archive/tar.hpp"
#include "base/failure.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gantry::archive {

/// Bytes of a name or of a link's target in an archive: what Linux takes for a path (PATH_MAX).
inline constexpr std::size_t tar_name_limit = 4096;

/// A tar that is not what it should be; \p what says where, after a colon.
failure damaged_tar(std::string_view what);

/// What a header block says, extended headers left aside (POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar
/// Format").
struct raw_tar_header {
  std::string name;  ///< prefix included
  std::string link_name;
  std::uint64_t size = 0;
  char type = '0';
};

/// Decodes one header block. Nothing for a block of zeros, which ends an archive. \returns errc::malformed_document for a wrong checksum
/// and for numbers that are negative, not octal, or beyond 2^63
result<std::optional<raw_tar_header>> decode_tar_header(std::span<const std::byte, tar_block> block);

/// What the extended headers in front of a member say of it, as far as anything here goes by it; an empty text says nothing.
struct tar_extensions {
  std::optional<std::string> name;
  std::optional<std::string> link_name;
  std::optional<std::uint64_t> size;
  bool sparse = false;  ///< what follows is not the content as it is (GNU.sparse.*)

  bool says_nothing() const { return !name && !link_name && !size && !sparse; }
};

/// Adds the records of a pax extended header, `<length> <key>=<value>\n`, to \p into. All other keys, of times, owners and attributes, are
/// passed over. \returns errc::malformed_document for lengths that do not fit, empty keys, NUL bytes in a key or in a value that is used
/// (other readers would cut the name there), and for a second value that differs from one before, since readers disagree on which one
/// counts; errc::limit_exceeded for names above \ref tar_name_limit
result<void> read_pax(std::string_view records, tar_extensions& into);

/// Adds GNU's long name (type 'L') or long target of a link ('K'). \returns errors as \ref read_pax
result<void> read_long_name(char type, std::string_view text, tar_extensions& into);

/// The path of a member in one spelling: without "./" in front, doubled or trailing slashes. The root itself is an empty path.
/// \returns errc::malformed_document for what could lead out of the archive (absolute, or with "..") and for overlong names
result<std::string> clean_member_name(std::string_view name);

/// Where a link of the member \p name leads inside the archive, by the text alone. A symbolic link starts at the directory of \p name, a
/// hard link at the root. \returns errc::malformed_document when it is absolute or leads out
result<std::string> link_destination(std::string_view name, std::string_view target, bool symbolic);

}  // namespace gantry::archive
