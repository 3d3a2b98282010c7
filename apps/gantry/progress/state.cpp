#include "progress/state.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace gantry::app {

void progress_state::begin(std::string title) {
  *this = progress_state();
  title_ = std::move(title);
}

void progress_state::measure(std::string what) {
  measured_ = std::move(what);
  measured_bytes_ = 0;
}

active_blob* progress_state::find(const gantry::digest& digest) {
  const auto found = std::find_if(active_.begin(), active_.end(), [&](const active_blob& blob) { return blob.digest == digest; });
  return found == active_.end() ? nullptr : &*found;
}

void progress_state::advance(const gantry::digest& digest, std::uint64_t done, progress_clock::time_point now) {
  active_blob* blob = find(digest);
  if (blob == nullptr) return;
  if (done > blob->done) rate_.add(done - blob->done, now);
  blob->done = done;  // may go back: bytes that turned out wrong are fetched again
}

void progress_state::apply(const event& what, progress_clock::time_point now) {
  std::visit(
      [&](const auto& e) {
        using kind = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<kind, transfer_planned>) {
          waiting_.clear();
          if (!measured_.empty()) return;
          plan_ = e;
          planned_ = true;
        } else if constexpr (std::is_same_v<kind, transfer_progress>) {
          measured_bytes_ = e.received;
        } else if constexpr (std::is_same_v<kind, blob_started>) {
          waiting_.clear();
          if (active_blob* again = find(e.digest)) {
            again->done = e.resumed;
          } else {
            active_.push_back({e.digest, e.role, e.size, e.resumed});
          }
        } else if constexpr (std::is_same_v<kind, blob_progress>) {
          waiting_.clear();
          advance(e.digest, e.done, now);
        } else if constexpr (std::is_same_v<kind, blob_finished>) {
          // What was there already took no line, or was read.
          const active_blob* blob = find(e.digest);
          if (!e.reused || (blob != nullptr && blob->done > 0)) advance(e.digest, e.size, now);
          if (blob != nullptr) {
            if (blob->role != blob_role::manifest) {
              ++blobs_finished_;
              bytes_finished_ += e.size;
            }
            active_.erase(active_.begin() + (blob - active_.data()));
          }
        } else if constexpr (std::is_same_v<kind, gantry::waiting>) {
          waiting_ = e.what;
        } else if constexpr (std::is_same_v<kind, archive_progress>) {
          waiting_.clear();
          archive_ = e;
        }
      },
      what);
}

std::size_t progress_state::blobs_done() const noexcept { return std::min(plan_.blobs, plan_.blobs_held + blobs_finished_); }

std::uint64_t progress_state::bytes_done() const noexcept {
  std::uint64_t done = plan_.bytes_held + bytes_finished_;
  for (const auto& blob : active_) {
    if (blob.role != blob_role::manifest) done += blob.done;
  }
  return std::min(plan_.bytes, done);
}

std::optional<std::chrono::seconds> progress_state::remaining(progress_clock::time_point now) const {
  const double speed = rate(now);
  if (!planned_ || speed < 1.0) return std::nullopt;
  const double seconds = static_cast<double>(bytes() - bytes_done()) / speed;
  if (seconds > 360'000.0) return std::nullopt;  // beyond 100 hours the figure is noise
  return std::chrono::seconds(static_cast<std::int64_t>(seconds + 0.5));
}

}  // namespace gantry::app
