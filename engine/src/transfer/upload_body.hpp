#pragma once

#include "http/body_source.hpp"
#include "model/blob_source.hpp"
#include "runtime/buffer_pool.hpp"
#include "runtime/lanes.hpp"
#include "runtime/stop.hpp"
#include "transfer/limiter.hpp"
#include "transfer/upload_check.hpp"

#include <gantry/descriptor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace gantry::transfer {

/// Part of a blob as the body of a request, read on the files lane through one buffer of the pool: what is being sent lies in the socket's
/// own memory meanwhile. It is hashed where it is read. The lanes, the pool, the limit and the stop source must outlive it.
class upload_body final : public http::body_source {
 public:
  /// Told of bytes that were handed out, and with a negative count of those that are handed out again.
  using progress_handler = std::function<void(std::int64_t bytes)>;

  /// \param check of all bodies of this blob; the last bytes are given out only when it finds the whole to be right
  upload_body(runtime::lanes& workers, runtime::buffer_pool& buffers, limiter& bandwidth, runtime::stop_source& stop,
              std::shared_ptr<model::blob_source> from, descriptor blob, std::uint64_t offset, std::uint64_t length,
              std::shared_ptr<upload_check> check, progress_handler progress);

  std::uint64_t size() const noexcept override { return length_; }
  runtime::task<result<std::span<const std::byte>>> next() override;
  runtime::task<result<void>> rewind() override;

 private:
  struct block {
    runtime::buffer_pool::buffer memory;
  };

  /// Reads \p wanted bytes of the blob at \p at, at most a block, and hashes them.
  runtime::task<result<std::size_t>> read(std::uint64_t at, std::size_t wanted);

  runtime::lanes& workers_;
  runtime::buffer_pool& buffers_;
  limiter& bandwidth_;
  runtime::stop_source& stop_;
  std::shared_ptr<model::blob_source> from_;
  descriptor blob_;
  std::uint64_t offset_;
  std::uint64_t length_;
  std::shared_ptr<upload_check> check_;
  progress_handler progress_;
  std::shared_ptr<model::blob_reader> reader_;
  std::shared_ptr<block> current_;
  std::uint64_t done_ = 0;
};

}  // namespace gantry::transfer
