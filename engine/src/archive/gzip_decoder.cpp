#include "archive/checksum.hpp"
#include "archive/decoder.hpp"

#include <algorithm>
#include <array>

namespace gantry::archive {
namespace {

constexpr std::byte magic_first{0x1f};
constexpr std::byte magic_second{0x8b};
constexpr std::size_t fixed_header_size = 10;
constexpr std::size_t trailer_size = 8;

/// Flags of a member's header (RFC 1952 section 2.3.1).
enum header_flag : unsigned {
  has_header_crc = 2,
  has_extra = 4,
  has_name = 8,
  has_comment = 16,
  reserved_flags = 0xe0,
};

std::uint32_t little_endian(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::to_integer<std::uint32_t>(bytes[i]) << (8 * i);
  return value;
}

failure broken(const char* why) { return {errc::malformed_document, why}; }

/// The members of a gzip file; deflate alone is left to the inflater, since both libraries would stop after the first member or take
/// what follows for one.
class gzip_decoder final : public decoder {
 public:
  explicit gzip_decoder(std::unique_ptr<raw_inflater> inflater) : inflater_(std::move(inflater)) {}

  result<progress> step(std::span<const std::byte> in, std::span<std::byte> out) override {
    progress done;
    while (true) {
      if (state_ == state::body) {
        const std::optional<raw_inflater::progress> some = inflater_->run(in.subspan(done.taken), out.subspan(done.given));
        if (!some) return broken("it is damaged: its deflate data cannot be decoded");
        account(out.subspan(done.given, some->given));
        done.taken += some->taken;
        done.given += some->given;
        if (!some->ended) return done;
        end_body();
        continue;
      }
      if (surplus_.empty() && done.taken == in.size()) return done;
      if (state_ == state::trailing) {
        trail(surplus_);
        trail(in.subspan(done.taken));
        surplus_ = {};
        done.taken = in.size();
        return done;
      }
      std::byte next{};
      if (!surplus_.empty()) {
        next = surplus_.front();
        surplus_ = surplus_.subspan(1);
      } else {
        next = in[done.taken++];
      }
      if (const result<void> fine = take(next); !fine) return fine.error();
    }
  }

  result<void> finish() override {
    // A lone first byte of a magic is no member.
    if (state_ == state::between_magic) trail(std::span(&magic_first, 1));
    if (state_ == state::between || state_ == state::between_magic || state_ == state::trailing) return {};
    return broken("it is cut off: its last gzip member is not complete");
  }

 private:
  enum class state {
    header,         ///< the ten bytes that every member begins with
    extra_size,     ///< two bytes
    extra,          ///< that many
    name,           ///< up to a zero byte
    comment,        ///< up to a zero byte
    header_crc,     ///< two bytes
    body,           ///< deflate
    trailer,        ///< CRC and length
    between,        ///< after a member
    between_magic,  ///< after a member, and the first byte of another's magic
    trailing,       ///< after the last member
  };

  void account(std::span<const std::byte> bytes) {
    member_crc_ = continue_crc(member_crc_, bytes);
    member_size_ += bytes.size();
    facts_.raw_size += bytes.size();
  }

  void trail(std::span<const std::byte> bytes) {
    facts_.trailing += bytes.size();
    facts_.padded = facts_.padded && std::all_of(bytes.begin(), bytes.end(), [](std::byte one) { return one == std::byte{0}; });
  }

  void end_body() {
    const std::span<const std::byte> ahead = inflater_->surplus();
    std::copy(ahead.begin(), ahead.end(), kept_surplus_.begin());
    surplus_ = std::span(kept_surplus_).first(ahead.size());
    inflater_->reset();
    enter(state::trailer);
  }

  void enter(state next) {
    state_ = next;
    filled_ = 0;
  }

  /// Collects \p next. \returns whether \p size bytes are there.
  bool collect(std::byte next, std::size_t size) {
    field_[filled_++] = next;
    return filled_ == size;
  }
  std::span<const std::byte> field() const { return std::span(field_).first(filled_); }

