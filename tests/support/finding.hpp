#pragma once

#include <string>

namespace gantry::test {

/// Appends \p problems, unless empty, to the file that GANTRY_FINDINGS names, if it does: a broken invariant is one too many even where a
/// test that fails is tried once more (test.sh). \returns \p problems
std::string finding(std::string problems);

}  // namespace gantry::test
