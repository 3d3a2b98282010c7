#pragma once

#include "runtime/deadline.hpp"
#include "runtime/task.hpp"
#include "serve/arriving_blob.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace gantry::serve {

/// Calls a function, once, when a blob has had no reader for a while. Used on the strand.
class reader_watch {
 public:
  reader_watch(const runtime::executor& where, std::shared_ptr<arriving_blob> blob, std::chrono::milliseconds patience,
               std::function<void()> on_absence)
      : blob_(std::move(blob)), patience_(patience), absence_(where, limit(), [this, on_absence = std::move(on_absence)] {
          if (!blob_->has_readers()) on_absence();
        }) {
    blob_->watch_readers([this] { absence_.extend(limit()); });
  }
  reader_watch(const reader_watch&) = delete;
  reader_watch& operator=(const reader_watch&) = delete;
  ~reader_watch() { blob_->watch_readers({}); }

 private:
  /// While somebody reads there is none.
  std::chrono::milliseconds limit() const { return blob_->has_readers() ? std::chrono::hours(24 * 365) : patience_; }

  std::shared_ptr<arriving_blob> blob_;
  std::chrono::milliseconds patience_;
  runtime::deadline absence_;
};

}  // namespace gantry::serve
