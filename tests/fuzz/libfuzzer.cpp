// The entry of libFuzzer. GANTRY_FUZZ_TARGET names what is fuzzed.

#include "fuzz/targets.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

const gantry::fuzz::target& chosen() {
  const char* wanted = std::getenv("GANTRY_FUZZ_TARGET");
  for (const gantry::fuzz::target& one : gantry::fuzz::targets()) {
    if (wanted != nullptr && one.name == wanted) return one;
  }
  gantry::fuzz::broken("GANTRY_FUZZ_TARGET names a target");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const gantry::fuzz::target& target = chosen();
  target.run({reinterpret_cast<const char*>(data), size});
  return 0;
}
