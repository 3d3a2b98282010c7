#include "archive/inflating_input.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <limits>
#include <utility>

namespace gantry::archive {
namespace {

/// An input whose first bytes were looked at already.
class looked_at_input final : public byte_input {
 public:
  looked_at_input(std::array<std::byte, 4> head, std::size_t count, std::unique_ptr<byte_input> rest)
      : head_(head), left_(count), count_(count), rest_(std::move(rest)) {}

  result<std::size_t> read(std::span<std::byte> into) override {
    const std::size_t held = std::min(into.size(), left_);
    std::memcpy(into.data(), head_.data() + (count_ - left_), held);
    left_ -= held;
    const result<std::size_t> got = rest_->read(into.subspan(held));
    if (!got) return got;
    return held + *got;
  }

 private:
  std::array<std::byte, 4> head_;
  std::size_t left_;
  std::size_t count_;
  std::unique_ptr<byte_input> rest_;
};

}  // namespace

/// An input as the blob that inflating_reader reads: in order, its end unknown until it comes.
class inflating_input::sequence final : public model::blob_reader {
 public:
  explicit sequence(std::unique_ptr<byte_input> from) : from_(std::move(from)) {}

  std::uint64_t size() const noexcept override { return size_; }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    const result<std::size_t> got = from_->read(into);
    if (got && *got < into.size()) size_ = offset + *got;
    return got;
  }

 private:
  std::unique_ptr<byte_input> from_;
  std::uint64_t size_ = std::numeric_limits<std::uint64_t>::max();
};

inflating_input::inflating_input(std::unique_ptr<byte_input> from, model::compression kind, std::string what, inflate_limits limits)
    : sequence_(std::make_unique<sequence>(std::move(from))), reader_(*sequence_, kind, what, limits), what_(std::move(what)) {}

inflating_input::~inflating_input() = default;

result<std::size_t> inflating_input::read(std::span<std::byte> into) {
  const result<std::size_t> got = reader_.read(into);
  if (!got || *got == into.size() || reader_.facts().padded) return got;
  return failure(errc::malformed_document, fmt::format("{} has {} bytes behind its compressed data", what_, reader_.facts().trailing));
}

result<std::unique_ptr<byte_input>> plain_input(std::unique_ptr<byte_input> from, const std::string& what, inflate_limits limits) {
  std::array<std::byte, 4> head{};
  const result<std::size_t> got = from->read(head);
  if (!got) return got.error();
  std::unique_ptr<byte_input> whole = std::make_unique<looked_at_input>(head, *got, std::move(from));
  const model::compression kind = sniff(std::span<const std::byte>(head).first(*got));
  if (kind == model::compression::none) return whole;
  return std::unique_ptr<byte_input>(std::make_unique<inflating_input>(std::move(whole), kind, what, limits));
}

result<void> drain(byte_input& from) {
  for (;;) {
    constexpr std::uint64_t step = std::uint64_t{1} << 20;
    const result<std::uint64_t> passed = from.skip(step);
    if (!passed) return passed.error();
    if (*passed < step) return {};
  }
}

}  // namespace gantry::archive
