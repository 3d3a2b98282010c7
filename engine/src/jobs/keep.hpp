#pragma once

#include "jobs/until_had.hpp"
#include "store/content_store.hpp"

#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <utility>

namespace gantry::jobs {

/// Begins to keep the blobs of the store from being removed; waits while somebody cleans up. To be had before the first look at a blob.
task<result<std::shared_ptr<store::lease>>> keep_all(transfer::context& shared, transfer::operation& running,
                                                     std::shared_ptr<store::content_store> store);

/// From now on only \p blobs are kept (lease::narrow).
task<> keep_only(transfer::context& shared, std::shared_ptr<store::lease> lease, std::set<digest> blobs);

/// Runs \p work, which is not begun yet, while all blobs of the store are kept.
template <class T>
task<result<T>> while_kept(transfer::context& shared, transfer::operation& running, std::shared_ptr<store::content_store> store,
                           task<result<T>> work);

/// Ends a lease off the strand. To be called on every way out once the lease was had.
task<> keep_no_longer(transfer::context& shared, std::shared_ptr<store::lease> lease);

template <class T>
task<result<T>> while_kept(transfer::context& shared, transfer::operation& running, std::shared_ptr<store::content_store> store,
                           task<result<T>> work) {
  const result<std::shared_ptr<store::lease>> lease = co_await keep_all(shared, running, std::move(store));
  if (!lease) co_return lease.error();
  std::exception_ptr thrown;
  std::optional<result<T>> outcome;
  try {
    outcome = co_await std::move(work);
  } catch (...) {
    thrown = std::current_exception();
  }
  co_await keep_no_longer(shared, *lease);
  if (thrown) std::rethrow_exception(thrown);
  co_return std::move(*outcome);
}

}  // namespace gantry::jobs
