#include "serve/asked_names.hpp"

#include <utility>

namespace gantry::serve {

std::optional<descriptor> newest(const asked_name* asked, const std::optional<descriptor>& record) {
  if (asked == nullptr) return record;
  const bool moved = record && record->digest != asked->recorded && record->digest != asked->top.digest;
  return moved ? record : asked->top;
}

void asked_names::put(const reference& name, asked_name what, clock::time_point now) {
  erase(name);
  if (names_.size() >= most_) {
    const reference oldest = by_turn_.begin()->second;
    erase(oldest);
  }
  names_.insert_or_assign(name, entry{std::move(what), ++turns_, now});
  by_turn_.emplace(turns_, name);
}

const asked_name* asked_names::find(const reference& name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : &found->second.what;
}

void asked_names::note_recorded(const reference& name, const digest& top) {
  const auto found = names_.find(name);
  if (found != names_.end()) found->second.what.recorded = top;
}

void asked_names::erase(const reference& name) {
  const auto found = names_.find(name);
  if (found == names_.end()) return;
  by_turn_.erase(found->second.turn);
  names_.erase(found);
}

bool asked_names::lead_to(const reference& where, const std::set<digest>& tops, clock::time_point now) {
  bool any = false;
  for (auto& [name, one] : names_) {
    if (name.name() != where.name() || !tops.contains(one.what.top.digest)) continue;
    one.asked = now;
    any = true;
  }
  return any;
}

std::set<reference> asked_names::asked_since(clock::time_point when, const std::string& where, const std::set<digest>& tops) const {
  std::set<reference> found;
  for (const auto& [name, one] : names_) {
    if (one.asked >= when && name.name() == where && tops.contains(one.what.top.digest)) found.insert(name);
  }
  return found;
}

std::vector<std::pair<reference, asked_name>> asked_names::all() const {
  std::vector<std::pair<reference, asked_name>> list;
  list.reserve(names_.size());
  for (const auto& [name, one] : names_) list.emplace_back(name, one.what);
  return list;
}

}  // namespace gantry::serve
