#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace gantry::fuzz {

/// Something that reads what strangers write. It must neither crash nor hang whatever it is given; a broken promise of its own is reported
/// by \ref broken.
struct target {
  std::string_view name;
  void (*run)(std::string_view bytes);
};

/// All of them; the directory of the same name below tests/fuzz/corpus holds inputs.
std::span<const target> targets() noexcept;

/// Ends the program: \p promise does not hold.
[[noreturn]] void broken(const char* promise);

}  // namespace gantry::fuzz
