#include "archive/tar_reader.hpp"

#include "base/redact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gantry::archive {
namespace {

/// The kind of a type flag; nothing for types whose content cannot be told.
std::optional<member_kind> member_kind_of(char type) {
  switch (type) {
    case '0':
    case '\0':
    case '7':  // contiguous, a file to everybody
      return member_kind::file;
    case '1':
      return member_kind::hard_link;
    case '2':
      return member_kind::symbolic_link;
    case '3':
    case '4':
    case '6':
      return member_kind::other;
    case '5':
      return member_kind::directory;
    default:
      return std::nullopt;
  }
}

bool is_extension(char type) { return type == 'x' || type == 'X' || type == 'g' || type == 'L' || type == 'K'; }

/// Adds what the extended header \p text says to \p into.
result<void> read_extension(char type, std::string_view text, tar_extensions& into) {
  if (type == 'L' || type == 'K') return read_long_name(type, text, into);
  if (type != 'g') return read_pax(text, into);
  tar_extensions of_all;
  if (const result<void> read = read_pax(text, of_all); !read) return read;
  if (!of_all.says_nothing()) return damaged_tar("a global header gives one name, size or form of content to all entries");
  return {};
}

}  // namespace

/// \p why with the member that was read last: where to look in a large archive.
failure tar_reader::behind(failure why) const {
  if (last_.empty() || why.code != condition::integrity) return why;
  return {why.code, fmt::format("{}; the last member that is found is {}", why.text.message(), last_)};
}

failure tar_reader::cut_off() const {
  return behind({errc::malformed_document, "the archive is not complete: it ends before its end marker"});
}

result<void> tar_reader::pass(std::uint64_t count) {
  const result<std::uint64_t> passed = from_.skip(count);
  if (!passed) return passed.error();
  position_ += *passed;
  if (*passed < count) return cut_off();
  return {};
}

result<std::optional<raw_tar_header>> tar_reader::header() {
  std::array<std::byte, tar_block> block{};
  const result<std::size_t> got = from_.read(block);
  if (!got) return got.error();
  const bool first = position_ == 0;
  position_ += *got;
  if (first && *got == 0) return failure(errc::malformed_document, "it is empty");
  if (first && *got < block.size()) {
    return failure(errc::malformed_document, fmt::format("it is no archive, or only the beginning of one: there are {} bytes", *got));
  }
  if (*got < block.size()) return cut_off();
  result<std::optional<raw_tar_header>> decoded = decode_tar_header(block);
  if (!first && !decoded) return behind(decoded.error());
  if (first && !decoded) return failure(errc::malformed_document, "it is no tar archive, nor one compressed with gzip or zstd");
  return decoded;
}

result<std::string> tar_reader::extension(std::uint64_t size, std::size_t before) {
  if (size > tar_extension_limit - before) {
    return failure(errc::limit_exceeded,
                   fmt::format("an entry of the archive has extended headers of {} bytes; more than {} are not accepted", before + size,
                               tar_extension_limit));
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  const result<std::size_t> got = from_.read(std::as_writable_bytes(std::span(text)));
  if (!got) return got.error();
  position_ += *got;
  if (*got < text.size()) return cut_off();
  if (const result<void> passed = pass(tar_padding(size)); !passed) return passed.error();
  return text;
}

result<std::optional<tar_member>> tar_reader::next() {
  if (const result<void> passed = pass(std::exchange(unread_, 0) + std::exchange(padding_, 0)); !passed) return passed.error();
  tar_extensions said;
  std::size_t extended = 0;
  for (;;) {
    result<std::optional<raw_tar_header>> found = header();
    if (!found) return found.error();
    if (!*found) return std::optional<tar_member>();
    // Headers in front of headers count as well, or they would go on for ever.
    if (++members_ > tar_member_limit) {
      return failure(errc::limit_exceeded, fmt::format("the archive has more than {} entries", tar_member_limit));
    }
    raw_tar_header& header = **found;
    if (header.type == 'V') {  // the name of a volume
      if (const result<void> passed = pass(header.size + tar_padding(header.size)); !passed) return passed.error();
      continue;
    }
    if (!is_extension(header.type)) {
      result<tar_member> member = member_of(std::move(header), std::move(said));
      if (!member) return member.error();
      return std::optional(std::move(*member));
    }
    const result<std::string> text = extension(header.size, extended);
    if (!text) return text.error();
    extended += text->size();
    if (const result<void> read = read_extension(header.type, *text, said); !read) return behind(read.error());
  }
}

result<tar_member> tar_reader::member_of(raw_tar_header header, tar_extensions said) {
  if (said.name && !said.name->empty()) header.name = std::move(*said.name);
  if (said.link_name && !said.link_name->empty()) header.link_name = std::move(*said.link_name);
  if (said.size) header.size = *said.size;
  const std::string shown = clean_text(header.name);
  if (said.sparse || header.type == 'S') {
    return failure(errc::unsupported_document, fmt::format("{} is a sparse file, which archives of images do not have", shown));
  }
  std::optional<member_kind> kind = member_kind_of(header.type);
  if (!kind) {
    return failure(errc::unsupported_document,
                   fmt::format("{} is of type '{}', which is not known", shown, clean_text(std::string(1, header.type))));
  }
  // Before there was a type for them, directories were files whose name ends in a slash.
  if (*kind == member_kind::file && header.name.ends_with('/')) kind = member_kind::directory;

  tar_member member;
  member.kind = *kind;
  result<std::string> name = clean_member_name(header.name);
  if (!name) return name.error();
  member.name = std::move(*name);
  last_ = shown;
  if (member.name.empty() && member.kind != member_kind::directory) return damaged_tar("an entry has no name");
  member.position = position_;
  if (member.kind == member_kind::symbolic_link || member.kind == member_kind::hard_link) member.target = std::move(header.link_name);
  if (member.kind == member_kind::file) {
    member.size = header.size;
    unread_ = member.size;
    padding_ = tar_padding(member.size);
  }
  return member;
}

result<std::size_t> tar_reader::read(std::span<std::byte> into) {
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), unread_));
  const result<std::size_t> got = from_.read(into.first(wanted));
  if (!got) return got.error();
  position_ += *got;
  unread_ -= *got;
  if (*got < wanted) return cut_off();
  return *got;
}

}  // namespace gantry::archive
