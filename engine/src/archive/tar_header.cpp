#include "archive/tar_header.hpp"

#include "base/redact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace gantry::archive {
namespace {

// Offsets and lengths of the fields of a header block.
constexpr std::size_t name_at = 0, name_length = 100;
constexpr std::size_t size_at = 124, size_length = 12;
constexpr std::size_t checksum_at = 148, checksum_length = 8;
constexpr std::size_t type_at = 156;
constexpr std::size_t link_at = 157, link_length = 100;
constexpr std::size_t magic_at = 257;
constexpr std::size_t prefix_at = 345, prefix_length = 155;

std::string_view until_nul(std::string_view field) { return field.substr(0, field.find('\0')); }

/// Octal digits between blanks and NULs; nothing at all counts as zero.
std::optional<std::uint64_t> octal(std::string_view field) {
  const std::size_t begin = field.find_first_not_of(std::string_view(" \0", 2));
  if (begin == std::string_view::npos) return 0;
  field.remove_prefix(begin);
  field = field.substr(0, field.find_first_of(std::string_view(" \0", 2)));
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(field.data(), field.data() + field.size(), value, 8);
  if (ec != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return value;
}

/// GNU's base 256: the first bit says so, the second is the sign, the rest is the number, most significant byte first.
std::optional<std::uint64_t> number(std::string_view field) {
  const auto first = static_cast<unsigned char>(field.front());
  if ((first & 0x80) == 0) return octal(field);
  if ((first & 0x40) != 0) return std::nullopt;  // negative
  std::uint64_t value = first & 0x3f;
  for (const char byte : field.substr(1)) {
    if (value >> 55 != 0) return std::nullopt;
    value = value << 8 | static_cast<unsigned char>(byte);
  }
  return value;
}

/// Some old writers added up signed bytes.
bool checksum_is_right(std::span<const std::byte, tar_block> block, std::uint64_t stored) {
  std::uint64_t plain = 0;
  std::int64_t with_sign = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool own = i >= checksum_at && i < checksum_at + checksum_length;
    const auto byte = own ? static_cast<unsigned char>(' ') : std::to_integer<unsigned char>(block[i]);
    plain += byte;
    with_sign += static_cast<signed char>(byte);
  }
  return stored == plain || (with_sign >= 0 && stored == static_cast<std::uint64_t>(with_sign));
}

std::optional<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || text.empty() || value >> 63 != 0) return std::nullopt;
  return value;
}

failure too_long(std::string_view what, std::size_t size) {
  return {errc::limit_exceeded, fmt::format("the archive has a {} of {} bytes; more than {} are not accepted", what, size, tar_name_limit)};
}

/// Notes that extended headers give the entry behind them \p value.
template <class T>
result<void> note(std::optional<T>& known, T value, std::string_view what) {
  if (known && *known != value) return damaged_tar(fmt::format("extended headers give one entry two {}s", what));
  known = std::move(value);
  return {};
}

result<void> note_text(std::optional<std::string>& known, std::string_view value, std::string_view what) {
  if (value.size() > tar_name_limit) return too_long(what, value.size());
  if (value.find('\0') != std::string_view::npos) return damaged_tar(fmt::format("an extended header has a NUL byte in a {}", what));
  return note(known, std::string(value), what);
}

constexpr std::string_view name_words = "name";
constexpr std::string_view link_words = "link target";

result<void> read_record(std::string_view key, std::string_view value, tar_extensions& into) {
  if (key == "path") return note_text(into.name, value, name_words);
  if (key == "linkpath") return note_text(into.link_name, value, link_words);
  if (key == "size") {
    const auto size = decimal(value);
    if (!size) return damaged_tar("an extended header has a size that is no number");
    return note(into.size, *size, "size");
  }
  if (key.starts_with("GNU.sparse.")) into.sparse = true;
  return {};
}

}  // namespace

failure damaged_tar(std::string_view what) { return {errc::malformed_document, fmt::format("the tar archive is damaged: {}", what)}; }

