#pragma once

#include "jobs/mount_memory.hpp"
#include "jobs/push_plan.hpp"
#include "runtime/task.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <functional>
#include <memory>
#include <string>

namespace gantry::jobs {

using runtime::task;

/// As many as skopeo and crane send at once, when nobody says otherwise: uploads gain less from more than downloads do.
constexpr unsigned usual_uploads = 8;

/// How one plan is carried out.
struct upload_settings {
  bool force_upload = false;  ///< see push_options
  bool dry_run = false;
  upload_state kept{};  ///< of other runs
  /// Asked for another repository of the registry that may have a blob when nothing is known of one; may be empty.
  std::function<task<std::string>(transfer::operation&, planned_blob)> elsewhere{};
  /// image_resolved is about the names that are written, which a source may have several of, and comes once it is known whether the image
  /// is there: then with no platforms. false: none comes of the plan.
  bool names_targets = false;
  std::shared_ptr<store::content_store> cache{};  ///< where what is copied passes through and stays; none: memory alone
};

}  // namespace gantry::jobs
