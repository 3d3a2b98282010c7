#include "serve/asked_names.hpp"

namespace gantry::serve {

void asked_names::put(const reference& name, const descriptor& top, clock::time_point now) {
  erase(name);
  if (names_.size() >= most_) {
    const reference oldest = by_turn_.begin()->second;
    erase(oldest);
  }
  names_.insert_or_assign(name, entry{top, ++turns_, now});
  by_turn_.emplace(turns_, name);
}

const descriptor* asked_names::find(const reference& name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : &found->second.top;
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
    if (name.name() != where.name() || !tops.contains(one.top.digest)) continue;
    one.asked = now;
    any = true;
  }
  return any;
}

std::set<reference> asked_names::asked_since(clock::time_point when, const std::string& where, const std::set<digest>& tops) const {
  std::set<reference> found;
  for (const auto& [name, one] : names_) {
    if (one.asked >= when && name.name() == where && tops.contains(one.top.digest)) found.insert(name);
  }
  return found;
}

std::vector<std::pair<reference, descriptor>> asked_names::all() const {
  std::vector<std::pair<reference, descriptor>> list;
  list.reserve(names_.size());
  for (const auto& [name, one] : names_) list.emplace_back(name, one.top);
  return list;
}

}  // namespace gantry::serve
