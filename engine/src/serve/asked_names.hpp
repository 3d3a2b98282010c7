#pragma once

#include <gantry/descriptor.hpp>
#include <gantry/digest.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantry::serve {

/// What a name led to when clients asked for it.
struct asked_name {
  descriptor top;
  /// What the store's record of the name led to when \ref top was learnt, or what was written there since; empty: it had none. When it
  /// leads elsewhere now, somebody else has pulled the name meanwhile.
  digest recorded;
};

/// Of what \p asked and the store's record of the same name say, each null or absent when it says nothing, what was learnt last. What
/// clients are still fetching has no record, so that an older one may lie there.
std::optional<descriptor> newest(const asked_name* asked, const std::optional<descriptor>& record);

/// Names that clients asked for and what each led to. There is room for a number of them: who was asked for longest ago makes room.
class asked_names {
 public:
  using clock = std::chrono::steady_clock;

  explicit asked_names(std::size_t most) : most_(most) {}

  void put(const reference& name, asked_name what, clock::time_point now = clock::now());
  /// Null when the name is not there; valid until the next change.
  const asked_name* find(const reference& name) const;
  /// The store's record of \p name leads to \p top now, which was taken from here.
  void note_recorded(const reference& name, const digest& top);
  void erase(const reference& name);
  /// Whether names of the repository that \p where names led to one of \p tops. These were asked for again, then.
  bool lead_to(const reference& where, const std::set<digest>& tops, clock::time_point now = clock::now());
  /// The names of the repository \p where, as reference::name() writes it, that led to one of \p tops and were asked for since \p when.
  std::set<reference> asked_since(clock::time_point when, const std::string& where, const std::set<digest>& tops) const;
  bool empty() const noexcept { return names_.empty(); }
  /// Ordered by name.
  std::vector<std::pair<reference, asked_name>> all() const;

 private:
  struct entry {
    asked_name what;
    std::uint64_t turn = 0;
    clock::time_point asked{};
  };
  std::size_t most_;
  std::uint64_t turns_ = 0;
  std::map<reference, entry> names_;
  std::map<std::uint64_t, reference> by_turn_;
};

}  // namespace gantry::serve
