#pragma once

#include "runtime/signal.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"
#include "store/memory_documents.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/reference.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gantry::jobs {

using runtime::task;

/// What copies of one source to several names have read of it: a manifest is asked for once. Bounded like store::memory_documents; gone
/// with the last copy. As a store of documents it may be used by any thread, the rest on the strand alone.
class source_documents final : public store::document_store {
 public:
  /// The right to read the source for all.
  class turn {
   public:
    turn() = default;
    explicit turn(source_documents& owner) : owner_(&owner) {}
    turn(turn&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    turn& operator=(turn&&) = delete;
    ~turn();

   private:
    source_documents* owner_ = nullptr;
  };
  /// Waits until nobody else reads the source, or \p stop comes; not at all once one has read it in vain: then each finds out for itself.
  task<turn> enter(runtime::stop_source& stop);
  void give_up() noexcept { useless_ = true; }

  /// \p source is \p top: whoever resolves it by that digest gets it from here.
  void remember(const reference& source, const descriptor& top);
  /// \p source by the digest that it was found to be, if it was.
  reference pinned(const reference& source) const;

  bool holds(const descriptor& blob) const noexcept override;
  result<std::string> read(const descriptor& blob, std::size_t cap) const override;
  result<void> put(const descriptor& blob, std::string_view bytes) const override;
  result<std::optional<store::reference_record>> find_reference(const reference& name) const override;
  result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override;

 private:
  mutable std::mutex mutex_;  // of what follows
  store::memory_documents documents_;
  std::optional<store::reference_record> known_;

  bool busy_ = false;
  bool useless_ = false;
  runtime::signal idle_;
};

}  // namespace gantry::jobs
