#include "jobs/record.hpp"

#include "jobs/until_had.hpp"

#include <optional>
#include <utility>

namespace gantry::jobs {

std::vector<store::reference_record> records_of(const std::vector<resolved_image>& images) {
  std::vector<store::reference_record> records;
  for (const resolved_image& image : images) {
    store::reference_record one;
    one.name = image.known_as;
    one.top = image.top;
    for (const resolved_manifest& manifest : image.manifests) {
      descriptor held = manifest.entry;
      if (!held.platform && !manifest.image_platform.os.empty()) held.platform = manifest.image_platform;
      one.manifests.push_back(std::move(held));
    }
    records.push_back(std::move(one));
  }
  return records;
}

task<result<void>> record(transfer::context& shared, transfer::operation& running, std::shared_ptr<store::content_store> store,
                          std::vector<store::reference_record> records) {
  auto attempt = [store = std::move(store), records = std::move(records)]() -> result<std::optional<bool>> {
    const auto lock = store->try_lock_index();
    if (!lock) return lock.error();
    if (!*lock) return std::optional<bool>();
    const result<void> put = store->put_references(records, **lock);
    if (!put) return put.error();
    const result<void> rebuilt = store->rebuild_index(**lock);
    if (!rebuilt) return rebuilt.error();
    return std::optional(true);
  };
  const result<bool> done =
      co_await until_had<bool>(shared, running, "somebody else is writing the store's index; waiting for it", std::move(attempt));
  if (!done) co_return done.error();
  co_return result<void>();
}

}  // namespace gantry::jobs
