#include "jobs/prune_plan.hpp"

#include "jobs/sync_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gantry::jobs {

prune_plan plan_prune(const prune_facts& facts) {
  prune_plan plan;
  // Tags of signatures count as kept unless what they hang on goes: then nothing can use them.
  std::map<digest, std::vector<std::string>> hanging;
  std::map<digest, std::string> holders;
  for (const auto& [tag, top] : facts.tags) {
    if (facts.unwanted.contains(tag)) continue;
    const digest subject = tag_subject(tag);
    if (subject && tag.find('.') != std::string::npos) hanging[subject].push_back(tag);
    holders.emplace(top, tag);
  }
  std::map<digest, std::vector<std::string>> wanted_gone;
  for (const std::string& tag : facts.unwanted) {
    const auto found = facts.tags.find(tag);
    if (found != facts.tags.end()) wanted_gone[found->second].push_back(tag);
  }
  std::set<digest> needed;  // by indexes that stay
  const auto stays = [&](const digest& top) {
    const auto index = facts.children.find(top);
    if (index != facts.children.end()) needed.insert(index->second.begin(), index->second.end());
  };
  for (const auto& holder : holders) stays(holder.first);
  // Indexes first: whether they stay decides about what they are made of. All levels of one are among its children, so it has more of them
  // than any index in it.
  std::vector<digest> order;
  order.reserve(wanted_gone.size());
  for (const auto& gone : wanted_gone) order.push_back(gone.first);
  const auto size = [&](const digest& top) {
    const auto index = facts.children.find(top);
    return index == facts.children.end() ? 0 : index->second.size();
  };
  std::stable_sort(order.begin(), order.end(), [&](const digest& one, const digest& other) { return size(one) > size(other); });
  for (const digest& top : order) {
    const std::vector<std::string>& tags = wanted_gone[top];
    std::string why;
    const auto holder = holders.find(top);
    if (holder != holders.end()) {
      why = fmt::format("the tag {} names the same manifest, and this registry deletes a manifest with all its tags", holder->second);
    } else if (needed.contains(top)) {
      why = "an index that is kept is made of this manifest, and this registry deletes no tag without its manifest";
    } else if (facts.referred.contains(top)) {
      why = "other manifests refer to it, and this registry deletes no tag without its manifest";
    }
    if (!why.empty()) {
      stays(top);
      for (const std::string& tag : tags) plan.keep.push_back({tag, why});
      continue;
    }
    for (const std::string& tag : hanging[top]) {
      const digest& signature = facts.tags.at(tag);
      // The same bytes may hang on another manifest as well.
      const auto same = std::count_if(facts.tags.begin(), facts.tags.end(), [&](const auto& one) { return one.second == signature; });
      if (same == 1) plan.remove.push_back({signature, {tag}, top});
    }
    plan.remove.push_back({top, tags, {}});
  }
  return plan;
}

std::vector<digest> open_questions(const prune_facts& facts) {
  std::set<digest> needed;
  for (const auto& [tag, top] : facts.tags) {
    if (facts.unwanted.contains(tag)) continue;
    needed.insert(top);
    const auto index = facts.children.find(top);
    if (index != facts.children.end()) needed.insert(index->second.begin(), index->second.end());
  }
  std::set<digest> open;
  for (const std::string& tag : facts.unwanted) {
    const auto found = facts.tags.find(tag);
    if (found != facts.tags.end() && !needed.contains(found->second)) open.insert(found->second);
  }
  return std::vector<digest>(open.begin(), open.end());
}

std::vector<std::vector<std::size_t>> removal_rounds(const prune_plan& plan, const prune_facts& facts) {
  std::vector<std::vector<std::size_t>> rounds;
  std::map<digest, std::size_t> earliest;
  const auto not_before = [&](const digest& manifest, std::size_t round) {
    std::size_t& known = earliest[manifest];
    known = std::max(known, round);
  };
  // The order of the plan has what others wait for before them.
  for (std::size_t i = 0; i < plan.remove.size(); ++i) {
    const prune_plan::removal& one = plan.remove[i];
    const std::size_t round = one.subject ? std::max(earliest[one.subject], earliest[one.manifest]) : earliest[one.manifest];
    if (rounds.size() <= round) rounds.resize(round + 1);
    rounds[round].push_back(i);
    if (one.subject) not_before(one.subject, round + 1);
    const auto index = facts.children.find(one.manifest);
    if (index == facts.children.end()) continue;
    for (const digest& child : index->second) not_before(child, round + 1);
  }
  return rounds;
}

}  // namespace gantry::jobs
