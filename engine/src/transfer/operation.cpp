#include "transfer/operation.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace gantry::transfer {
namespace {

constexpr std::chrono::milliseconds progress_interval{100};

}  // namespace

void event_emitter::deliver(event value) {
  if (!handler_) return;
  if (!target_) return handler_(value);
  boost::asio::post(target_, [handler = handler_, value = std::move(value)] { handler(value); });
}

void event_emitter::emit(event value) {
  flush();
  deliver(std::move(value));
}

void event_emitter::pass_on(const event& value) {
  if (const auto* const moved = std::get_if<transfer_progress>(&value)) return progress(*moved);
  emit(value);
}

void event_emitter::progress(const gantry::digest& blob, std::uint64_t done) {
  if (!handler_) return;
  blobs_[blob] = done;
  flush_if_due();
}

void event_emitter::progress(archive_progress value) {
  archive_ = value;
  flush_if_due();
}

void event_emitter::progress(transfer_progress value) {
  transfer_ = value;
  flush_if_due();
}

void event_emitter::flush_if_due() {
  if (std::chrono::steady_clock::now() - flushed_ >= progress_interval) flush();
}

void event_emitter::flush() {
  flushed_ = std::chrono::steady_clock::now();
  for (auto& [blob, done] : std::exchange(blobs_, {})) deliver(blob_progress{blob, done});
  if (const auto value = std::exchange(archive_, std::nullopt)) deliver(*value);
  if (const auto value = std::exchange(transfer_, std::nullopt)) deliver(*value);
}

}  // namespace gantry::transfer
