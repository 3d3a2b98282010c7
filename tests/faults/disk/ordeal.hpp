#pragma once

#include "integration/workplace.hpp"
#include "support/fake_registry.hpp"

#include <functional>
#include <string>
#include <vector>

namespace gantry::test {

/// One operation whose every call to the file system is made to fail in turn.
struct ordeal {
  std::string name;
  std::vector<std::string> words;                   ///< the command line
  std::function<void(const workplace&)> prepare{};  ///< what is there before; run once and copied
  std::vector<std::string> outputs{};               ///< names that hold all of the result or what they held before
  std::function<void(const workplace&)> finish{};   ///< what must hold after the clean rerun
  fake_registry* source = nullptr;                  ///< where blobs may be fetched from
  std::vector<std::string> blobs{};                 ///< digests of what is at \ref source
  bool second_fetches = false;                      ///< whether a rerun of a whole run fetches blobs (without a store)
};

struct ordeal_count {
  unsigned calls = 0;     ///< that one run makes
  unsigned injected = 0;  ///< runs in which one went wrong, as the shim's log has it
  unsigned endured = 0;   ///< of them, those that succeeded all the same
  unsigned checks = 0;    ///< of the invariant
};

/// Lets calls of \p what go wrong by \p how (tests/faults/disk/shim.cpp), all of them with `GANTRY_FAULTS=full` in the environment, else a
/// sample; after each, the invariant of docs/RELIABILITY.md, a rerun that must succeed, a second one that must fetch nothing, and a
/// clean-up after which nothing is left. \param lasting whether each call from there on goes wrong as well, as on a full disk
ordeal_count endure(const ordeal& what, const std::string& how, bool lasting = false);

}  // namespace gantry::test
