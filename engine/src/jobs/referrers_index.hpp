#pragma once

#include "base/failure.hpp"
#include "jobs/upload_ledger.hpp"
#include "runtime/task.hpp"
#include "transfer/context.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/digest.hpp>
#include <gantry/reference.hpp>

#include <string>

namespace gantry::jobs {

using runtime::task;

/// Puts \p entry into the list of referrers of \p subject that a registry without the referrers API keeps under a tag (distribution-spec,
/// "Referrers Tag Schema"). What others have written there stays; after writing it is read again, since another may have written at the
/// same time.
task<result<void>> list_as_referrer(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference repository,
                                    digest subject, descriptor entry);

/// What a list of referrers has become.
struct merged_list {
  descriptor top;
  bool written = false;  ///< false: it named everything already
};

/// The same for a whole list that is brought to \p name, a tag of that schema: the one that is there is given the entries that it lacks,
/// and where there is none \p bytes are written as they are. \param list describes them
task<result<merged_list>> merge_list(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference name,
                                     descriptor list, std::string bytes);

/// Takes \p gone, a manifest that was deleted, off the list of referrers of \p subject (distribution-spec, "Deleting Manifests"). A list
/// that becomes empty stays, as the specification has it.
task<result<void>> unlist_referrer(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference repository,
                                   digest subject, digest gone);

/// Whose referrers the tag of \p name lists, by that schema; empty for any other tag.
digest listed_subject(const reference& name);

}  // namespace gantry::jobs
