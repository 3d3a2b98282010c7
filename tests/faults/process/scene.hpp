#pragma once

#include "integration/workplace.hpp"
#include "support/fake_registry.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::test {

struct fault_count {
  unsigned injected = 0;  ///< times that something was done to a process
  unsigned endured = 0;   ///< of them, those after which it succeeded all the same
  unsigned checks = 0;    ///< of the invariant
};

/// An image in a registry of the test's own, and the real program that pulls it under circumstances that are not its own.
struct scene {
  explicit scene(fake_registry_options options = {});

  /// The words of a pull of \ref name; \p more is added.
  std::vector<std::string> pull(std::vector<std::string> more = {}) const;

  /// What holds whatever happened to the program before: the store is whole, the output is all or nothing, the same command succeeds,
  /// fetches no blob again that was in the store, and given once more fetches none at all. Nothing is left after a clean-up.
  void check_after(const workplace& place, const std::vector<std::string>& words, const std::string& output = {});

  fake_registry registry;
  test_image image;
  std::string name;
  fault_count counts;
};

/// Whether GANTRY_FAULTS=full asks for all of it.
bool in_full();

/// A line of the report that test.sh --faults sums up.
void report(const std::string& name, const fault_count& counts);

/// The environment that preloads tests/faults/disk/shim.cpp for what lies below \p place.
std::map<std::string, std::optional<std::string>> preloaded(const workplace& place,
                                                            std::map<std::string, std::optional<std::string>> settings);

}  // namespace gantry::test
