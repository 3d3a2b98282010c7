#pragma once

#include <bitset>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace gantry::model {

/// A regular expression that is matched in time that grows with the text alone, whatever text a registry sends: all ways through the
/// expression are followed at once. The part of ECMAScript that this can be done for: no look-ahead, no back references, no `\b`.
class tag_pattern {
 public:
  /// Nothing for what it does not know, errors included.
  static std::optional<tag_pattern> compile(std::string_view expression);

  /// Whether the whole of \p text matches.
  bool matches(std::string_view text) const;

 private:
  enum class step {
    take,   ///< one character of \ref instruction::set
    split,  ///< goes on at both places
    jump,   ///< goes on at the first
    begin,  ///< only where the text begins
    end,    ///< only where it ends
    done,
  };
  struct instruction {
    step what = step::done;
    std::bitset<256> set{};
    std::size_t first = 0;
    std::size_t second = 0;
  };
  class compiler;

  std::vector<instruction> program_;
};

}  // namespace gantry::model
