#pragma once

#include "base/failure.hpp"
#include "http/client.hpp"
#include "store/byte_ranges.hpp"
#include "store/ingest.hpp"
#include "transfer/blob_writer.hpp"
#include "transfer/context.hpp"
#include "transfer/hash_cursor.hpp"
#include "transfer/line_keeper.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/reference.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace gantry::transfer {

struct stream_request {
  gantry::reference source;
  descriptor blob;
  store::byte_range gap;    ///< what is wanted
  bool ranges_work = true;  ///< false: ask for the whole and drop what is held
};

struct stream_outcome {
  std::uint64_t received = 0;    ///< bytes of the blob that came over the network
  bool rangeless = false;        ///< the origin answered a range request with the whole
  std::optional<failure> error;  ///< nothing when the gap, or all gaps of a whole answer, were filled
};

/// One request for bytes of a blob and its answer, stored as it comes. Whatever happens, what arrived is written, journalled and added to
/// \p held.
class blob_stream {
 public:
  /// All references must outlive \ref run.
  blob_stream(context& shared, operation& running, line_keeper& lines, std::shared_ptr<store::ingest> part, hash_cursor& cursor,
              store::byte_ranges& held)
      : shared_(shared), running_(running), lines_(lines), part_(std::move(part)), cursor_(cursor), held_(held) {}

  task<stream_outcome> run(stream_request request);

 private:
  task<std::optional<failure>> receive(http::exchange& reply, const descriptor& blob, store::byte_range span);
  task<std::optional<failure>> receive_run(http::exchange& reply, const descriptor& blob, store::byte_range run);
  task<std::optional<failure>> drop(http::exchange& reply, std::uint64_t bytes);
  task<std::size_t> fill(http::exchange& reply, std::span<std::byte> block, const descriptor& blob, std::uint64_t at);

  context& shared_;
  operation& running_;
  line_keeper& lines_;
  std::shared_ptr<store::ingest> part_;
  hash_cursor& cursor_;
  store::byte_ranges& held_;
  line_keeper::line* line_ = nullptr;  ///< of the request under way
  std::uint64_t received_ = 0;
  std::optional<failure> broken_;  ///< why the answer ended before its end
  std::uint64_t run_begin_ = 0;    ///< offset of the run under way, whose bytes are not in held_ yet
};

}  // namespace gantry::transfer
