#pragma once

#include "archive/byte_input.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace gantry::test {

/// Bytes in memory as the input of an archive reader.
class text_input final : public archive::byte_input {
 public:
  explicit text_input(std::string text) : text_(std::move(text)) {}

  result<std::size_t> read(std::span<std::byte> into) override {
    const std::size_t count = std::min(into.size(), text_.size() - position_);
    std::memcpy(into.data(), text_.data() + position_, count);
    position_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t position_ = 0;
};

}  // namespace gantry::test
