#include "jobs/stored_size.hpp"

#include "store/inventory.hpp"

#include <utility>

namespace gantry::jobs {

runtime::task<std::uint64_t> stored_size(transfer::context& shared, std::shared_ptr<store::content_store> store) {
  auto call = [store = std::move(store)]() -> std::uint64_t {
    const auto files = store->files();
    return files ? total_size(files->blobs) : 0;
  };
  co_return co_await runtime::offload(shared.lanes, runtime::lane::files, std::move(call));
}

}  // namespace gantry::jobs
