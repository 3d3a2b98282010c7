#include "jobs/upload_attempt.hpp"

#include <utility>

namespace gantry::jobs {

void tell_attempt(transfer::operation& running, const planned_blob& one, const upload_attempt& attempt, std::uint64_t connection,
                  const failure* why) {
  // A blob that was mounted had nobody send it.
  if (!running.events.heard() || (!attempt.offset && why == nullptr)) return;
  const auto since = [&](std::chrono::steady_clock::time_point then) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(then - attempt.begun);
  };
  segment_finished told;
  told.digest = one.blob.digest;
  told.kind = segment_kind::upload;
  told.connection = connection;
  told.host = one.registry;
  told.offset = attempt.offset.value_or(0);
  told.length = one.blob.size - told.offset;
  told.received = attempt.sent;
  told.begun = attempt.begun;
  told.elapsed = since(std::chrono::steady_clock::now());
  if (attempt.first) told.answered = since(*attempt.first);
  if (running.stop.stop_requested() && why != nullptr) {
    told.end = segment_end::stopped;
  } else if (why != nullptr) {
    told.end = segment_end::failed;
    told.message = why->text.message();
  }
  running.events.emit(std::move(told));
}

}  // namespace gantry::jobs
