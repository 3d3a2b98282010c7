#pragma once

#include "base/failure.hpp"
#include "http/body_source.hpp"
#include "runtime/buffer_pool.hpp"
#include "runtime/signal.hpp"
#include "transfer/context.hpp"
#include "transfer/relay.hpp"
#include "transfer/upload_body.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace gantry::transfer {

/// One blob that is read once for several uploads. What was read waits in a few buffers until all have sent it, so that the slowest sets
/// the pace; one that takes nothing for a while is left behind and reads the rest for itself. Used on the strand alone.
class fan_out {
 public:
  /// Buffers between the fastest and the slowest.
  static constexpr std::size_t window = 4;

  /// One upload among those that are fed.
  struct slot {
    std::uint64_t position = 0;  ///< of the next byte for it
    bool apart = false;          ///< it has left, or was left behind
  };
  /// Bytes that several may be sending.
  struct block {
    std::shared_ptr<runtime::buffer_pool::buffer> memory;  ///< none: the slot stands apart and has to read for itself
    std::size_t begin = 0;
    std::size_t count = 0;
  };

  /// \p shared and \p running must outlive it. \param patience that the others have with one that takes nothing
  fan_out(context& shared, operation& running, reference image, descriptor blob,
          std::chrono::milliseconds patience = std::chrono::seconds(5));

  /// To be called for all before anything is read.
  std::shared_ptr<slot> add();
  /// \p one wants nothing more.
  void leave(slot& one);
  /// What comes next for \p one, at most \p limit bytes. Errors as relay::read.
  task<result<block>> read(std::shared_ptr<slot> one, std::uint64_t limit);

 private:
  struct piece {
    std::shared_ptr<runtime::buffer_pool::buffer> memory;
    std::uint64_t begin = 0;
    std::size_t count = 0;
  };
  task<> read_more();
  void release();

  context& shared_;
  operation& running_;
  descriptor blob_;
  std::shared_ptr<relay> source_;
  std::chrono::milliseconds patience_;
  std::vector<std::shared_ptr<slot>> slots_;
  std::deque<piece> pieces_;
  std::uint64_t front_ = 0;  ///< of the next byte that the source brings
  bool reading_ = false;
  std::chrono::steady_clock::time_point moved_;
  std::optional<failure> broken_;
  runtime::signal changed_;
};

/// The bytes of one blob for one upload: out of a fan_out as long as it keeps up with it, else by a relay of its own.
class fan_reader : public std::enable_shared_from_this<fan_reader> {
 public:
  /// \p shared and \p running must outlive it.
  fan_reader(context& shared, operation& running, reference image, descriptor blob)
      : shared_(shared), running_(running), image_(std::move(image)), blob_(std::move(blob)) {}
  ~fan_reader() { leave(); }
  fan_reader(const fan_reader&) = delete;
  fan_reader& operator=(const fan_reader&) = delete;

  /// \p place is one of \p fan, and nothing was read yet.
  void join(std::shared_ptr<fan_out> fan, std::shared_ptr<fan_out::slot> place) {
    fan_ = std::move(fan);
    place_ = std::move(place);
  }

  /// The body of one request.
  std::unique_ptr<http::body_source> open(std::uint64_t offset, std::uint64_t length, upload_body::progress_handler progress);
  /// Bytes at \p offset, valid as long as \p held is.
  task<result<std::span<const std::byte>>> read(std::uint64_t offset, std::uint64_t limit,
                                                std::shared_ptr<runtime::buffer_pool::buffer>& held);

  /// The attempt is over.
  void rest();
  /// As relay::broken.
  std::optional<failure> broken() const;
  /// After \ref broken: whether an upload that begins anew may get other bytes.
  bool try_elsewhere();

 private:
  void leave();
  relay& own();

  context& shared_;
  operation& running_;
  reference image_;
  descriptor blob_;
  std::shared_ptr<fan_out> fan_;
  std::shared_ptr<fan_out::slot> place_;
  std::optional<failure> fan_broken_;
  std::shared_ptr<relay> own_;
};

}  // namespace gantry::transfer