  result<void> take(std::byte next) {
    switch (state_) {
      case state::header:
        header_crc_ = continue_crc(header_crc_, std::span(&next, 1));
        if (!collect(next, fixed_header_size)) return {};
        if (field_[0] != magic_first || field_[1] != magic_second) return broken("it is not gzip");
        if (field_[2] != std::byte{8}) return broken("it uses a compression method that gzip does not define");
        flags_ = std::to_integer<unsigned>(field_[3]);
        if ((flags_ & reserved_flags) != 0) return broken("it is damaged: reserved flags of a gzip member are set");
        begin_option(state::header);
        return {};
      case state::extra_size:
        header_crc_ = continue_crc(header_crc_, std::span(&next, 1));
        if (!collect(next, 2)) return {};
        extra_left_ = little_endian(field());
        if (extra_left_ > 0) {
          enter(state::extra);
        } else {
          begin_option(state::extra);
        }
        return {};
      case state::extra:
        header_crc_ = continue_crc(header_crc_, std::span(&next, 1));
        if (--extra_left_ == 0) begin_option(state::extra);
        return {};
      case state::name:
      case state::comment:
        header_crc_ = continue_crc(header_crc_, std::span(&next, 1));
        if (next == std::byte{0}) begin_option(state_);
        return {};
      case state::header_crc:
        if (!collect(next, 2)) return {};
        if (little_endian(field()) != (header_crc_ & 0xffff)) return broken("it is damaged: the checksum of a gzip header does not match");
        begin_body();
        return {};
      case state::trailer:
        if (!collect(next, trailer_size)) return {};
        return end_member();
      case state::between:
        if (next == magic_first) {
          enter(state::between_magic);
        } else {
          trail(std::span(&next, 1));
          enter(state::trailing);
        }
        return {};
      case state::between_magic:
        if (next != magic_second) {
          trail(std::span(&magic_first, 1));
          trail(std::span(&next, 1));
          enter(state::trailing);
          return {};
        }
        enter(state::header);
        field_[filled_++] = magic_first;
        field_[filled_++] = magic_second;
        header_crc_ = continue_crc(0, field());
        return {};
      case state::body:
      case state::trailing:
        break;
    }
    return {};
  }

  /// The first part of a header that is there and stands behind \p after.
  void begin_option(state after) {
    if (after < state::extra_size && (flags_ & has_extra) != 0) return enter(state::extra_size);
    if (after < state::name && (flags_ & has_name) != 0) return enter(state::name);
    if (after < state::comment && (flags_ & has_comment) != 0) return enter(state::comment);
    if ((flags_ & has_header_crc) != 0) return enter(state::header_crc);
    begin_body();
  }

  void begin_body() {
    member_crc_ = 0;
    member_size_ = 0;
    enter(state::body);
  }

  result<void> end_member() {
    if (little_endian(field().first(4)) != member_crc_) return broken("it is damaged: the CRC of a gzip member does not match");
    // The length is kept modulo 2^32.
    if (little_endian(field().subspan(4)) != static_cast<std::uint32_t>(member_size_)) {
      return broken("it is damaged: the length of a gzip member does not match");
    }
    facts_.crc = combine_crc(facts_.crc, member_crc_, member_size_);
    facts_.parts += 1;
    header_crc_ = 0;
    enter(state::between);
    return {};
  }

  std::unique_ptr<raw_inflater> inflater_;
  state state_ = state::header;
  std::array<std::byte, fixed_header_size> field_{};
  std::size_t filled_ = 0;
  unsigned flags_ = 0;
  std::uint32_t extra_left_ = 0;
  std::uint32_t header_crc_ = 0;
  std::uint32_t member_crc_ = 0;
  std::uint64_t member_size_ = 0;
  std::array<std::byte, 8> kept_surplus_{};
  std::span<const std::byte> surplus_;  ///< of kept_surplus_, not yet looked at
};

}  // namespace

std::unique_ptr<decoder> make_gzip_decoder(std::unique_ptr<raw_inflater> inflater) {
  return std::make_unique<gzip_decoder>(std::move(inflater));
}

}  // namespace gantry::archive
