#include "jobs/source_documents.hpp"

namespace gantry::jobs {

source_documents::turn::~turn() {
  if (owner_ == nullptr) return;
  owner_->busy_ = false;
  owner_->idle_.notify_all();
}

task<source_documents::turn> source_documents::enter(runtime::stop_source& stop) {
  while (busy_ && !useless_ && !stop.stop_requested()) co_await idle_.wait(stop);
  if (busy_) co_return turn();
  busy_ = true;
  co_return turn(*this);
}

void source_documents::remember(const reference& source, const descriptor& top) {
  const std::scoped_lock lock(mutex_);
  known_.emplace();
  known_->name = source.with_digest(top.digest);
  known_->top = top;
}

reference source_documents::pinned(const reference& source) const {
  const std::scoped_lock lock(mutex_);
  return known_ && known_->name.with_digest({}) == source.with_digest({}) ? known_->name : source;
}

bool source_documents::holds(const descriptor& blob) const noexcept {
  const std::scoped_lock lock(mutex_);
  return documents_.holds(blob);
}

result<std::string> source_documents::read(const descriptor& blob, std::size_t cap) const {
  const std::scoped_lock lock(mutex_);
  return documents_.read(blob, cap);
}

result<void> source_documents::put(const descriptor& blob, std::string_view bytes) const {
  const std::scoped_lock lock(mutex_);
  return documents_.put(blob, bytes);
}

result<std::optional<store::reference_record>> source_documents::find_reference(const reference& name) const {
  const std::scoped_lock lock(mutex_);
  return known_ && known_->name == name ? known_ : std::optional<store::reference_record>();
}

result<std::unique_ptr<model::blob_reader>> source_documents::open(const descriptor& blob) {
  const std::scoped_lock lock(mutex_);
  return documents_.open(blob);
}

}  // namespace gantry::jobs
