#include "jobs/inspect.hpp"

#include "jobs/resolve.hpp"

#include <set>
#include <utility>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;

}  // namespace

std::uint64_t content_size(const descriptor& config, const std::vector<descriptor>& layers) {
  std::set<digest> counted;
  std::uint64_t size = 0;
  if (config.digest && counted.insert(config.digest).second) size += config.size;
  for (const descriptor& layer : layers) {
    if (counted.insert(layer.digest).second) size += layer.size;
  }
  return size;
}

task<result<inspect_result>> inspect(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                     std::shared_ptr<store::content_store> store, reference image, inspect_options options) {
  resolver names(shared, *running, store, {}, options.offline);
  platform_choice choice;
  choice.platforms = options.platforms;
  choice.all = options.platforms.empty();
  auto resolved = co_await names.resolve(image, std::move(choice));
  if (!resolved) co_return resolved.error();

  inspect_result done;
  done.reference = image;
  done.top = resolved->top;
  auto read_top = [store, top = resolved->top] { return store->read(top, model::document_limit); };
  auto top = co_await offload(shared.lanes, lane::files, std::move(read_top));
  if (!top) co_return top.error();
  done.document = std::move(*top);
  for (const resolved_manifest& one : resolved->manifests) {
    inspected_manifest seen;
    seen.manifest = one.entry;
    seen.image_platform = one.image_platform;
    seen.attestation = one.attestation;
    seen.config = one.content.config;
    seen.layers = one.content.layers;
    seen.size = content_size(one.content.config, one.content.layers);
    auto read_manifest = [store, entry = one.entry] { return store->read(entry, model::document_limit); };
    auto document = co_await offload(shared.lanes, lane::files, std::move(read_manifest));
    if (!document) co_return document.error();
    seen.document = std::move(*document);
    if (options.configs && model::is_image(one.content)) {
      auto config = co_await names.read_config(image, one.content.config);
      if (!config) co_return config.error();
      seen.config_document = std::move(*config);
    }
    done.manifests.push_back(std::move(seen));
  }
  co_return done;
}

}  // namespace gantry::jobs
