#pragma once

#include "archive/byte_input.hpp"
#include "archive/decoder.hpp"
#include "archive/inflating_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace gantry::archive {

/// What a compressed input inflates to. Once, never again on what comes out: an archive in an archive is none.
class inflating_input final : public byte_input {
 public:
  /// \param from the compressed bytes; \param kind what they are compressed with, see \ref sniff
  /// \param what the input in messages
  inflating_input(std::unique_ptr<byte_input> from, model::compression kind, std::string what, inflate_limits limits = {});
  ~inflating_input() override;

  /// At the end all checksums have been compared, and bytes behind the last member are errors: an archive is whole or it is not.
  result<std::size_t> read(std::span<std::byte> into) override;

 private:
  class sequence;
  std::unique_ptr<sequence> sequence_;
  inflating_reader reader_;
  std::string what_;
};

/// \p from, whatever it is compressed with, as what it inflates to; the first bytes decide.
result<std::unique_ptr<byte_input>> plain_input(std::unique_ptr<byte_input> from, const std::string& what, inflate_limits limits = {});

/// Reads \p from to its end, so that its checksums are compared. For what stands behind the end of an archive.
result<void> drain(byte_input& from);

}  // namespace gantry::archive
