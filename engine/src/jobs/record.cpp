#include "jobs/record.hpp"

#include "runtime/signal.hpp"

#include <chrono>
#include <utility>

namespace gantry::jobs {

task<result<void>> record(transfer::context& shared, transfer::operation& running, std::shared_ptr<store::content_store> store,
                          std::vector<store::reference_record> records) {
  constexpr std::chrono::milliseconds lock_poll{50};
  for (unsigned tries = 0;; ++tries) {
    constexpr unsigned tries_before_telling = 20;
    if (tries == tries_before_telling) running.events.emit(waiting{"somebody else is writing the store's index; waiting for it"});
    auto call = [store, records]() -> result<bool> {
      auto lock = store->try_lock_index();
      if (!lock) return lock.error();
      if (!*lock) return false;
      for (const store::reference_record& one : records) {
        const result<void> put = store->put_reference(one, **lock);
        if (!put) return put.error();
      }
      const result<void> rebuilt = store->rebuild_index(**lock);
      if (!rebuilt) return rebuilt.error();
      return true;
    };
    const result<bool> done = co_await runtime::offload(shared.lanes, runtime::lane::files, std::move(call));
    if (!done) co_return done.error();
    if (*done) co_return result<void>();
    const bool slept = co_await runtime::sleep_for(lock_poll, running.stop);
    if (!slept) co_return failure(errc::cancelled, "stopped");
  }
}

}  // namespace gantry::jobs
