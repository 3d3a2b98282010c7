#include "fuzz/targets.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace gantry::fuzz {

std::span<const target> targets() {
  static const std::vector<target> all = [] {
    std::vector<target> found;
    for (const std::span<const target> area :
         {http_targets(), registry_targets(), config_targets(), model_targets(), store_targets(), archive_targets(), serve_targets()}) {
      found.insert(found.end(), area.begin(), area.end());
    }
    return found;
  }();
  return all;
}

void broken(const char* promise) {
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

bool is_shown_safely(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
}

}  // namespace gantry::fuzz
