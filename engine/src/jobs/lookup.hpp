#pragma once

#include "base/failure.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/lookup.hpp>

#include <memory>
#include <string>

namespace gantry::jobs {

using runtime::task;

// Questions to a registry that move no blobs. References name the registry and the repository; a tag is left out of lists.

task<result<digest_result>> find_digest(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                        std::shared_ptr<store::content_store> store, reference image, digest_options options);

/// \param whom registry::precedence::registry_alone where what is not listed is taken for not there
task<result<tags_result>> list_tags(transfer::context& shared, std::shared_ptr<transfer::operation> running, reference repository,
                                    tags_options options, registry::precedence whom = registry::precedence::registry_first);

task<result<repositories_result>> list_repositories(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                    std::string registry, repositories_options options);

}  // namespace gantry::jobs