result<std::optional<raw_tar_header>> decode_tar_header(std::span<const std::byte, tar_block> block) {
  if (std::all_of(block.begin(), block.end(), [](std::byte byte) { return byte == std::byte{0}; })) return std::optional<raw_tar_header>();
  const std::string_view text(reinterpret_cast<const char*>(block.data()), block.size());
  const auto stored = octal(text.substr(checksum_at, checksum_length));
  if (!stored || !checksum_is_right(block, *stored)) return damaged_tar("a header has a wrong checksum");
  raw_tar_header header;
  header.type = text[type_at];
  header.name = until_nul(text.substr(name_at, name_length));
  header.link_name = until_nul(text.substr(link_at, link_length));
  // GNU's own magic is followed by blanks, and has times where POSIX has the prefix.
  if (text.substr(magic_at, 6) == std::string_view("ustar\0", 6)) {
    const std::string_view prefix = until_nul(text.substr(prefix_at, prefix_length));
    if (!prefix.empty()) header.name = fmt::format("{}/{}", prefix, header.name);
  }
  const auto size = number(text.substr(size_at, size_length));
  if (!size || *size >> 63 != 0) return damaged_tar(fmt::format("the size of {} is no number", clean_text(header.name)));
  header.size = *size;
  return std::optional(std::move(header));
}

result<void> read_pax(std::string_view records, tar_extensions& into) {
  while (!records.empty()) {
    std::size_t length = 0;
    const auto [end, ec] = std::from_chars(records.data(), records.data() + std::min<std::size_t>(records.size(), 20), length);
    const auto digits = static_cast<std::size_t>(end - records.data());
    if (ec != std::errc() || digits == 0 || length > records.size() || length < digits + 3 || records[digits] != ' ' ||
        records[length - 1] != '\n') {
      return damaged_tar("an extended header has a record of wrong length");
    }
    const std::string_view record = records.substr(digits + 1, length - digits - 2);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) return damaged_tar("an extended header has a record without a key");
    const std::string_view key = record.substr(0, equals);
    // Values of keys that nobody here goes by may be any bytes: attributes of files are (SCHILY.xattr.*).
    if (key.find('\0') != std::string_view::npos) return damaged_tar("an extended header has a NUL byte in a key");
    if (const result<void> read = read_record(key, record.substr(equals + 1), into); !read) return read;
    records.remove_prefix(length);
  }
  return {};
}

result<void> read_long_name(char type, std::string_view text, tar_extensions& into) {
  // It ends in a NUL that is no part of it.
  const std::string_view name = until_nul(text);
  return type == 'L' ? note_text(into.name, name, name_words) : note_text(into.link_name, name, link_words);
}

result<std::string> clean_member_name(std::string_view name) {
  if (name.size() > tar_name_limit) return too_long(name_words, name.size());
  const auto refused = [&] {
    return failure(errc::malformed_document, fmt::format("the archive has an entry {} that leads out of it", clean_text(name)));
  };
  if (name.starts_with('/')) return refused();
  std::string out;
  while (!name.empty()) {
    const std::string_view part = name.substr(0, name.find('/'));
    name.remove_prefix(std::min(name.size(), part.size() + 1));
    if (part.empty() || part == ".") continue;
    if (part == "..") return refused();
    out.append(out.empty() ? "" : "/").append(part);
  }
  return out;
}

result<std::string> link_destination(std::string_view name, std::string_view target, bool symbolic) {
  const auto refused = [&] {
    return failure(errc::malformed_document,
                   fmt::format("the link {} of the archive leads to {}, out of it", clean_text(name), clean_text(target)));
  };
  if (target.starts_with('/') || target.size() > tar_name_limit) return refused();
  std::vector<std::string_view> parts;
  // \returns false where the path climbs above the root
  const auto walk = [&](std::string_view path) {
    while (!path.empty()) {
      const std::string_view part = path.substr(0, path.find('/'));
      path.remove_prefix(std::min(path.size(), part.size() + 1));
      if (part.empty() || part == ".") continue;
      if (part != "..") {
        parts.push_back(part);
      } else if (parts.empty()) {
        return false;
      } else {
        parts.pop_back();
      }
    }
    return true;
  };
  const std::size_t slash = name.rfind('/');
  if (symbolic && slash != std::string_view::npos && !walk(name.substr(0, slash))) return refused();
  if (!walk(target)) return refused();
  return fmt::format("{}", fmt::join(parts, "/"));
}

}  // namespace gantry::archive
