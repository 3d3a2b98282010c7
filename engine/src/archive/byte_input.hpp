#pragma once

#include "archive/sink.hpp"
#include "base/failure.hpp"
#include "runtime/file.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace gantry::archive {

/// Bytes in order, from wherever an archive comes. Blocking: used by one worker at a time.
class byte_input {
 public:
  virtual ~byte_input() = default;
  byte_input(const byte_input&) = delete;
  byte_input& operator=(const byte_input&) = delete;

  /// Reads until \p into is full or the input ends. \returns the bytes read
  virtual result<std::size_t> read(std::span<std::byte> into) = 0;

  /// Passes over \p count bytes. \returns the bytes passed; fewer only at the end. The base version reads them.
  virtual result<std::uint64_t> skip(std::uint64_t count);

 protected:
  byte_input() = default;

 private:
  std::unique_ptr<copy_buffer> buffer_;
};

/// A regular file from \p offset on; passes over bytes without reading them.
class file_input final : public byte_input {
 public:
  /// \param from open for reading, \p size bytes long; must outlive the input
  file_input(const runtime::file& from, std::uint64_t size) : file_(from), size_(size) {}

  result<std::size_t> read(std::span<std::byte> into) override;
  result<std::uint64_t> skip(std::uint64_t count) override;

 private:
  const runtime::file& file_;
  std::uint64_t size_;
  std::uint64_t position_ = 0;
};

/// A descriptor that can only be read in order, such as standard input. Its flags are not changed.
class descriptor_input final : public byte_input {
 public:
  /// \param descriptor open for reading; must outlive the input
  /// \param name the descriptor in messages, e.g. "standard input"
  /// \param stop looked at while waiting for bytes; set, reading fails with errc::cancelled. Must outlive the input.
  descriptor_input(int descriptor, std::string name, const std::atomic<bool>& stop)
      : descriptor_(descriptor), name_(std::move(name)), stop_(stop) {}

  result<std::size_t> read(std::span<std::byte> into) override;

 private:
  int descriptor_;
  std::string name_;
  const std::atomic<bool>& stop_;
};

}  // namespace gantry::archive
