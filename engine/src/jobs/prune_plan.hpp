#pragma once

#include <gantry/digest.hpp>

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

}  // namespace gantry::jobs
