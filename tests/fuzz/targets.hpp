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
std::span<const target> targets();

// The same by area, each in a file of that name.
std::span<const target> http_targets() noexcept;
std::span<const target> registry_targets() noexcept;
std::span<const target> config_targets() noexcept;
std::span<const target> model_targets() noexcept;
std::span<const target> store_targets() noexcept;
std::span<const target> archive_targets() noexcept;
std::span<const target> serve_targets() noexcept;

/// Ends the program: \p promise does not hold.
[[noreturn]] void broken(const char* promise);

inline void expect(bool holds, const char* promise) {
  if (!holds) broken(promise);
}

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// Whether \p text can be shown on a terminal: no control characters.
bool is_shown_safely(std::string_view text);

}  // namespace gantry::fuzz
