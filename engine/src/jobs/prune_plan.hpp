#pragma once

#include <gantry/digest.hpp>

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gantry::jobs {

/// What is known of one repository.
struct prune_facts {
  std::map<std::string, digest> tags;           ///< every tag and what it names
  std::set<std::string> unwanted;               ///< of these, those that are to go
  std::map<digest, std::set<digest>> children;  ///< what the indexes that tags name are made of, all levels
  std::set<digest> referred;                    ///< manifests that others refer to: signatures, SBOMs, attestations
};

/// What follows where a registry deletes by digest alone, which takes every tag of the digest with it (CLI.md, "Sync file").
struct prune_plan {
  struct removal {
    digest manifest;
    std::vector<std::string> tags;  ///< that go with it; the first ones were asked for, then those that hang on it
    digest subject{};               ///< what it hangs on, and goes with; empty of what was asked for
  };
  struct kept {
    std::string tag;
    std::string why;
  };
  std::vector<removal> remove;  ///< indexes before what they are made of: what is left of them stays whole when one cannot be deleted
  std::vector<kept> keep;
};

/// A digest goes only when no kept tag, no kept index and no referrer needs it; an index that stays for one of these reasons is kept as
/// much as one that the list names. Signatures that hang on it by their tags go before it. Pure.
prune_plan plan_prune(const prune_facts& facts);

/// The manifests of unwanted tags of which \ref prune_facts::referred decides: no kept tag and no index that a kept tag names needs them.
std::vector<digest> open_questions(const prune_facts& facts);

/// Places in prune_plan::remove, each once, in rounds: what is in one round can be deleted at the same time. An index goes in an earlier
/// round than what it is made of, a signature in an earlier one than what it hangs on.
std::vector<std::vector<std::size_t>> removal_rounds(const prune_plan& plan, const prune_facts& facts);

}  // namespace gantry::jobs
