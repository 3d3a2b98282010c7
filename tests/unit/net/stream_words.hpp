#pragma once

#include "net/byte_stream.hpp"
#include "runtime/task.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace gantry::net {

/// Sends \p question and \returns what one read brings in answer; "failed" where either does.
inline task<std::string> exchange_words(byte_stream& with, std::string question = "hello") {
  const error_code sent = co_await with.write_all(std::as_bytes(std::span(question.data(), question.size())));
  std::array<std::byte, 64> block;
  const read_result got = co_await with.read_some(block);
  if (sent || got.code) co_return "failed";
  co_return std::string(reinterpret_cast<const char*>(block.data()), got.bytes);
}

inline task<read_result> read_once(byte_stream& with) {
  std::array<std::byte, 64> block;
  co_return co_await with.read_some(block);
}

}  // namespace gantry::net
