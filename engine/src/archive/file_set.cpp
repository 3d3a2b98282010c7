#include "archive/file_set.hpp"

#include "archive/tar_header.hpp"
#include "base/redact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace gantry::archive {
namespace {

constexpr unsigned link_limit = 8;

class file_part final : public model::blob_reader {
 public:
  file_part(std::shared_ptr<const runtime::file> from, std::uint64_t offset, std::uint64_t size)
      : file_(std::move(from)), offset_(offset), size_(size) {}

  std::uint64_t size() const noexcept override { return size_; }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset >= size_) return std::size_t{0};
    return file_->read_at(offset_ + offset, into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset))));
  }

 private:
  std::shared_ptr<const runtime::file> file_;
  std::uint64_t offset_;
  std::uint64_t size_;
};

/// Whether a member is found within a MiB behind the end marker, which is padded to a few KiB by those who pad. What cannot be read is
/// none.
bool members_follow(byte_input& behind_end) {
  std::array<std::byte, tar_block> block{};
  for (unsigned looks = 0; looks < 2048; ++looks) {
    const result<std::size_t> got = behind_end.read(block);
    if (!got || *got < block.size()) return false;
    const result<std::optional<raw_tar_header>> header = decode_tar_header(block);
    if (header && *header) return true;
  }
  return false;
}

class text_reader final : public model::blob_reader {
 public:
  explicit text_reader(std::string bytes) : bytes_(std::move(bytes)) {}

  std::uint64_t size() const noexcept override { return bytes_.size(); }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset >= bytes_.size()) return std::size_t{0};
    const std::size_t count = std::min(into.size(), bytes_.size() - static_cast<std::size_t>(offset));
    std::memcpy(into.data(), bytes_.data() + offset, count);
    return count;
  }

 private:
  std::string bytes_;
};

}  // namespace

std::unique_ptr<model::blob_reader> part_of_file(std::shared_ptr<const runtime::file> from, std::uint64_t offset, std::uint64_t size) {
  return std::make_unique<file_part>(std::move(from), offset, size);
}

std::unique_ptr<model::blob_reader> reader_of(std::string bytes) { return std::make_unique<text_reader>(std::move(bytes)); }

result<std::string> read_all(model::blob_reader& from, std::size_t cap, std::string_view what) {
  if (from.size() > cap) {
    return failure(errc::limit_exceeded, fmt::format("{} has {} bytes; more than {} are not accepted", what, from.size(), cap));
  }
  std::string text(static_cast<std::size_t>(from.size()), '\0');
  const result<std::size_t> got = from.read_at(0, std::as_writable_bytes(std::span(text)));
  if (!got) return got.error();
  if (*got < text.size()) return failure(errc::size_mismatch, fmt::format("{} ends after {} of {} bytes", what, *got, text.size()));
  return text;
}

result<void> member_list::add(const tar_member& member, std::size_t place) {
  const auto [there, added] = entries_.try_emplace(member.name, entry{member.kind, member.target, place});
  if (!added && (there->second.kind != member_kind::directory || member.kind != member_kind::directory)) {
    return failure(errc::malformed_document, fmt::format("the archive has two entries named {}", clean_text(member.name)));
  }
  if (added) text_ += member.name.size() + member.target.size();
  if (text_ <= member_text_limit) return {};
  return failure(errc::limit_exceeded,
                 fmt::format("the names and link targets of the archive have more than {} bytes in all", member_text_limit));
}

result<member_list::entry_map::const_iterator> member_list::follow(std::string_view name) const {
  std::string at(name);
  for (unsigned followed = 0; followed <= link_limit; ++followed) {
    const auto found = entries_.find(at);
    if (found == entries_.end()) return found;
    const entry& there = found->second;
    if (there.kind == member_kind::file) return found;
    if (there.kind != member_kind::symbolic_link && there.kind != member_kind::hard_link) {
      return failure(errc::malformed_document, fmt::format("{} of the archive is not a file", clean_text(at)));
    }
    result<std::string> next = link_destination(at, there.target, there.kind == member_kind::symbolic_link);
    if (!next) return next.error();
    at = std::move(*next);
  }
  return failure(errc::malformed_document, fmt::format("the link {} of the archive leads nowhere", clean_text(name)));
}

result<std::optional<std::size_t>> member_list::find(std::string_view name) const {
  const result<entry_map::const_iterator> found = follow(name);
  if (!found) return found.error();
  return *found == entries_.end() ? std::optional<std::size_t>() : std::optional((*found)->second.place);
}

std::string member_list::real_name(std::string_view name) const {
  const result<entry_map::const_iterator> found = follow(name);
  return found && *found != entries_.end() ? (*found)->first : std::string(name);
}

result<std::shared_ptr<tar_files>> tar_files::index(runtime::file opened, const std::atomic<bool>& stop) {
  const result<std::uint64_t> size = opened.size();
  if (!size) return size.error();
  std::shared_ptr<tar_files> made(new tar_files(std::move(opened)));
  file_input bytes(*made->file_, *size);
  tar_reader members(bytes);
  for (;;) {
    if (stop.load(std::memory_order_relaxed)) return failure(errc::cancelled, "stopped while reading the archive's headers");
    const result<std::optional<tar_member>> member = members.next();
    if (!member) return member.error();
    if (!*member) {
      made->goes_on_ = members_follow(bytes);
      return made;
    }
    if (const result<void> added = made->names_.add(**member, made->extents_.size()); !added) return added.error();
    made->extents_.push_back({(*member)->position, (*member)->size});
  }
}

result<std::unique_ptr<model::blob_reader>> tar_files::open(std::string_view name) {
  const result<std::optional<std::size_t>> place = names_.find(name);
  if (!place) return place.error();
  if (!*place) return std::unique_ptr<model::blob_reader>();
  const extent& where = extents_[**place];
  return part_of_file(file_, where.position, where.size);
}

}  // namespace gantry::archive
