#pragma once

#include "jobs/fan_group.hpp"
#include "jobs/uploader.hpp"
#include "store/content_store.hpp"
#include "store/document_store.hpp"
#include "transfer/context.hpp"

#include <gantry/reference.hpp>

#include <memory>
#include <string>
#include <utility>

namespace gantry::jobs {

using runtime::task;

/// What one image of a registry is made of. Manifests were read before; blobs pass through, from the registry or, with a cache, by way of
/// the store. \p shared and \p running must outlive it.
class relayed_feed final : public upload_feed {
 public:
  relayed_feed(transfer::context& shared, transfer::operation& running, reference source, std::shared_ptr<store::document_store> documents,
               std::shared_ptr<store::content_store> cache, std::shared_ptr<fan_group> fan)
      : shared_(shared),
        running_(running),
        source_(std::move(source)),
        documents_(std::move(documents)),
        cache_(std::move(cache)),
        fan_(std::move(fan)) {}

  std::unique_ptr<blob_feed> blob(const planned_blob& one) override;
  void settle(const planned_blob& one) override;
  task<result<std::string>> document(descriptor one) override;
  std::string source() const override { return cache_ ? std::string() : source_.registry(); }

 private:
  transfer::context& shared_;
  transfer::operation& running_;
  reference source_;
  std::shared_ptr<store::document_store> documents_;
  std::shared_ptr<store::content_store> cache_;  ///< what passes stays there; null: it passes through memory
  std::shared_ptr<fan_group> fan_;
};

}  // namespace gantry::jobs
